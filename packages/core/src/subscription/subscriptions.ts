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

/** One subscription of one client. */
interface LiveSubscription {
  readonly stop: (reason?: BalancerError) => void;
  readonly onEnd: (error: BalancerError) => void;
  /** Present when one upstream carries it. */
  readonly carried?: CarriedSubscription;
  /** The subscriber has its id; before that it hears the end as an error of its call. */
  isTold: boolean;
}

/** Every live subscription of one balancer; gives them ids of our own. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #feeds = new Map<FeedKind, HeadFeed>();
  /** How to end each, by our id. */
  readonly #live = new Map<string, LiveSubscription>();
  readonly #stopListening: () => void;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#stopListening = options.engine.events.on('upstream', ({ upstream, serving, reason }) => {
      if (serving) return;
      // What is stalled or draining carries nothing on: it would fall silent or break off.
      for (const { carried } of [...this.#live.values()]) {
        if (carried?.upstream === upstream) carried.leave(reason ?? 'left rotation');
      }
    });
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
    this.#stopListening();
    const live = [...this.#live.values()];
    this.#live.clear();
    for (const { stop, onEnd, isTold } of live) {
      const reason = new BalancerError('closed', 'the balancer is closed');
      stop(reason);
      if (isTold) guard(onEnd, reason);
    }
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
  }

  #follow(
    kind: FeedKind,
    handlers: SubscriberHandlers,
    { session, signal }: CallOptions,
  ): SubscribeOutcome {
    if (signal?.aborted) {
      throw new BalancerError('cancelled', 'follow', { cause: signal.reason });
    }
    const id = this.#newId();
    let unfollow = (): void => {};
    let over = false;
    const stop = (): void => {
      over = true;
      unfollow();
    };
    this.#live.set(id, { stop, onEnd: handlers.onEnd, isTold: true });
    guard(handlers.onSubscribed, { id, unsubscribe: () => this.#forget(id) });
    if (over) return { kind: 'subscribed' };
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
    { signal, deadlineMs, session }: CallOptions,
  ): Promise<SubscribeOutcome> {
    const { engine, chain } = this.#options;
    const { clock, events, options } = engine;
    const id = this.#newId();
    const carried = new CarriedSubscription({
      call,
      traits,
      need: () => (session ? { ...need, seen: session.seen } : need),
      judge: (method, error) => chain.judge(method, error),
      clock,
      timeoutMs: options.attemptTimeoutMs,
      deadlineMs: deadlineMs ?? options.deadlineMs,
      waitMs: options.upstreamWaitMs,
      select: (wanted, tried) => engine.select(wanted, tried, clock.now()),
      signal,
      onItem: (item) => guard(handlers.onItem, item),
      onEnd: (error) => {
        if (this.#live.delete(id)) guard(handlers.onEnd, error);
      },
      onResumed: (upstream) => events.emit('resubscribed', { method: call.method, upstream }),
    });
    const live: LiveSubscription = {
      stop: (reason) => carried.unsubscribe(reason),
      onEnd: handlers.onEnd,
      carried,
      isTold: false,
    };
    this.#live.set(id, live);
    try {
      return await carried.start(() => {
        live.isTold = true;
        guard(handlers.onSubscribed, { id, unsubscribe: () => this.#forget(id) });
      });
    } finally {
      if (!live.isTold) this.#forget(id);
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
