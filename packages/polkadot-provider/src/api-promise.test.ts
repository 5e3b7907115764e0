import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type Devnet, devKeyring, startDevnet } from '@dshackle/devnet';
import { ApiPromise } from '@polkadot/api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { polkadot } from './chain/polkadot.ts';
import { PolkadotProvider } from './provider.ts';

let devnet: Devnet;
let provider: PolkadotProvider;
let api: ApiPromise;

beforeAll(async () => {
  devnet = await startDevnet({ nodes: 3, blockTimeMs: 0 });
  provider = new PolkadotProvider({
    chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs: 3000 }),
    upstreams: devnet.nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
  });
  api = await ApiPromise.create({ provider, noInitWarn: true });
}, 180_000);
afterAll(async () => {
  await api?.disconnect();
  await devnet?.close();
});

describe('ApiPromise over three real nodes', () => {
  it('is ready, knows the chain and does not stay alone with one node', async () => {
    expect(api.genesisHash.toHex()).toBe(devnet.genesisHash);
    expect(api.isConnected).toBe(true);
    await vi.waitFor(() => {
      const { upstreams = [] } = provider.balancer?.snapshot() ?? {};
      expect(upstreams.map(({ id }) => id)).toEqual(['node-1', 'node-2', 'node-3']);
    });
  });

  it('runs the example of the README', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const [, example = ''] = /```ts\n(.*?)```/s.exec(readme) ?? [];
    const file = new URL('../.cache/readme-example.ts', import.meta.url);
    const urls = devnet.nodes.map(({ wsUrl }) => `'${wsUrl}'`);
    await mkdir(new URL('.', file), { recursive: true });
    await writeFile(
      file,
      `${example
        .replace("'@dshackle/polkadot-provider'", "'../src/index.ts'")
        .replace("id: 'polkadot'", `id: 'devnet', genesisHash: '${devnet.genesisHash}'`)
        .replace(
          /upstreams: \[.*\]/,
          `upstreams: [${urls}]`,
        )}\nexport const end = () => api.disconnect();\n`,
    );
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const { end } = (await import(/* @vite-ignore */ file.href)) as { end(): Promise<void> };
    await vi.waitFor(() => expect(log).toHaveBeenCalledWith(`block ${devnet.head.number}`), 20_000);
    log.mockRestore();
    await end();
    await rm(file);
  });

  it('follows heads by polling where there is only HTTP', async () => {
    const polling = new PolkadotProvider({
      chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs: 1000 }),
      upstreams: devnet.nodes.map(({ httpUrl }) => httpUrl),
    });
    const heads: number[] = [];
    await polling.isReady;
    await polling.subscribe('chain_newHead', 'chain_subscribeNewHead', [], (_, header) =>
      heads.push(Number(header.number)),
    );
    await devnet.mine(2);
    await vi.waitFor(() => expect(heads.at(-1)).toBe(devnet.head.number), 20_000);
    expect(heads).toEqual(heads.map((_, i) => heads[0]! + i));
    await expect(polling.send('nope_method', [])).rejects.toThrow('Method not found');
    await polling.disconnect();
  });

  it('serves an application where there is only HTTP, and tells it what changes', async () => {
    const polling = new PolkadotProvider({
      chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs: 1000 }),
      upstreams: devnet.nodes.map(({ httpUrl }) => httpUrl),
    });
    const overHttp = await ApiPromise.create({ provider: polling, noInitWarn: true });
    const [alice, , charlie] = (await devKeyring()).getPairs();
    if (!alice || !charlie) throw new Error('no development accounts');
    const balances: bigint[] = [];
    const stop = await overHttp.query.system!.account!(
      charlie.address,
      (account: { data: { free: { toBigInt(): bigint } } }) => {
        balances.push(account.data.free.toBigInt());
      },
    );
    const versions: number[] = [];
    await overHttp.rpc.state.subscribeRuntimeVersion((version) => {
      versions.push(version.specVersion.toNumber());
    });
    await vi.waitFor(() => expect([balances.length, versions.length]).toEqual([1, 1]), 20_000);
    expect(versions).toEqual([overHttp.runtimeVersion.specVersion.toNumber()]);
    const before = balances[0]!;
    const amount = 2_345_678_900_000n;
    await overHttp.tx.balances!.transferKeepAlive!(charlie.address, amount).signAndSend(alice);
    await devnet.mine();
    await vi.waitFor(() => expect(balances).toEqual([before, before + amount]), 20_000);
    await devnet.mine();
    const held = polling.balancer?.snapshot().subscriptions ?? 0;
    (stop as unknown as () => void)();
    await vi.waitFor(
      () => expect(polling.balancer?.snapshot().subscriptions).toBe(held - 1),
      // polkadot-js keeps what nobody listens to for a while.
      20_000,
    );
    expect([balances.length, versions.length]).toEqual([2, 1]);
    await overHttp.disconnect();
  }, 60_000);

  it('hears of every head once, queries, transfers, and notices no death of two nodes', async () => {
    const heads: number[] = [];
    const finalized: number[] = [];
    const balances: bigint[] = [];
    await api.rpc.chain.subscribeNewHeads((header) => {
      heads.push(header.number.toNumber());
    });
    await api.rpc.chain.subscribeFinalizedHeads((header) => {
      finalized.push(header.number.toNumber());
    });
    const [alice, bob] = (await devKeyring()).getPairs();
    if (!alice || !bob) throw new Error('no development accounts');
    await api.query.system!.account!(
      bob.address,
      (account: { data: { free: { toBigInt(): bigint } } }) => {
        balances.push(account.data.free.toBigInt());
      },
    );
    const mine = async (): Promise<void> => {
      await devnet.mine();
      await vi.waitFor(() => expect(heads.at(-1)).toBe(devnet.head.number), 20_000);
    };
    await mine();
    await devnet.nodes[0]!.crash();
    await mine();

    const amount = 12_345_678_900_000n;
    const before = balances.at(-1)!;
    const statuses: string[] = [];
    const included = new Promise<string>((resolve, reject) => {
      api.tx.balances!.transferKeepAlive!(bob.address, amount)
        .signAndSend(alice, ({ status, dispatchError }) => {
          statuses.push(status.type);
          if (dispatchError) reject(new Error(dispatchError.toString()));
          // polkadot-js drops the first of these when the second comes before it has the events.
          if (status.isInBlock) resolve(status.asInBlock.toHex());
          if (status.isFinalized) resolve(status.asFinalized.toHex());
        })
        .catch(reject);
    });
    await vi.waitFor(() => expect(statuses).toContain('Ready'), 20_000);
    await mine();
    const hash = await included;
    expect(await api.rpc.chain.getBlockHash(devnet.head.number).then(String)).toBe(hash);
    await vi.waitFor(() => expect(balances.at(-1)).toBe(before + amount), 20_000);

    await devnet.nodes[1]!.crash();
    await mine();
    const events = await (await api.at(hash)).query.system!.events!();
    expect(JSON.stringify(events.toHuman())).toContain('"Transfer"');
    await mine();

    expect(heads).toEqual(heads.map((_, i) => heads[0]! + i));
    expect(heads.at(-1)).toBe(devnet.head.number);
    await vi.waitFor(
      () => expect(finalized.at(-1)).toBeGreaterThanOrEqual(devnet.head.number - 1),
      20_000,
    );
    expect(finalized).toEqual(finalized.map((_, i) => finalized[0]! + i));
    expect(api.isConnected).toBe(true);
  }, 120_000);

  it('says disconnected when the last node is gone, and goes on when one is back', async () => {
    const events: string[] = [];
    for (const event of ['connected', 'disconnected', 'error'] as const) {
      api.on(event, () => events.push(event));
    }
    const heads: number[] = [];
    await api.rpc.chain.subscribeNewHeads((header) => {
      heads.push(header.number.toNumber());
    });
    await devnet.nodes[2]!.crash();
    await vi.waitFor(() => expect(events).toEqual(['disconnected']), 20_000);
    // A call made meanwhile waits.
    const version = api.rpc.system.version();
    await devnet.nodes[2]!.restart();
    await vi.waitFor(() => expect(events).toEqual(['disconnected', 'connected']), 60_000);
    expect((await version).toString()).not.toBe('');
    await devnet.mine();
    await vi.waitFor(() => expect(heads.at(-1)).toBe(devnet.head.number), 20_000);
  }, 120_000);
});
