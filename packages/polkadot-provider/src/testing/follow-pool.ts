import {
  type Balancer,
  createBalancer,
  type PolicyOptions,
  type Reply,
  type Session,
  type Subscription,
} from '@dshackle/core';
import { FakeClock, seededRandom } from '@dshackle/core/testing';
import { type PolkadotOptions, polkadot } from '../chain/polkadot.ts';
import { type ForkBlock, ForkChain } from './fork-chain.ts';
import { MemoryNode } from './memory-node.ts';

/** An event of a follow. */
export type FollowEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

/** A follow as its client has it. */
export interface TestFollow {
  readonly id: string;
  /** All that it was told, in order. */
  readonly events: FollowEvent[];
  /** The events since this was called last. */
  take(): readonly FollowEvent[];
  isDone: boolean;
  readonly unfollow: () => void;
}

/** One client of a {@link FollowPool}. */
export class TestClient {
  readonly session: Session;
  readonly #balancer: Balancer;

  constructor(balancer: Balancer) {
    this.#balancer = balancer;
    this.session = balancer.session();
  }

  /** Makes a call as this client; gives what was answered. */
  async call(method: string, ...params: readonly unknown[]): Promise<Reply> {
    const call = { method, params: JSON.stringify(params) };
    return (await this.#balancer.forward(call, { session: this.session })).reply;
  }

  /** The result of a call. */
  async ask<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> {
    return this.#balancer.request<T>(method, params, { session: this.session });
  }

  /** Subscribes; rejects with the error's code when it is declined. */
  async follow(...params: readonly unknown[]): Promise<TestFollow> {
    const events: FollowEvent[] = [];
    let given: Subscription | undefined;
    let isDone = false;
    let taken = 0;
    const outcome = await this.#balancer.subscribe(
      { method: 'chainHead_v1_follow', params: JSON.stringify(params) },
      {
        onSubscribed: (subscription) => {
          given = subscription;
        },
        onItem: (item) => events.push(JSON.parse(item) as FollowEvent),
        onEnd: (error) => events.push({ event: 'ended', error }),
        onDone: () => {
          isDone = true;
        },
      },
      { session: this.session },
    );
    if (outcome.kind === 'error') throw outcome.error;
    const { id, unsubscribe } = given as Subscription;
    return {
      id,
      events,
      take: () => {
        const news = events.slice(taken);
        taken = events.length;
        return news;
      },
      get isDone() {
        return isDone;
      },
      unfollow: unsubscribe,
    };
  }
}

/** A pool of nodes in memory, on a clock that stands still until told. */
export interface FollowPool extends AsyncDisposable {
  readonly balancer: Balancer;
  readonly clock: FakeClock;
  readonly chain: ForkChain;
  readonly nodes: readonly MemoryNode[];
  /** The blocks that every node has at the beginning: `blocks[n]` is that of height n. */
  readonly blocks: readonly ForkBlock[];
  client(): TestClient;
  /** Shows a block to these nodes as their best. @default all */
  show(block: ForkBlock, to?: readonly MemoryNode[]): Promise<void>;
  finalize(block: ForkBlock, at?: readonly MemoryNode[]): Promise<void>;
}

/** Options of {@link followPool}. */
export interface FollowPoolOptions extends Pick<PolkadotOptions, 'chainHead'> {
  /** @default 2 */
  readonly nodes?: number;
  /** @default 5 */
  readonly height?: number;
  /** @default 3 */
  readonly finalized?: number;
  readonly policy?: PolicyOptions;
  /** Called for each node before the balancer starts. */
  readonly prepare?: (node: MemoryNode) => void;
}

/** Starts such a pool, connected. */
export async function followPool(options: FollowPoolOptions = {}): Promise<FollowPool> {
  const { nodes: count = 2, height = 5, finalized = 3 } = options;
  const clock = new FakeClock();
  const chain = new ForkChain();
  const blocks = [chain.genesis, ...chain.grow(chain.genesis, height)];
  const nodes = Array.from({ length: count }, (_, i) => {
    const id = String.fromCharCode(97 + i);
    return new MemoryNode(id, chain, blocks.at(-1) as ForkBlock, blocks[finalized] as ForkBlock);
  });
  for (const node of nodes) options.prepare?.(node);
  const balancer = createBalancer({
    chain: polkadot({
      id: 'scripted',
      genesisHash: chain.genesis.hash,
      ...(options.chainHead && { chainHead: options.chainHead }),
    }),
    upstreams: nodes.map((node) => node.upstream()),
    clock,
    random: seededRandom(1),
    ...(options.policy && { policy: options.policy }),
  });
  await clock.advance(10);
  return {
    balancer,
    clock,
    chain,
    nodes,
    blocks,
    client: () => new TestClient(balancer),
    async show(block, to = nodes) {
      for (const node of to) node.show(block);
      await clock.advance(1);
    },
    async finalize(block, at = nodes) {
      for (const node of at) node.finalize(block);
      await clock.advance(1);
    },
    [Symbol.asyncDispose]: () => balancer.close(),
  };
}
