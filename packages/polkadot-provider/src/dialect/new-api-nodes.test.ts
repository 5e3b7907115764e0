import type { Balancer } from '@dshackle/core';
import { type Devnet, devKeyring, startDevnet } from '@dshackle/devnet';
import { ApiPromise } from '@polkadot/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { polkadot } from '../chain/polkadot.ts';
import { PolkadotProvider } from '../provider.ts';
import { TestClient } from '../testing/follow-pool.ts';
import { type NewApiBridge, startNewApiBridge } from '../testing/new-api-bridge.ts';

/** Patient, for a busy machine. */
const eventually = <T>(check: () => T): Promise<T> => vi.waitFor(check, 30_000) as Promise<T>;

const groups = ['chainHead_v1', 'chainSpec_v1', 'transaction_v1'];

let devnet: Devnet;
beforeAll(async () => {
  devnet = await startDevnet({ nodes: 2, blockTimeMs: 0 });
}, 180_000);
afterAll(() => devnet?.close());

describe.each([
  ['and no archive_v1', groups],
  ['and archive_v1', [...groups, 'archive_v1']],
])('polkadot-js before real nodes that have the new calls only, %s', (_, given) => {
  let bridges: NewApiBridge[];
  let provider: PolkadotProvider;
  let api: ApiPromise;

  beforeEach(async () => {
    bridges = await Promise.all(devnet.nodes.map(({ wsUrl }) => startNewApiBridge(wsUrl, given)));
    provider = new PolkadotProvider({
      chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs: 3000 }),
      upstreams: bridges.map(({ url }, i) => ({ id: `node-${i + 1}`, transport: url })),
    });
    api = await ApiPromise.create({ provider, noInitWarn: true });
  }, 120_000);
  afterEach(async () => {
    await api?.disconnect();
    await Promise.all((bridges ?? []).map((bridge) => bridge.die()));
  });

  it('is ready, hears heads, reads state, and sees its transaction final', async () => {
    expect(api.genesisHash.toHex()).toBe(devnet.genesisHash);
    const heads: number[] = [];
    await api.rpc.chain.subscribeNewHeads((header) => {
      heads.push(header.number.toNumber());
    });
    const [alice, bob] = (await devKeyring()).getPairs();
    // Chopsticks 1.5.1 tells no descendants by the new calls: keys are read in new-api-pool.test.ts.
    const accounts = await api.query.system!.account!.multi([alice!.address, bob!.address]);
    const free = accounts.map((each) => (each.toJSON() as { data: { free: unknown } }).data.free);
    expect(free.every((balance) => BigInt(balance as string) > 0n)).toBe(true);
    const statuses: string[] = [];
    await api.tx.balances!.transferKeepAlive!(bob!.address, 1_000_000_000_000).signAndSend(
      alice!,
      ({ status }) => {
        statuses.push(status.type);
      },
    );
    await devnet.mine(3);
    await eventually(() => expect(heads.at(-1)).toBe(devnet.head.number));
    expect(heads).toEqual(heads.map((__, i) => heads[0]! + i));
    await eventually(() => expect(statuses).toContain('Finalized'));
    // Its block may be final already when its body has been read: these nodes finalize at once.
    expect(statuses.filter((status) => status !== 'InBlock')).toEqual(['Ready', 'Finalized']);
    expect(bridges.flatMap(({ declined }) => declined)).toContain('chain_getBlockHash');
  }, 120_000);

  it('so do clients of chainHead_v1, whose follows outlive a node', async () => {
    const client = new TestClient(provider.balancer as Balancer);
    const follow = await client.follow(true);
    const told = (event: string) => follow.events.filter((each) => each.event === event);
    await eventually(() => expect(told('bestBlockChanged')).toHaveLength(1));
    await bridges[0]?.die();
    await devnet.mine(1);
    await eventually(() =>
      expect(told('bestBlockChanged').at(-1)?.bestBlockHash).toBe(devnet.head.hash),
    );
    const number = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac';
    const item = { key: number, type: 'value' };
    const { hash } = devnet.head;
    await client.ask('chainHead_v1_storage', follow.id, hash, [item], null);
    await client.ask('chainHead_v1_call', follow.id, hash, 'Core_version', '0x');
    await eventually(() => expect(told('operationCallDone')).toHaveLength(1));
    await eventually(() => expect(told('operationStorageDone')).toHaveLength(1));
    const height = devnet.head.number.toString(16).padStart(2, '0');
    expect(told('operationStorageItems')).toMatchObject([
      { items: [{ key: number, value: `0x${height}000000` }] },
    ]);
    expect(told('stop')).toEqual([]);
  }, 120_000);

  it('goes on when one of them dies', async () => {
    await eventually(() => {
      const { upstreams = [] } = provider.balancer?.snapshot() ?? {};
      expect(upstreams.map(({ reason }) => reason)).toEqual([undefined, undefined]);
    });
    const heads: number[] = [];
    await api.rpc.chain.subscribeNewHeads((header) => {
      heads.push(header.number.toNumber());
    });
    await devnet.mine(1);
    await eventually(() => expect(heads.at(-1)).toBe(devnet.head.number));
    await bridges[0]?.die();
    await devnet.mine(2);
    await eventually(() => expect(heads.at(-1)).toBe(devnet.head.number));
    expect(heads).toEqual(heads.map((__, i) => heads[0]! + i));
    expect((await api.rpc.state.getRuntimeVersion()).specName.toString()).toBe(
      api.runtimeVersion.specName.toString(),
    );
  }, 120_000);
});
