import { devKeyring } from '@dshackle/devnet';
import { asJsonRpcProvider } from '@dshackle/polkadot-provider';
import type { KeyringPair } from '@polkadot/keyring/types';
import { middleware } from '@polkadot-api/ws-middleware';
import { createClient, Enum, type PolkadotClient } from 'polkadot-api';
import { getPolkadotSigner } from 'polkadot-api/signer';
import { getWsProvider } from 'polkadot-api/ws';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Stage, startStage } from './stage.ts';

type JsonRpcProvider = Parameters<typeof createClient>[0];

let stage: Stage;
let accounts: readonly KeyringPair[];

beforeAll(async () => {
  stage = await startStage();
  accounts = (await devKeyring()).getPairs();
}, 120_000);

afterAll(() => stage?.[Symbol.asyncDispose](), 60_000);

/** Node 20 has no WebSocket of its own. */
const websocketClass = WebSocket as unknown as typeof globalThis.WebSocket;

const doors: readonly { name: string; signer: number; open: () => JsonRpcProvider }[] = [
  {
    name: 'through the server',
    signer: 2,
    open: () => getWsProvider(stage.url, { websocketClass }),
  },
  {
    name: 'with the engine inside',
    signer: 3,
    open: () => {
      const provider = middleware(asJsonRpcProvider(stage.inside()));
      return (onMessage) => provider(onMessage, () => {});
    },
  },
];

describe.each(doors)('polkadot-api $name', ({ signer, open }) => {
  beforeAll(() => stage.heal(), 120_000);

  let client: PolkadotClient;

  const connect = (): void => {
    client = createClient(open());
  };
  const account = async (address: string) =>
    (await client.getUnsafeApi().query.System!.Account!.getValue(address)) as {
      readonly nonce: number;
      readonly data: { readonly free: bigint };
    };

  describe('quietly', { timeout: 90_000 }, () => {
    beforeAll(connect);
    afterAll(() => client.destroy());

    it('knows the chain', async () => {
      const { name, genesisHash } = await client.getChainSpecData();
      expect({ name, genesisHash }).toEqual({
        name: 'dshackle-devnet',
        genesisHash: stage.devnet.genesisHash,
      });
    });

    it('follows finalized and best blocks', async () => {
      const finalized: number[] = [];
      const best: number[] = [];
      const subscriptions = [
        client.finalizedBlock$.subscribe(({ number }) => finalized.push(number)),
        client.bestBlocks$.subscribe(([block]) => best.push(block!.number)),
      ];
      await expect
        .poll(() => Math.min(finalized.length, best.length), { timeout: 30_000 })
        .toBeGreaterThan(3);
      for (const subscription of subscriptions) subscription.unsubscribe();
      expect(finalized).toEqual(finalized.map((_, index) => finalized[0]! + index));
      expect(best).toEqual([...best].sort((a, b) => a - b));
    });

    it('reads storage, constants and calls the runtime', async () => {
      expect((await account(accounts[5]!.address)).data.free).toBeGreaterThan(0n);
      const api = client.getUnsafeApi();
      expect(await api.constants.Balances!.ExistentialDeposit!()).toBeGreaterThan(0n);
      const many = await api.query.System!.Account!.getValues(
        accounts.map(({ address }) => [address] as [string]),
      );
      expect(many).toHaveLength(accounts.length);
      const entries = await api.query.System!.Account!.getEntries();
      expect(entries.length).toBeGreaterThanOrEqual(accounts.length);
    });

    it('signs, submits and watches a transfer until it is final', async () => {
      const [from, to] = [accounts[signer]!, accounts[4]!];
      const before = (await account(to.address)).data.free;
      const value = 1_000_000_000_000n;
      const transfer = client.getUnsafeApi().tx.Balances!.transfer_keep_alive!({
        dest: Enum('Id', to.address),
        value,
      });
      const papiSigner = getPolkadotSigner(from.publicKey, 'Sr25519', (data) => from.sign(data));
      const heard: string[] = [];
      await new Promise<void>((resolve, reject) => {
        transfer.signSubmitAndWatch(papiSigner).subscribe({
          next: (event) => {
            heard.push(event.type);
            if (event.type === 'finalized' && !event.ok) reject(new Error('it failed'));
          },
          error: reject,
          complete: resolve,
        });
      });
      expect(heard[0]).toBe('signed');
      expect(heard).toContain('broadcasted');
      expect(heard.at(-1)).toBe('finalized');
      expect((await account(to.address)).data.free).toBe(before + value);
    });

    it('has 1,000 queries in flight', async () => {
      const answers = await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => account(accounts[index % 6]!.address)),
      );
      expect(answers.every(({ data }) => data.free > 0n)).toBe(true);
    });
  });

  describe('while its upstream is killed', () => {
    afterEach(() => client.destroy());

    it('during the download of the metadata', async () => {
      const { struck } = stage.killWhenAsked((request) => request.includes('Metadata_metadata'));
      connect();
      expect((await account(accounts[5]!.address)).data.free).toBeGreaterThan(0n);
      await struck;
    }, 90_000);

    it('in the middle of a storage iteration', async () => {
      connect();
      const { struck } = stage.killWhenAsked((request) => request.includes('state_getKeysPaged'));
      const entries = await client.getUnsafeApi().query.System!.Account!.getEntries();
      await struck;
      expect(entries.length).toBeGreaterThanOrEqual(accounts.length);
    }, 60_000);
  });
});
