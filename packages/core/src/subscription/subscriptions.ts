import type { Call, CallOptions, SubscribeOutcome, SubscriberHandlers } from '../call.ts';
import type { Chain, FeedKind, SubscriptionTraits } from '../chain/chain.ts';
import { BalancerError } from '../errors.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { Engine } from '../policy/engine.ts';
import type { Requirement } from '../selector/eligibility.ts';
import { guard } from '../transport/guard.ts';
import { CarriedSubscription } from './carried-subscription.ts';
import { HeadFeed } from './head-feed.ts';

/** What {@link Subscriptions} is made of. */
export interface SubscriptionsOptions {
  readonly chain: Chain;
  readonly head: ChainHead;
  readonly engine: Engine;
  /** Live subscriptions at most, over all clients. */
  readonly maxSubscriptions: number;
}

/** Every live subscription of one balancer; gives them ids of our own. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #feeds = new Map<FeedKind, HeadFeed>();
  /** How to end each, by our id. */
  readonly #live = new Map<
    string,
    { readonly stop: () => void; readonly onEnd: (error: BalancerError) => void }
  >();

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#live.size;
  }

  /** @throws BalancerError when nobody accepted it, or there are too many */
  async subscribe(
    call: Call,
    traits: SubscriptionTraits,
    need: Requirement,
    handlers: SubscriberHandlers,
    options: CallOptions,
  ): Promise<SubscribeOutcome> {
    const { maxSubscriptions } = this.#options;
    if (this.#live.size >= maxSubscriptions) {
      throw new BalancerError('overloaded', `${maxSubscriptions} subscriptions are live already`);
    }
    return traits.source === 'head'
      ? this.#follow(traits.feed, handlers, options)
      : this.#carry(call, traits, need, handlers, options);
  }

  /** Ends all, telling each subscriber. */
  close(): void {
    const live = [...this.#live.values()];
    this.#live.clear();
    for (const { stop, onEnd } of live) {
      stop();
      guard(onEnd, new BalancerError('closed', 'the balancer is closed'));
    }
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
  }

  #follow(
    kind: FeedKind,
    handlers: SubscriberHandlers,
    { session }: CallOptions,
  ): SubscribeOutcome {
    const id = this.#newId();
    let unfollow = (): void => {};
    let over = false;
    const stop = (): void => {
      over = true;
      unfollow();
    };
    this.#live.set(id, { stop, onEnd: handlers.onEnd });
    handlers.onSubscribed({ id, unsubscribe: () => this.#forget(id) });
    unfollow = this.#feed(kind).subscribe((block) => {
      if (over) return;
      session?.observe(block.number);
      handlers.onItem(block.header);
    });
    // The subscriber may have left while it heard its first item.
    if (over) unfollow();
    return { kind: 'subscribed' };
  }

  async #carry(
    call: Call,
    traits: Extract<SubscriptionTraits, { source: 'upstream' }>,
    need: Requirement,
    handlers: SubscriberHandlers,
    { signal, deadlineMs }: CallOptions,
  ): Promise<SubscribeOutcome> {
    const { engine } = this.#options;
    const { clock, events, options } = engine;
    const id = this.#newId();
    const carried = new CarriedSubscription({
      call,
      traits,
      need,
      clock,
      timeoutMs: options.attemptTimeoutMs,
      deadlineMs: deadlineMs ?? options.upstreamWaitMs,
      select: (wanted, tried) => engine.select(wanted, tried),
      signal,
      onItem: handlers.onItem,
      onEnd: (error) => {
        if (this.#live.delete(id)) handlers.onEnd(error);
      },
      onResumed: (upstream) => events.emit('resubscribed', { method: call.method, upstream }),
    });
    this.#live.set(id, { stop: () => carried.unsubscribe(), onEnd: handlers.onEnd });
    let accepted = false;
    try {
      return await carried.start(() => {
        accepted = true;
        handlers.onSubscribed({ id, unsubscribe: () => this.#forget(id) });
      });
    } finally {
      if (!accepted) this.#forget(id);
    }
  }

  #forget(id: string): void {
    const live = this.#live.get(id);
    this.#live.delete(id);
    live?.stop();
  }

  #feed(kind: FeedKind): HeadFeed {
    let feed = this.#feeds.get(kind);
    if (!feed) {
      const { head, engine } = this.#options;
      feed = new HeadFeed(kind, head, (which, from, to) =>
        engine.events.emit('gap', {
          feed: which,
          from: { number: from.number, hash: from.hash },
          to: { number: to.number, hash: to.hash },
        }),
      );
      this.#feeds.set(kind, feed);
    }
    return feed;
  }

  /** Sixteen characters, as nodes' own: not guessable from one another, unique in this process. */
  #newId(): string {
    const { random } = this.#options.engine;
    let id: string;
    do {
      id = '';
      while (id.length < 16) id += alphabet[Math.floor(random() * alphabet.length)];
    } while (this.#live.has(id));
    return id;
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
