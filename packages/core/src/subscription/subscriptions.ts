import type { Answer, Call, CallOptions, SubscribeOutcome, SubscriberHandlers } from '../call.ts';
import type { Chain, FeedKind, SharePlan, SubscriptionTraits } from '../chain/chain.ts';
import { BalancerError, TimeoutError } from '../errors.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { parseParams } from '../policy/call-context.ts';
import type { Engine } from '../policy/engine.ts';
import type { Requirement } from '../selector/eligibility.ts';
import type { ChainService } from '../service/chain-service.ts';
import type { Session } from '../session/session.ts';
import type { SubmissionDesk } from '../submission/desk.ts';
import { WatchedSubmission } from '../submission/watched-submission.ts';
import type { ThrownReport } from '../telemetry/thrown.ts';
import { CarriedSubscription, type CarriedSubscriptionOptions } from './carried-subscription.ts';
import { HeadFeed } from './head-feed.ts';
import { type Member, SharedSubscription } from './shared-subscription.ts';

/** What {@link Subscriptions} is made of. */
export interface SubscriptionsOptions {
  readonly chain: Chain;
  readonly head: ChainHead;
  /** Absent: the chain does not tell how transactions are found again. */
  readonly desk: SubmissionDesk | undefined;
  readonly engine: Engine;
  /** Makes one call, for the present value of a subscription. */
  readonly read: (call: Call, options: CallOptions) => Promise<Answer>;
  /** Serves those that no upstream carries. */
  readonly service: ChainService | undefined;
  /** Told what a subscriber's handlers throw. */
  readonly onThrown: ThrownReport;
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
  /** Those that clients share, by what upstreams are asked; each has at least one client. */
  readonly #shared = new Map<string, SharedSubscription>();
  /** The shared ones that each client is in, once for each time. */
  readonly #seats = new WeakMap<Session, Map<Member, SharedSubscription>>();
  readonly #stops: readonly (() => void)[];

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    const shareChange = (): void => {
      for (const shared of [...this.#shared.values()]) shared.onChange();
    };
    this.#stops = [
      options.head.events.on('best', shareChange),
      options.head.events.on('block', () => {
        for (const shared of [...this.#shared.values()]) shared.onBlock();
      }),
      options.engine.events.on('upstream', ({ upstream, serving, reason = 'left rotation' }) => {
        if (serving) {
          shareChange();
          return;
        }
        // What is stalled or draining carries nothing on: it would fall silent or break off.
        for (const { carried } of [...this.#live.values()]) {
          if (carried?.upstream === upstream) carried.leave(reason);
        }
        for (const shared of [...this.#shared.values()]) shared.leaveUpstream(upstream, reason);
      }),
    ];
  }

  get size(): number {
    return this.#live.size;
  }

  /**
   * @param plan how it is shared; `undefined` when it is not
   * @throws BalancerError when nobody accepted it, or there are too many
   */
  async subscribe(
    call: Call,
    traits: Exclude<SubscriptionTraits, { source: 'service' }>,
    plan: SharePlan | undefined,
    need: Requirement,
    handlers: SubscriberHandlers,
    options: CallOptions,
  ): Promise<SubscribeOutcome> {
    this.#refuseIfFull();
    if (traits.source === 'head') return this.#follow(traits, handlers, options);
    return plan === undefined
      ? this.#carry(call, traits, need, handlers, options)
      : this.#join(plan, traits, need, handlers, options);
  }

  /**
   * Has the chain's own service serve one.
   * @throws BalancerError when there are too many, or the chain has no service
   */
  serve(
    method: string,
    params: readonly unknown[],
    handlers: SubscriberHandlers,
    { session, signal }: CallOptions,
  ): SubscribeOutcome {
    this.#refuseIfFull();
    if (signal?.aborted) throw new BalancerError('cancelled', method, { cause: signal.reason });
    const { service } = this.#options;
    if (!service) throw new BalancerError('invalid request', `nobody serves ${method}`);
    const id = this.#newId();
    const isLive = (): boolean => this.#live.has(id);
    const accepted = service.subscribe(
      { method, params, client: session, signal, id },
      {
        onItem: (item) => {
          if (isLive()) this.#tell(handlers.onItem, item);
        },
        onDone: () => {
          if (this.#live.delete(id)) this.#tell(() => handlers.onDone?.(), undefined);
        },
        onEnd: (reason) => {
          if (this.#live.delete(id)) this.#tell(handlers.onEnd, reason);
        },
      },
    );
    if ('kind' in accepted) return accepted;
    this.#live.set(id, { stop: () => accepted.close(), onEnd: handlers.onEnd, isTold: true });
    this.#tell(handlers.onSubscribed, { id, unsubscribe: () => this.#forget(id) });
    if (isLive()) accepted.start();
    return { kind: 'subscribed' };
  }

  /** Ends all, telling each subscriber. */
  close(): void {
    for (const stop of this.#stops) stop();
    const live = [...this.#live.values()];
    this.#live.clear();
    for (const { stop, onEnd, isTold } of live) {
      const reason = new BalancerError('closed', 'the balancer is closed');
      stop(reason);
      if (isTold) this.#tell(onEnd, reason);
    }
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
  }

  /** Calls a subscriber's function, which may throw. */
  #tell<T>(callback: (value: T) => void, value: T): void {
    try {
      callback(value);
    } catch (error) {
      this.#options.onThrown(error, 'a subscriber');
    }
  }

  #refuseIfFull(): void {
    const { maxSubscriptions } = this.#options;
    if (this.#live.size < maxSubscriptions) return;
    throw new BalancerError('overloaded', `${maxSubscriptions} subscriptions are live already`);
  }

  #follow(
    { feed, tellsCurrent }: Extract<SubscriptionTraits, { source: 'head' }>,
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
    this.#tell(handlers.onSubscribed, { id, unsubscribe: () => this.#forget(id) });
    if (over) return { kind: 'subscribed' };
    unfollow = this.#feed(feed).subscribe((block) => {
      if (over) return;
      session?.observe(block.number);
      this.#tell(handlers.onItem, block.header);
    }, tellsCurrent);
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
    const carried = this.#carrierOf(session, {
      call,
      traits,
      need: () => (session ? { ...need, seen: session.seen } : need),
      judge: (method, error) => chain.judge(method, error),
      clock,
      deadlines: engine.deadlines,
      timeoutMs: options.attemptTimeoutMs,
      deadlineMs: deadlineMs ?? options.deadlineMs,
      waitMs: options.upstreamWaitMs,
      select: (wanted, tried) => engine.select(wanted, tried, clock.now()),
      signal,
      onItem: (item) => this.#tell(handlers.onItem, item),
      onEnd: (error) => {
        if (this.#live.delete(id)) this.#tell(handlers.onEnd, error);
      },
      onResumed: (upstream) => events.emit('resubscribed', { method: call.method, upstream }),
      // What only reads is gone with its last item: clients need not end it.
      ...(traits.resume === 'resubscribe' && {
        onComplete: () => {
          if (this.#live.delete(id)) this.#tell(() => handlers.onDone?.(), undefined);
        },
      }),
    });
    const live: LiveSubscription = {
      stop: (reason) => carried.unsubscribe(reason),
      onEnd: handlers.onEnd,
      carried: carried instanceof WatchedSubmission ? carried.carried : carried,
      isTold: false,
    };
    this.#live.set(id, live);
    try {
      return await carried.start(() => {
        live.isTold = true;
        this.#tell(handlers.onSubscribed, { id, unsubscribe: () => this.#forget(id) });
      });
    } finally {
      if (!live.isTold) this.#forget(id);
    }
  }

  /** Lets one more client into a shared subscription, which its first client makes. */
  #join(
    plan: SharePlan,
    traits: Extract<SubscriptionTraits, { source: 'upstream' }>,
    need: Requirement,
    handlers: SubscriberHandlers,
    { session, signal, deadlineMs }: CallOptions,
  ): Promise<SubscribeOutcome> {
    const { deadlines } = this.#options.engine;
    const { method } = plan.call;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new BalancerError('cancelled', method, { cause: signal.reason }));
        return;
      }
      const id = this.#newId();
      const shared = this.#sharedBy(plan, traits, need);
      const leave = (): void => {
        if (session) this.#seats.get(session)?.delete(member);
        shared.leave(member);
      };
      /** Ends the waiting, whatever came of it. */
      const settle = (): void => {
        if (deadline) deadlines.cancel(deadline);
        signal?.removeEventListener('abort', onAbort);
      };
      const giveUp = (error: BalancerError): void => {
        settle();
        this.#live.delete(id);
        leave();
        reject(error);
      };
      const onAbort = (): void =>
        giveUp(new BalancerError('cancelled', method, { cause: signal?.reason }));
      const member: Member = {
        session,
        onAccepted: () => {
          live.isTold = true;
          settle();
          resolve({ kind: 'subscribed' });
          this.#tell(handlers.onSubscribed, { id, unsubscribe: () => this.#forget(id) });
        },
        onDeclined: (outcome) => {
          settle();
          leave();
          this.#live.delete(id);
          resolve(outcome);
        },
        onFailed: giveUp,
        onItem: (item) => this.#tell(handlers.onItem, item),
        onEnd: (error) => {
          leave();
          if (this.#live.delete(id)) this.#tell(handlers.onEnd, error);
        },
      };
      const live: LiveSubscription = {
        stop: (reason = new BalancerError('cancelled', method)) => {
          if (live.isTold) leave();
          else giveUp(reason);
        },
        onEnd: handlers.onEnd,
        isTold: false,
      };
      this.#live.set(id, live);
      // What it shares has the usual deadline; a client may want to know sooner.
      const deadline =
        deadlineMs === undefined
          ? undefined
          : deadlines.add(deadlineMs, () =>
              giveUp(new TimeoutError(`${method}: not accepted before the deadline`)),
            );
      signal?.addEventListener('abort', onAbort, { once: true });
      if (session) this.#seatsOf(session).set(member, shared);
      shared.join(member);
    });
  }

  #seatsOf(session: Session): Map<Member, SharedSubscription> {
    let seats = this.#seats.get(session);
    if (!seats) {
      seats = new Map();
      this.#seats.set(session, seats);
    }
    return seats;
  }

  /** Lets the client's shared subscriptions tell what holds at this block; `undefined` when they have. */
  #inStep(session: Session | undefined, hash: string): Promise<unknown> | undefined {
    const waits: Promise<void>[] = [];
    for (const shared of (session && this.#seats.get(session)?.values()) ?? []) {
      const wait = shared.inStepWith(hash);
      if (wait) waits.push(wait);
    }
    return waits.length > 0 ? Promise.all(waits) : undefined;
  }

  #sharedBy(
    plan: SharePlan,
    traits: Extract<SubscriptionTraits, { source: 'upstream' }>,
    need: Requirement,
  ): SharedSubscription {
    const { labels } = need;
    const wanted = labels && Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([plan.call.method, plan.call.params, wanted]);
    const known = this.#shared.get(key);
    if (known) return known;
    const { chain, head, engine, read } = this.#options;
    const shared = new SharedSubscription({
      plan,
      traits,
      need,
      chain,
      head,
      engine,
      read: (call) => read(call, labels ? { labels } : {}),
      onOver: () => {
        if (this.#shared.get(key) === shared) this.#shared.delete(key);
      },
    });
    this.#shared.set(key, shared);
    return shared;
  }

  /** What submits a transaction goes on without its upstream. */
  #carrierOf(
    session: Session | undefined,
    carried: CarriedSubscriptionOptions,
  ): CarriedSubscription | WatchedSubmission {
    const { chain, desk } = this.#options;
    const { call } = carried;
    const format = desk?.submissions.watch(call.method);
    const transaction = format && desk?.submissions.read(call.method, parseParams(chain, call));
    if (!desk || !format || !transaction) return new CarriedSubscription(carried);
    const inStep = (hash: string) => this.#inStep(session, hash);
    return new WatchedSubmission({ desk, transaction, format, session, carried, inStep });
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
