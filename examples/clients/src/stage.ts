import { setTimeout as sleep } from 'node:timers/promises';
import { type Balancer, type BalancerOptions, createBalancer, websocket } from '@dshackle/core';
import {
  type DevNode,
  type Devnet,
  type FaultProxy,
  startDevnet,
  startFaultProxy,
} from '@dshackle/devnet';
import { polkadot } from '@dshackle/polkadot-provider';
import { type Server, startServer } from '@dshackle/server';

/** Time between blocks, in milliseconds. A block costs a third of a second of one core. */
const blockTimeMs = 1_500;

/** What the test of a client needs: real nodes, a server before them, and a way to kill one. */
export interface Stage extends AsyncDisposable {
  readonly devnet: Devnet;
  readonly server: Server;
  /** Where a client connects: the server's WebSocket. */
  readonly url: string;
  /** For an engine inside the application, over the same nodes by the same ways. */
  readonly engine: Pick<BalancerOptions, 'chain' | 'upstreams'>;
  /** The engine inside the application: one, opened when it is first asked for. */
  inside(): Balancer;
  /**
   * Kills the node that is asked something of which `matches` is true, before it hears it. Only the
   * first one; `struck` of the result resolves with that node.
   */
  killWhenAsked(matches: (request: string) => boolean): Ambush;
  /** Starts again what was killed; resolves when every node serves. */
  heal(): Promise<void>;
}

/** A kill that waits for its moment. */
export interface Ambush {
  /** Resolves with the node once it was killed; never, when nobody asked. */
  readonly struck: Promise<DevNode>;
}

/** Starts three nodes and a server; resolves when it can serve. */
export async function startStage(): Promise<Stage> {
  const opened: AsyncDisposable[] = [];
  const open = <T extends AsyncDisposable>(resource: T): T => {
    opened.unshift(resource);
    return resource;
  };
  const close = async (): Promise<void> => {
    for (const resource of opened.splice(0)) await resource[Symbol.asyncDispose]();
  };
  try {
    const devnet = open(await startDevnet({ nodes: 3, blockTimeMs }));
    const proxies: FaultProxy[] = [];
    for (const { wsUrl } of devnet.nodes) {
      proxies.push(open(await startFaultProxy({ target: wsUrl })));
    }
    // What was killed shall be back as soon as it is up, not when a patient client would look again.
    const backoff = { maxMs: 500 };
    const engine = {
      chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs }),
      upstreams: proxies.map(({ wsUrl }, i) => ({
        id: String(devnet.nodes[i]?.id),
        transport: websocket(wsUrl, { backoff }),
      })),
    };
    let inside: Balancer | undefined;
    const balancer = open(createBalancer(engine));
    const server = open(await startServer({ routes: [{ id: 'polkadot', balancer }], port: 0 }));
    await balancer.ready();
    const url = `${server.url.replace('http', 'ws')}/polkadot`;
    return {
      devnet,
      server,
      url,
      engine,
      inside() {
        inside ??= open(createBalancer(engine));
        return inside;
      },
      killWhenAsked: (matches) => ambush(devnet.nodes, proxies, matches),
      heal: () => heal(devnet, balancer),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function ambush(
  nodes: readonly DevNode[],
  proxies: readonly FaultProxy[],
  matches: (request: string) => boolean,
): Ambush {
  const struck = new Promise<DevNode>((resolve, reject) => {
    const offs = proxies.map((proxy, index) =>
      proxy.onMessage((request) => {
        if (!matches(request)) return;
        for (const off of offs) off();
        const node = nodes[index] as DevNode;
        // The signal is sent at once; the promise is that the process is gone.
        node.crash().then(() => resolve(node), reject);
      }),
    );
  });
  return { struck };
}

async function heal(devnet: Devnet, balancer: Balancer): Promise<void> {
  const dead = devnet.nodes.filter(({ status }) => status === 'crashed');
  await Promise.all(dead.map((node) => node.restart()));
  while (balancer.snapshot().upstreams.some(({ reason }) => reason !== undefined)) await sleep(50);
}
