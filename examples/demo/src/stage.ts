import { setTimeout as sleep } from 'node:timers/promises';
import { type Balancer, createBalancer } from '@dshackle/core';
import {
  type Devnet,
  devKeyring,
  type FaultProxy,
  startDevnet,
  startFaultProxy,
} from '@dshackle/devnet';
import { PolkadotProvider, polkadot } from '@dshackle/polkadot-provider';
import { startServer } from '@dshackle/server';
import { WsProvider } from '@polkadot/api';
import type { KeyringPair } from '@polkadot/keyring/types';
import { CanonicalBlocks } from './canonical-blocks.ts';
import type { Client } from './clients/client.ts';
import { polkadotJs } from './clients/polkadot-js.ts';
import { Witness, type WitnessOptions } from './clients/witness.ts';
import { inRotation } from './in-rotation.ts';

/** Time between blocks, in milliseconds. */
const blockTimeMs = 1000;

/** What clients are opened over. */
export interface Doors {
  /** WebSocket URL of the server's route. */
  readonly serverUrl: string;
  /** The engine inside the application. */
  readonly inside: Balancer;
  /** The development accounts, one for each client at most. */
  readonly accounts: readonly KeyringPair[];
}

/** Opens the clients of a stage. */
export type OpenClients = (doors: Doors) => Promise<readonly Client[]>;

/** Three real nodes behind paths that break, and applications over them that never stop. */
export interface Stage extends AsyncDisposable {
  readonly devnet: Devnet;
  /** The true chain, as the devnet built it. */
  readonly canonical: CanonicalBlocks;
  /** The way to each node, in the order of the nodes. */
  readonly proxies: readonly FaultProxy[];
  /** The server's, then the one inside the application. */
  readonly balancers: readonly [Balancer, Balancer];
  readonly witnesses: readonly Witness[];
  /** Resolves once every application has heard that this height is final. */
  reach(height: number): Promise<void>;
  /**
   * Resolves once these upstreams (default all) are in rotation everywhere, for calls and for
   * subscriptions.
   */
  inRotation(ids?: readonly string[]): Promise<void>;
}

/** polkadot-js over the server, and with the provider inside. */
export const twoOfPolkadotJs: OpenClients = ({ serverUrl, inside, accounts }) =>
  Promise.all([
    polkadotJs('polkadot-js over the server', new WsProvider(serverUrl), accounts[0]!),
    polkadotJs('polkadot-js, engine inside', new PolkadotProvider(inside), accounts[1]!),
  ]);

/** Starts everything and waits until all applications run. */
export async function startStage(
  openClients: OpenClients = twoOfPolkadotJs,
  options: WitnessOptions = {},
): Promise<Stage> {
  const devnet = await startDevnet({ nodes: 3, blockTimeMs });
  const canonical = new CanonicalBlocks(devnet);
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
  const inside = createBalancer({ chain, upstreams });
  await Promise.all([balancer.ready(), inside.ready()]);
  const serverUrl = `${server.url.replace('http', 'ws')}/polkadot`;
  const accounts = (await devKeyring()).getPairs();
  const clients = await openClients({ serverUrl, inside, accounts });
  const witnesses = await Promise.all(clients.map((client) => Witness.start(client, options)));
  return {
    devnet,
    canonical,
    proxies,
    balancers: [balancer, inside],
    witnesses,
    async reach(height) {
      while (witnesses.some(({ finalized }) => finalized.last < height)) await sleep(50);
    },
    inRotation: (ids = devnet.nodes.map(({ id }) => id)) => inRotation([balancer, inside], ids),
    async [Symbol.asyncDispose]() {
      await Promise.all(witnesses.map((witness) => witness.stop()));
      await server.close();
      await balancer.close();
      await inside.close();
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await devnet.close();
    },
  };
}
