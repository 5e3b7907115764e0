import type { SubscribeOutcome, SubscriberHandlers } from '../call.ts';
import type { Block } from '../chain/chain.ts';
import type { BlockPath } from '../head/block-tree.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { Reply } from '../json-rpc/message.ts';
import type { Emitter } from '../telemetry/emitter.ts';
import type { BalancerEvents } from '../telemetry/events.ts';
import type { Clock } from '../time/clock.ts';
import type { ForwardOptions, ServiceHost } from './chain-service.ts';

/** What a {@link PoolHost} is made of. */
export interface PoolHostOptions {
  readonly clock: Clock;
  readonly head: ChainHead;
  readonly events: Emitter<BalancerEvents>;
  readonly genesisHash: () => string | undefined;
  /** May an upstream that has this block answer a call now? */
  readonly hasBlock: (hash: string) => boolean;
  readonly offers: (method: string, surely?: boolean) => boolean;
  readonly widestRange: () => number;
  readonly forward: (
    method: string,
    params: readonly unknown[],
    options: ForwardOptions,
  ) => Promise<Reply>;
  readonly subscribe: (
    method: string,
    params: readonly unknown[],
    handlers: SubscriberHandlers,
    options: ForwardOptions,
  ) => Promise<SubscribeOutcome>;
}

/** One balancer's pool, as its chain's service may use it. */
export class PoolHost implements ServiceHost {
  readonly #options: PoolHostOptions;

  constructor(options: PoolHostOptions) {
    this.#options = options;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get genesisHash(): string | undefined {
    return this.#options.genesisHash();
  }

  get best(): Block | undefined {
    return this.#options.head.best;
  }

  get safe(): Block | undefined {
    return this.#options.head.safe;
  }

  get finalized(): Block | undefined {
    return this.#options.head.finalized;
  }

  block(hash: string): Block | undefined {
    return this.#options.head.tree.get(hash);
  }

  blocksAt(number: number): readonly Block[] {
    return this.#options.head.tree.at(number);
  }

  path(from: string, to: string): BlockPath | undefined {
    return this.#options.head.tree.path(from, to);
  }

  hasBlock(hash: string): boolean {
    return this.#options.hasBlock(hash);
  }

  offers(method: string, surely = false): boolean {
    return this.#options.offers(method, surely);
  }

  get widestRange(): number {
    return this.#options.widestRange();
  }

  onBlock(listener: (block: Block) => void): () => void {
    return this.#options.head.events.on('block', listener);
  }

  onChange(listener: () => void): () => void {
    const { head, events } = this.#options;
    const stops = [
      head.events.on('best', listener),
      head.events.on('finalized', listener),
      head.events.on('progress', listener),
      events.on('upstream', listener),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  forward(
    method: string,
    params: readonly unknown[],
    options: ForwardOptions = {},
  ): Promise<Reply> {
    return this.#options.forward(method, params, options);
  }

  subscribe(
    method: string,
    params: readonly unknown[],
    handlers: SubscriberHandlers,
    options: ForwardOptions = {},
  ): Promise<SubscribeOutcome> {
    return this.#options.subscribe(method, params, handlers, options);
  }
}
