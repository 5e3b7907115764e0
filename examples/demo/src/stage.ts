import { setTimeout as sleep } from 'node:timers/promises';
import { type Balancer, createBalancer } from '@dshackle/core';
import { type Devnet, type FaultProxy, startDevnet, startFaultProxy } from '@dshackle/devnet';
import { PolkadotProvider, polkadot } from '@dshackle/polkadot-provider';
import { startServer } from '@dshackle/server';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { Witness } from './witness.ts';

/** Time between blocks, in milliseconds. */
const blockTimeMs = 1000;

/** Three real nodes behind paths that break, and two applications over them that never stop. */
export interface Stage extends AsyncDisposable {
  readonly devnet: Devnet;
  /** The way to each node, in the order of the nodes. */
  readonly proxies: readonly FaultProxy[];
  /** The server's, then the one inside the application. */
  readonly balancers: readonly [Balancer, Balancer];
  /** One over the server, then one with the provider inside. */
  readonly witnesses: readonly Witness[];
  /** Resolves once every application has heard that this height is final. */
  reach(height: number): Promise<void>;
  /** Resolves once these upstreams (default all) are in rotation everywhere. */
  inRotation(ids?: readonly string[]): Promise<void>;
}

/** Starts everything and waits until both applications run. */
export async function startStage(): Promise<Stage> {
  const devnet = await startDevnet({ nodes: 3, blockTimeMs });
  const proxies = await Promise.all(
    devnet.nodes.map(({ wsUrl }) => startFaultProxy({ target: wsUrl })),
  );
  const chain = polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs });
  const upstreams = devnet.nodes.map(({ id }, i) => ({
    id,
    transport: [String(proxies[i]?.wsUrl), String(proxies[i]?.httpUrl)],
  }));
  const balancer = createBalancer({ chain, upstreams });
  const server = await startServer({ routes: [{ id: 'polkadot', balancer }], port: 0 });
  const provider = new PolkadotProvider({ chain, upstreams });
  await Promise.all([balancer.ready(), provider.isReady]);
  const inside = provider.balancer as Balancer;
  const serverUrl = `${server.url.replace('http', 'ws')}/polkadot`;
  const witnesses = await Promise.all(
    [new WsProvider(serverUrl), provider].map(async (each) =>
      Witness.start(await ApiPromise.create({ provider: each, noInitWarn: true })),
    ),
  );
  return {
    devnet,
    proxies,
    balancers: [balancer, inside],
    witnesses,
    async reach(height) {
      while (witnesses.some(({ finalized }) => finalized.last < height)) await sleep(50);
    },
    async inRotation(ids = devnet.nodes.map(({ id }) => id)) {
      const isOut = (): boolean =>
        [balancer, inside].some((each) =>
          each
            .snapshot()
            .upstreams.some(({ id, reason }) => ids.includes(id) && reason !== undefined),
        );
      while (isOut()) await sleep(50);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(witnesses.map((witness) => witness.stop()));
      await server.close();
      await balancer.close();
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await devnet.close();
    },
  };
}
