import { devKeyring } from '@dshackle/devnet';
import { PolkadotProvider } from '@dshackle/polkadot-provider';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { decodeAddress } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Stage, startStage } from './stage.ts';

/** What this file reads of an account. */
interface Account {
  readonly data: { readonly free: { toBigInt(): bigint } };
}

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

let stage: Stage;
let accounts: readonly KeyringPair[];

beforeAll(async () => {
  stage = await startStage();
  accounts = (await devKeyring()).getPairs();
}, 120_000);

afterAll(() => stage?.[Symbol.asyncDispose](), 60_000);

const doors: readonly { name: string; signer: number; open: () => ProviderInterface }[] = [
  { name: 'through the server', signer: 0, open: () => new WsProvider(stage.url) },
  { name: 'with the engine inside', signer: 1, open: () => new PolkadotProvider(stage.engine) },
];

describe.each(doors)('polkadot-js $name', ({ signer, open }) => {
  beforeAll(() => stage.heal(), 120_000);

  let api: ApiPromise;
  /** What a library tells its application when something went wrong. */
  let troubles: string[];

  async function connect(): Promise<void> {
    // Its own list: a provider of before may still tell that it was closed.
    const heard: string[] = [];
    troubles = heard;
    const provider = open();
    provider.on('disconnected', () => heard.push('disconnected'));
    provider.on('error', () => heard.push('error'));
    api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
  }

  const system = () => api.query.system!;
  const free = async (address: string): Promise<bigint> => {
    const account = (await system().account!(address)) as unknown as Account;
    return account.data.free.toBigInt();
  };

  describe('quietly', { timeout: 90_000 }, () => {
    beforeAll(connect, 60_000);
    afterAll(() => api.disconnect());
    afterEach(() => expect(troubles).toEqual([]));

    it('reads storage, also of a block by its hash', async () => {
      const [alice] = accounts;
      expect(await free(alice!.address)).toBeGreaterThan(0n);
      const at = await api.at(stage.devnet.genesisHash);
      expect((await at.query.system!.number!()).toString()).toBe('0');
      const many = await system().account!.multi(accounts.map(({ address }) => address));
      expect(many).toHaveLength(accounts.length);
    });

    it('derives heads, balances and nonces', async () => {
      const best = await api.derive.chain.bestNumber();
      expect(best.toNumber()).toBeGreaterThan(0);
      expect((await api.derive.chain.bestNumberFinalized()).toNumber()).toBeGreaterThan(0);
      const header = await api.derive.chain.getHeader(await api.rpc.chain.getBlockHash(best));
      expect(header.number.toNumber()).toBe(best.toNumber());
      const balances = await api.derive.balances.all(accounts[5]!.address);
      expect(balances.freeBalance.toBigInt()).toBe(await free(accounts[5]!.address));
      expect(
        (await api.derive.balances.account(accounts[5]!.address)).accountNonce.toNumber(),
      ).toBe(0);
    });

    it('calls the runtime', async () => {
      const version = await api.call.core!.version!();
      expect(version.toString()).toBe(api.runtimeVersion.toString());
    });

    it('follows new and finalized heads', async () => {
      for (const method of ['subscribeNewHeads', 'subscribeFinalizedHeads'] as const) {
        const heights: number[] = [];
        await new Promise<void>((resolve, reject) => {
          const stop = api.rpc.chain[method]((header) => {
            heights.push(header.number.toNumber());
            if (heights.length === 3) stop.then((each) => resolve(each()), reject);
          });
        });
        expect(heights).toEqual([heights[0], heights[0]! + 1, heights[0]! + 2]);
      }
    });

    it('hears of a balance that changes, and sends what changes it, until it is final', async () => {
      const [from, to] = [accounts[signer]!, accounts[4]!];
      const before = await free(to.address);
      const heard: bigint[] = [];
      const stop = await system().account!(to.address, ((account: Account) => {
        heard.push(account.data.free.toBigInt());
      }) as never);
      const amount = 1_000_000_000_000n;
      const statuses: string[] = [];
      const events = await new Promise<readonly string[]>((resolve, reject) => {
        api.tx.balances!.transferKeepAlive!(to.address, amount)
          .signAndSend(from, (result) => {
            statuses.push(result.status.type);
            if (result.isError) reject(new Error(result.status.type));
            if (!result.status.isFinalized) return;
            resolve(result.events.map(({ event }) => `${event.section}.${event.method}`));
          })
          .catch(reject);
      });
      expect(events).toContain('balances.Transfer');
      expect(events).toContain('system.ExtrinsicSuccess');
      expect(statuses).toContain('InBlock');
      await expect.poll(() => heard.at(-1), { timeout: 30_000 }).toBe(before + amount);
      expect(heard[0]).toBe(before);
      (stop as unknown as () => void)();
    });

    it('iterates over storage in pages', async () => {
      expect(await iterate()).toEqual(await all());
    });

    it('has 1,000 queries in flight', async () => {
      const keys = Array.from({ length: 1_000 }, (_, index) => {
        // The accounts that there are, and then some that are not.
        const account = accounts[index]?.publicKey ?? new Uint8Array(32).fill(1);
        const id = Uint8Array.from(account);
        if (index >= accounts.length) new DataView(id.buffer).setUint32(0, index);
        return system().account!.key(id);
      });
      const values = (await Promise.all(
        keys.map((key) => api.rpc.state.getStorage(key)),
      )) as unknown as readonly { readonly isSome: boolean }[];
      expect(values.map(({ isSome }) => isSome)).toEqual(
        keys.map((_, index) => index < accounts.length),
      );
    });
  });

  describe('while its upstream is killed', () => {
    afterEach(() => api.disconnect());

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

  const publicKeys = (
    entries: readonly (readonly [{ readonly args: readonly unknown[] }, unknown])[],
  ) => entries.map(([{ args }]) => toHex(decodeAddress(String(args[0]))));

  /** The public keys of all accounts, asked for at once. */
  async function all(): Promise<readonly string[]> {
    const found = publicKeys(await system().account!.entries());
    expect(found).toEqual(
      expect.arrayContaining(accounts.map(({ publicKey }) => toHex(publicKey))),
    );
    return found;
  }

  /** The public keys of all accounts, by pages of two. */
  async function iterate(): Promise<readonly string[]> {
    const found: string[] = [];
    let startKey: string | undefined;
    for (;;) {
      const page = await system().account!.entriesPaged({ args: [], pageSize: 2, startKey });
      if (page.length === 0) return found;
      found.push(...publicKeys(page));
      startKey = page.at(-1)?.[0].toString();
    }
  }
});
