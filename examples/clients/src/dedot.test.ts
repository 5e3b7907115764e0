import { devKeyring } from '@dshackle/devnet';
import { DedotProvider } from '@dshackle/polkadot-provider';
import type { KeyringPair } from '@polkadot/keyring/types';
import { DedotClient, type JsonRpcProvider, WsProvider } from 'dedot';
import { RuntimeApis } from 'dedot/runtime-specs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Stage, startStage } from './stage.ts';

let stage: Stage;
let accounts: readonly KeyringPair[];

beforeAll(async () => {
  stage = await startStage();
  accounts = (await devKeyring()).getPairs();
}, 120_000);

afterAll(() => stage?.[Symbol.asyncDispose](), 60_000);

const doors: readonly { name: string; signer: number; open: () => JsonRpcProvider }[] = [
  { name: 'through the server', signer: 2, open: () => new WsProvider(stage.url) },
  {
    name: 'with the engine inside',
    signer: 3,
    open: () => new DedotProvider(stage.inside()),
  },
];

describe.each(doors)('dedot (legacy group) $name', ({ signer, open }) => {
  beforeAll(() => stage.heal(), 120_000);

  let client: DedotClient;
  /** What a library tells its application when something went wrong. */
  let troubles: string[];

  async function connect(): Promise<void> {
    const heard: string[] = [];
    troubles = heard;
    const provider = open();
    for (const event of ['disconnected', 'reconnecting', 'error'] as const) {
      provider.on(event, () => heard.push(event));
    }
    await provider.connect();
    const { specVersion } = await provider.send<{ readonly specVersion: number }>(
      'state_getRuntimeVersion',
      [],
    );
    // Only newer runtimes offer metadata by version, which is what dedot asks for by itself.
    const metadata = await provider.send<`0x${string}`>('state_getMetadata', []);
    client = await DedotClient.new({
      provider,
      rpcVersion: 'legacy',
      // Nor do older ones describe their calls.
      runtimeApis: RuntimeApis,
      metadata: { [`RAW_META/${stage.devnet.genesisHash}/${specVersion}`]: metadata },
    });
  }

  const free = async (address: string): Promise<bigint> =>
    (await client.query.system.account(address)).data.free;

  describe('quietly', { timeout: 90_000 }, () => {
    beforeAll(connect, 60_000);
    afterAll(() => client.disconnect());
    afterEach(() => expect(troubles).toEqual([]));

    it('reads the chain and its storage, also of a block by its hash', async () => {
      expect(client.rpcVersion).toBe('legacy');
      expect(await client.chainSpec.chainName()).toBe('dshackle-devnet');
      expect(client.consts.balances.existentialDeposit).toBeGreaterThan(0n);
      expect(await free(accounts[3]!.address)).toBeGreaterThan(0n);
      const many = await client.query.system.account.multi(accounts.map(({ address }) => address));
      expect(many).toHaveLength(accounts.length);
      const { hash, number } = await client.block.finalized();
      expect(await (await client.at(hash)).query.system.number()).toBe(number);
    });

    it('calls the runtime', async () => {
      const { specVersion } = await client.call.core.version();
      expect(specVersion).toBe(client.runtimeVersion.specVersion);
    });

    it('follows best and finalized blocks', async () => {
      for (const stream of ['best', 'finalized'] as const) {
        const heights: number[] = [];
        const stop = client.block[stream](({ number }) => heights.push(number));
        await expect.poll(() => heights.length, { timeout: 30_000 }).toBeGreaterThan(2);
        stop();
        expect(heights.slice(0, 3)).toEqual([heights[0], heights[0]! + 1, heights[0]! + 2]);
      }
    });

    it('hears of a balance that changes, and sends what changes it, until it is final', async () => {
      const [from, to] = [accounts[signer]!, accounts[4]!];
      const before = await free(to.address);
      const heard: bigint[] = [];
      const stop = await client.query.system.account(to.address, ({ data }) => {
        heard.push(data.free);
      });
      const amount = 1_000_000_000_000n;
      const { events, dispatchError, status } = await client.tx.balances
        .transferKeepAlive(to.address, amount)
        .signAndSend(from)
        .untilFinalized();
      expect(status.type).toBe('Finalized');
      expect(dispatchError).toBeUndefined();
      expect(events.some(({ event }) => client.events.balances.Transfer.is(event))).toBe(true);
      await expect.poll(() => heard.at(-1), { timeout: 30_000 }).toBe(before + amount);
      expect(heard[0]).toBe(before);
      await stop();
    });

    it('iterates over storage in pages', async () => {
      expect(await iterate()).toEqual(await all());
    });

    it('has 1,000 queries in flight', async () => {
      const answers = await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => free(accounts[3 + (index % 3)]!.address)),
      );
      const three = await Promise.all(accounts.slice(3).map(({ address }) => free(address)));
      expect(answers).toEqual(answers.map((_, index) => three[index % 3]));
    });
  });

  describe('while its upstream is killed', () => {
    afterEach(() => client.disconnect());

    it('during the download of the metadata', async () => {
      const { struck } = stage.killWhenAsked((request) => request.includes('state_getMetadata'));
      await connect();
      await struck;
      expect(await free(accounts[3]!.address)).toBeGreaterThan(0n);
      expect(troubles).toEqual([]);
    }, 90_000);

    it('in the middle of a storage iteration', async () => {
      await connect();
      let pages = 0;
      const { struck } = stage.killWhenAsked((request) => {
        if (request.includes('state_getKeysPaged')) pages += 1;
        return pages === 2;
      });
      expect(await iterate()).toEqual(await all());
      await struck;
      expect(troubles).toEqual([]);
    }, 60_000);
  });

  /** The raw addresses of all accounts, asked for at once. */
  async function all(): Promise<readonly string[]> {
    const entries = await client.query.system.account.entries();
    expect(entries.length).toBeGreaterThanOrEqual(accounts.length);
    return entries.map(([address]) => address.raw);
  }

  /** The raw addresses of all accounts, by pages of two. */
  async function iterate(): Promise<readonly string[]> {
    const { pagedEntries } = client.query.system.account;
    const found: string[] = [];
    let startKey: `0x${string}` | undefined;
    for (;;) {
      const page = await pagedEntries({ pageSize: 2, startKey });
      if (page.length === 0) return found;
      found.push(...page.map(([address]) => address.raw));
      startKey = client.query.system.account.rawKey(page.at(-1)![0]);
    }
  }
});
