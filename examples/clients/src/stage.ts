import { setTimeout as sleep } from 'node:timers/promises';
import { type Balancer, type BalancerOptions, createBalancer, websocket } from '@dshackle/core';
import {
  type DevBlock,
  type DevNode,
  type Devnet,
  devKeyring,
  type FaultProxy,
  startDevnet,
  startFaultProxy,
} from '@dshackle/devnet';
import { polkadot } from '@dshackle/polkadot-provider';
import { type Server, startServer } from '@dshackle/server';
import type { KeyringPair } from '@polkadot/keyring/types';
import { afterAll, beforeAll } from 'vitest';

/** Time between blocks, in milliseconds. A block costs a third of a second of one core. */
const blockTimeMs = 1_500;
/** A transaction is first in a block and then final; libraries pass over what is so at once. */
const finalityLag = 1;

/** Is this request of a client's the one that is waited for? */
export type Matches = (request: string) => boolean;

/** What the test of a client needs: real nodes, a server before them, and a way to kill one. */
export interface Stage extends AsyncDisposable {
  readonly devnet: Devnet;
  /** Alice to Ferdie, all with funds. */
  readonly accounts: readonly KeyringPair[];
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
  killWhenAsked(matches: Matches): Ambush;
  /**
   * Cuts the way to the node that is asked something of which `matches` is true, and lets nothing
   * connect to it, until {@link heal}. For an engine that is a node killed as it works on the
   * answer; only, it is back at once when the test is over.
   */
  cutOffWhenAsked(matches: Matches): Ambush;
  /**
   * Kills a node between submission and block: no block is built until `submit` has submitted a
   * transaction and another node has it in its pool too; then the node that took it dies, and blocks
   * go on. Resolves with what `submit` comes to, and the block that includes the transaction.
   */
  killBetweenSubmissionAndBlock<T>(submit: () => Promise<T>): Promise<readonly [T, DevBlock]>;
  /** Asks a node itself, past everything that is tested. */
  ask(node: DevNode, method: string, ...params: readonly unknown[]): Promise<unknown>;
  /**
   * Opens what was cut off and, unless told otherwise, starts again what was killed; resolves when
   * each node that lives serves.
   */
  heal(options?: { readonly restart?: boolean }): Promise<void>;
  /** Resolves when each node that lives serves behind this engine: who is struck is not the last. */
  whole(balancer: Balancer): Promise<void>;
}

/** A fault that waits for its moment. */
export interface Ambush {
  /** Resolves with the node once it was struck; never, when nobody asked. */
  readonly struck: Promise<DevNode>;
}

/** A stage for the tests of this file, from before the first of them to after the last. */
export function useStage(): () => Stage {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage();
  }, 120_000);
  afterAll(() => stage?.[Symbol.asyncDispose](), 60_000);
  return () => stage;
}

/** Starts three nodes and a server; resolves when it can serve. */
async function startStage(): Promise<Stage> {
  const opened: AsyncDisposable[] = [];
  const open = <T extends AsyncDisposable>(resource: T): T => {
    opened.unshift(resource);
    return resource;
  };
  const close = async (): Promise<void> => {
    for (const resource of opened.splice(0)) await resource[Symbol.asyncDispose]();
  };
  try {
    const devnet = open(await startDevnet({ nodes: 3, blockTimeMs, finalityLag }));
    const ways: Way[] = [];
    for (const node of devnet.nodes) {
      ways.push({ node, proxy: open(await startFaultProxy({ target: node.wsUrl })) });
    }
    // What was killed shall be back as soon as it is up, not when a patient client would look again.
    const backoff = { maxMs: 500 };
    const engine = {
      chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs }),
      upstreams: ways.map(({ node, proxy }) => ({
        id: node.id,
        transport: websocket(proxy.wsUrl, { backoff }),
      })),
    };
    const balancer = open(createBalancer(engine));
    const server = open(await startServer({ routes: [{ id: 'polkadot', balancer }], port: 0 }));
    await balancer.ready();
    const balancers = [balancer];
    return {
      devnet,
      accounts: (await devKeyring()).getPairs(),
      server,
      url: `${server.url.replace('http', 'ws')}/polkadot`,
      engine,
      inside() {
        balancers[1] ??= open(createBalancer(engine));
        return balancers[1];
      },
      killWhenAsked: (matches) => ({ struck: ambush(ways, matches, kill) }),
      cutOffWhenAsked: (matches) => ({ struck: ambush(ways, matches, cutOff) }),
      async killBetweenSubmissionAndBlock(submit) {
        devnet.stop();
        await devnet.settled();
        const asked = ambush(ways, isSubmission, ({ node }) => node);
        const included = nextTransaction(devnet);
        const submitted = submit();
        try {
          await Promise.race([
            tooEarly(submitted),
            asked.then((taker) => killTaker(devnet, taker)),
          ]);
        } finally {
          devnet.start(blockTimeMs);
        }
        return Promise.all([submitted, included]);
      },
      ask,
      heal: (options) => heal(ways, balancers, options),
      whole: (balancer) => whole(ways, balancer),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A node, and the network path to it. */
interface Way {
  readonly node: DevNode;
  readonly proxy: FaultProxy;
}

/** Strikes the way by which such a request comes first, before it arrives. */
function ambush(
  ways: readonly Way[],
  matches: Matches,
  strike: (way: Way) => DevNode | Promise<DevNode>,
): Promise<DevNode> {
  return new Promise((resolve) => {
    const offs = ways.map((way) =>
      way.proxy.onMessage((request) => {
        if (!matches(request)) return;
        for (const off of offs) off();
        resolve(strike(way));
      }),
    );
  });
}

async function kill({ node }: Way): Promise<DevNode> {
  // The signal is sent at once; the promise is that the process is gone.
  await node.crash();
  return node;
}

function cutOff({ node, proxy }: Way): DevNode {
  proxy.refuse(true);
  proxy.cut();
  return node;
}

const isSubmission: Matches = (request) => request.includes('"author_submit');

/** The next block with a transaction in it. */
function nextTransaction(devnet: Devnet): Promise<DevBlock> {
  return new Promise((resolve) => {
    const off = devnet.onEvent((event) => {
      if (event.type !== 'block' || event.block.transactions.length === 0) return;
      off();
      resolve(event.block);
    });
  });
}

/** Kills the node that took a transaction, as soon as another one has it too. */
async function killTaker({ nodes }: Devnet, taker: DevNode): Promise<void> {
  const other = nodes.find((node) => node !== taker && node.status === 'running');
  if (!other) throw new Error('nobody is left to build a block');
  // A node whose pool nobody else knows takes the transaction with it when it dies.
  while (((await ask(other, 'author_pendingExtrinsics')) as unknown[]).length === 0) {
    await sleep(20);
  }
  await taker.crash();
}

/** Rejects when it ends at all. */
async function tooEarly(submitted: Promise<unknown>): Promise<never> {
  await submitted;
  throw new Error('it is over before there was a block');
}

async function ask(node: DevNode, method: string, ...params: readonly unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(node.httpUrl, { method: 'POST', headers, body });
  const { result, error } = (await response.json()) as { result?: unknown; error?: object };
  if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
  return result;
}

async function heal(
  ways: readonly Way[],
  balancers: readonly Balancer[],
  { restart = true }: { readonly restart?: boolean } = {},
): Promise<void> {
  for (const { proxy } of ways) proxy.refuse(false);
  const dead = ways.filter(({ node }) => node.status === 'crashed');
  if (restart) await Promise.all(dead.map(({ node }) => node.restart()));
  for (const balancer of balancers) await whole(ways, balancer);
}

async function whole(ways: readonly Way[], balancer: Balancer): Promise<void> {
  const isWhole = (): boolean => {
    const { upstreams } = balancer.snapshot();
    const living = ways.filter(({ node }) => node.status === 'running');
    return living.every(({ node }) =>
      upstreams.some(({ id, reason }) => id === node.id && reason === undefined),
    );
  };
  while (!isWhole()) await sleep(50);
}
