import type { BalancerOptions } from './balancer-options.ts';
import type {
  Answer,
  Call,
  CallOptions,
  Receiver,
  SubscribeOutcome,
  SubscriberHandlers,
} from './call.ts';
import type { BlockId, Chain } from './chain/chain.ts';
import { type MethodsOptions, withMethods } from './chain/with-methods.ts';
import { BalancerError, RpcResponseError } from './errors.ts';
import { ChainHead } from './head/chain-head.ts';
import { type CallContext, type Handler, parseParams } from './policy/call-context.ts';
import { checkCall } from './policy/check-params.ts';
import { Coalescer } from './policy/coalesce.ts';
import type { Engine } from './policy/engine.ts';
import { LatencyQuantile } from './policy/latency-quantile.ts';
import { Once } from './policy/once.ts';
import { resolvePolicyOptions } from './policy/options.ts';
import { pipeline } from './policy/pipeline.ts';
import { requireNamed } from './policy/required-block.ts';
import { RetryBudget } from './policy/retry-budget.ts';
import { RunningCalls } from './policy/running-calls.ts';
import { PoolView } from './pool-view.ts';
import { Rotation } from './rotation.ts';
import type { Requirement } from './selector/eligibility.ts';
import { p2c } from './selector/p2c.ts';
import type { ChainService } from './service/chain-service.ts';
import { PoolHost } from './service/pool-host.ts';
import { Session } from './session/session.ts';
import { SubmissionDesk } from './submission/desk.ts';
import { Subscriptions } from './subscription/subscriptions.ts';
import { Emitter } from './telemetry/emitter.ts';
import type { BalancerEvents } from './telemetry/events.ts';
import type { BalancerSnapshot } from './telemetry/snapshot.ts';
import { listenerOf, thrownReport } from './telemetry/thrown.ts';
import { systemClock } from './time/clock.ts';
import { Deadlines } from './time/deadlines.ts';
import type { UpstreamOptions } from './upstream/upstream.ts';

/** One engine for one chain over any number of upstreams. Made by `createBalancer`. */
export interface Balancer extends AsyncDisposable {
  /** The chain, with the methods that this balancer serves. */
  readonly chain: Chain;
  /** True while at least one upstream can serve. */
  readonly available: boolean;
  /** The pool's agreed heads; `undefined` until the first upstream reported one. */
  readonly head: { readonly best: BlockId | undefined; readonly finalized: BlockId | undefined };
  /** A new session, for one client. */
  session(): Session;
  /**
   * Makes one call and gives back the answer unparsed: what doors use. A JSON-RPC error is an
   * answer like any other.
   *
   * @throws BalancerError when no answer could be had; its `attempts` say what was tried
   */
  forward(call: Call, options?: CallOptions): Promise<Answer>;
  /**
   * Makes one call as `forward` does, for doors with ten thousand a second: `receiver` is told the
   * outcome, possibly before this returns, and no promise is made. Never throws.
   */
  dispatch(call: Call, receiver: Receiver, options?: CallOptions): void;
  /**
   * Makes one call and parses its result: what applications use.
   *
   * @throws RpcResponseError when the answer is a JSON-RPC error
   * @throws BalancerError when no answer could be had
   */
  request<T = unknown>(
    method: string,
    params?: readonly unknown[] | Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<T>;
  /**
   * Subscribes. The subscription outlives the upstream that carries it where the method allows.
   *
   * @throws BalancerError `denied` when the chain switched it off, also with these params only;
   *   others when no upstream could take it, or the method is no subscription
   */
  subscribe(
    call: Call,
    handlers: SubscriberHandlers,
    options?: CallOptions,
  ): Promise<SubscribeOutcome>;
  /**
   * This engine for callers who may use other methods. What `methods` names outweighs the options of
   * the balancer and of its upstreams; all else is shared.
   *
   * @throws BalancerError `invalid request` when a method is both enabled and disabled
   */
  withMethods(methods: MethodsOptions): BalancerView;
  /**
   * Calls `listener` at each such event; returns the function that stops it. What a listener throws is
   * told as the event `thrown`.
   */
  on<Name extends keyof BalancerEvents>(
    name: Name,
    listener: (event: BalancerEvents[Name]) => void,
  ): () => void;
  /**
   * Calls `listener` whenever `available` changes; returns the function that stops it.
   */
  onAvailability(listener: (available: boolean) => void): () => void;
  /** Resolves as soon as `available` is true; rejects with the signal's reason or `closed`. */
  ready(signal?: AbortSignal): Promise<void>;
  /**
   * Adds an upstream at run time. It serves once its identity, health and head are known.
   *
   * @throws BalancerError `invalid request` when its id is taken or its URL cannot be used
   */
  addUpstream(options: string | UpstreamOptions): void;
  /** Gives an upstream no new work; what it has may finish. False when there is no such id. */
  drainUpstream(id: string): boolean;
  /**
   * Drains an upstream, waits up to `drainMs` (default 10_000) for its calls, then closes it. Calls
   * still running fail over. False when there is no such id.
   */
  removeUpstream(id: string, options?: { readonly drainMs?: number }): Promise<boolean>;
  /** Everything as it stands, and why each upstream would or would not be chosen. */
  snapshot(): BalancerSnapshot;
  /**
   * Ends all: new calls are refused, calls in flight get `drainMs` to finish (default 0: they fail
   * with `closed`), then every socket and timer goes. Safe to call twice.
   */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

/** What callers need of a {@link Balancer}. */
export type BalancerView = Pick<
  Balancer,
  'chain' | 'available' | 'session' | 'forward' | 'dispatch' | 'request' | 'subscribe'
>;

/** What one sort of callers may call, and the way their calls go. */
interface Scope {
  readonly chain: Chain;
  readonly handle: Handler;
}

/**
 * Makes the engine for one chain and starts connecting at once; it serves as soon as one upstream
 * is good (see `ready`).
 *
 * @throws BalancerError `invalid request` when an upstream's id is taken, its URL cannot be used, or a
 *   method is both enabled and disabled
 */
export function createBalancer(options: BalancerOptions): Balancer {
  return new PooledBalancer(options);
}

class PooledBalancer implements Balancer {
  readonly #onThrown = thrownReport(() => this.#events);
  readonly #events = new Emitter<BalancerEvents>({
    onError: (error, event) => this.#onThrown(error, listenerOf(event)),
  });
  readonly #head: ChainHead;
  readonly #rotation: Rotation;
  readonly #engine: Engine;
  readonly #subscriptions: Subscriptions;
  readonly #coalescer = new Coalescer();
  readonly #service: ChainService | undefined;
  readonly #desk: SubmissionDesk | undefined;
  readonly #scope: Scope;
  /** For calls of the engine's own. */
  readonly #inner: Scope;
  #running = 0;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(options: BalancerOptions) {
    const { chain, clock = systemClock, random = Math.random } = options;
    const policy = resolvePolicyOptions(options.policy);
    const events = this.#events;
    this.#head = new ChainHead({ clock, blockTimeMs: chain.blockTimeMs, ...options.head });
    this.#rotation = new Rotation({
      chain,
      head: this.#head,
      selector: options.selector ?? p2c({ random }),
      clock,
      random,
      events,
      headOptions: options.head ?? {},
      healthOptions: options.health ?? {},
      // Nobody waits longer for one that may not even exist than for one that is known.
      reachMs: policy.upstreamWaitMs,
      maxWaiting: policy.maxWaiting,
    });
    this.#engine = {
      clock,
      random,
      events,
      options: policy,
      running: new RunningCalls(),
      deadlines: new Deadlines(clock),
      latencies: new LatencyQuantile({ clock }),
      retryBudget: new RetryBudget({ clock, ...options.policy?.retryBudget }),
      select: (need, tried, nowMs) => this.#rotation.select(need, tried, nowMs),
      onChange: (callback) => this.#rotation.onChange(callback),
    };
    this.#inner = this.#scopeOf(chain, undefined);
    this.#service = this.#makeService(chain);
    this.#desk = this.#deskOf(chain);
    this.#subscriptions = new Subscriptions({
      chain,
      desk: this.#desk,
      head: this.#head,
      engine: this.#engine,
      // Whatever is denied to callers.
      read: (call, readOptions) => this.#forward(this.#inner, call, readOptions),
      service: this.#service,
      onThrown: this.#onThrown,
      maxSubscriptions: options.maxSubscriptions ?? 100_000,
    });
    this.#scope = this.#scopeOf(
      withMethods(chain, options.methods ?? {}, (method) => this.#rotation.isEnabled(method)),
      this.#service,
    );
    tellOfHead(this.#head, events);
    for (const upstream of options.upstreams) this.#rotation.add(upstream);
  }

  get chain(): Chain {
    return this.#scope.chain;
  }

  get available(): boolean {
    return this.#rotation.available;
  }

  get head(): Balancer['head'] {
    const { best, finalized } = this.#head.snapshot();
    return { best, finalized };
  }

  session(): Session {
    return new Session();
  }

  forward(call: Call, options: CallOptions = {}): Promise<Answer> {
    return this.#forward(this.#scope, call, options);
  }

  dispatch(call: Call, receiver: Receiver, options: CallOptions = {}): void {
    this.#dispatch(this.#scope, call, receiver, options);
  }

  request<T = unknown>(
    method: string,
    params: readonly unknown[] | Readonly<Record<string, unknown>> = [],
    options: CallOptions = {},
  ): Promise<T> {
    return this.#request(this.#scope, method, params, options);
  }

  subscribe(
    call: Call,
    handlers: SubscriberHandlers,
    options: CallOptions = {},
  ): Promise<SubscribeOutcome> {
    return this.#subscribe(this.#scope, call, handlers, options);
  }

  withMethods(methods: MethodsOptions): BalancerView {
    const scope = this.#scopeOf(withMethods(this.chain, methods), this.#service);
    const isAvailable = (): boolean => this.available;
    return {
      chain: scope.chain,
      get available() {
        return isAvailable();
      },
      session: () => this.session(),
      forward: (call, options = {}) => this.#forward(scope, call, options),
      dispatch: (call, receiver, options = {}) => this.#dispatch(scope, call, receiver, options),
      request: (method, params = [], options = {}) => this.#request(scope, method, params, options),
      subscribe: (call, handlers, options = {}) => this.#subscribe(scope, call, handlers, options),
    };
  }

  on<Name extends keyof BalancerEvents>(
    name: Name,
    listener: (event: BalancerEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    return this.#events.on('availability', ({ available }) => listener(available));
  }

  ready(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closing) reject(new BalancerError('closed', 'the balancer is closed'));
      else if (signal?.aborted) reject(signal.reason);
      else if (this.available) resolve();
      else {
        const settle = (settled: () => void): void => {
          stop();
          stopClosed();
          signal?.removeEventListener('abort', onAbort);
          settled();
        };
        const onAbort = (): void => settle(() => reject(signal?.reason));
        const stop = this.onAvailability((available) => {
          if (available) settle(resolve);
        });
        const stopClosed = this.#events.on('closed', () =>
          settle(() => reject(new BalancerError('closed', 'the balancer is closed'))),
        );
        signal?.addEventListener('abort', onAbort, { once: true });
      }
    });
  }

  addUpstream(options: string | UpstreamOptions): void {
    this.#rotation.add(options);
  }

  drainUpstream(id: string): boolean {
    return this.#rotation.drain(id);
  }

  removeUpstream(id: string, options: { readonly drainMs?: number } = {}): Promise<boolean> {
    return this.#rotation.remove(id, options.drainMs ?? 10_000);
  }

  snapshot(): BalancerSnapshot {
    return {
      chain: this.chain.id,
      available: this.available,
      head: this.#head.snapshot(),
      upstreams: this.#rotation.snapshot(),
      calls: { running: this.#running, waiting: this.#rotation.waiting },
      subscriptions: this.#subscriptions.size,
    };
  }

  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    if (this.#closing === undefined) {
      let follow: (ended: Promise<void>) => void = () => {};
      // Before anybody is told of it, for they may call, or close, at once.
      this.#closing = new Promise((resolve) => {
        follow = resolve;
      });
      follow(this.#shutDown(options.drainMs ?? 0));
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shutDown(drainMs: number): Promise<void> {
    this.#events.emit('closed', undefined);
    const { clock, deadlines, running } = this.#engine;
    if (this.#running > 0 && drainMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(resolve, drainMs);
        this.#idle = () => {
          clock.clearTimeout(timer);
          resolve();
        };
      });
    }
    running.abandonAll(new BalancerError('closed', 'the balancer is closed'));
    this.#subscriptions.close();
    this.#service?.close();
    this.#head.close();
    await this.#rotation.close();
    deadlines.close();
  }

  readonly #onSettled = (): void => {
    this.#running -= 1;
    if (this.#running === 0) this.#idle?.();
  };

  /** Its own calls go as the chain says, whatever callers may use, and never back to itself. */
  #makeService(chain: Chain): ChainService | undefined {
    if (!chain.service) return undefined;
    const host = new PoolHost({
      clock: this.#engine.clock,
      head: this.#head,
      events: this.#events,
      genesisHash: () => this.#rotation.genesisHash,
      hasBlock: (hash) => this.#rotation.hasBlock(hash),
      offers: (method, surely) => this.#rotation.offers(method, surely),
      forward: async (method, params, options) => {
        const call = { method, params: JSON.stringify(params), parsedParams: params };
        return (await this.#forward(this.#inner, call, options)).reply;
      },
      subscribe: (method, params, handlers, options) => {
        const call = { method, params: JSON.stringify(params), parsedParams: params };
        return this.#subscribe(this.#inner, call, handlers, options);
      },
    });
    return chain.service(host);
  }

  #scopeOf(chain: Chain, service: ChainService | undefined): Scope {
    const handle = pipeline({
      chain,
      head: this.#head,
      engine: this.#engine,
      coalescer: this.#coalescer,
      view: new PoolView(chain, this.#head, this.#rotation),
      canServe: (need, nowMs) => this.#rotation.canServe(need, nowMs),
      service,
      offers: (method) => this.#rotation.offers(method, true),
      desk: this.#desk,
    });
    return { chain, handle };
  }

  #deskOf(chain: Chain): SubmissionDesk | undefined {
    const { submissions } = chain;
    if (!submissions) return undefined;
    return new SubmissionDesk({
      chain,
      submissions,
      head: this.#head,
      engine: this.#engine,
      forward: (call) => this.#forward(this.#inner, call, {}),
    });
  }

  #dispatch({ chain, handle }: Scope, call: Call, receiver: Receiver, options: CallOptions): void {
    this.#running += 1;
    const once = new Once(receiver, this.#onSettled, this.#onThrown);
    try {
      this.#refuseIfClosing();
      handle(this.#contextOf(chain, call, options), once);
    } catch (error) {
      once.onFailure(error);
    }
  }

  #forward(scope: Scope, call: Call, options: CallOptions): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#dispatch(scope, call, { onAnswer: resolve, onFailure: reject }, options);
    });
  }

  async #request<T>(
    scope: Scope,
    method: string,
    params: readonly unknown[] | Readonly<Record<string, unknown>>,
    options: CallOptions,
  ): Promise<T> {
    const call = { method, params: JSON.stringify(params), parsedParams: params };
    const { reply } = await this.#forward(scope, call, options);
    if (reply.kind === 'error') throw new RpcResponseError(reply.error);
    return JSON.parse(reply.result) as T;
  }

  async #subscribe(
    { chain }: Scope,
    asked: Call,
    handlers: SubscriberHandlers,
    options: CallOptions,
  ): Promise<SubscribeOutcome> {
    this.#refuseIfClosing();
    checkDeadline(options);
    const traits = chain.traits(asked.method);
    if (traits.kind === 'denied') {
      throw new BalancerError('denied', `${asked.method} is disabled on this balancer`);
    }
    const { subscription } = traits;
    const share = subscription?.source === 'upstream' ? subscription.share : undefined;
    const isLookedAt = traits.refuse || traits.block || share || chain.params;
    const params = isLookedAt ? parseParams(chain, asked) : [];
    const refusal = traits.refuse?.(params);
    if (refusal !== undefined) throw new BalancerError('denied', refusal);
    if (!subscription) {
      throw new BalancerError('invalid request', `${asked.method} is not a subscription`);
    }
    const call = checkCall(chain, asked, params);
    if ('kind' in call) return call;
    if (
      subscription.source === 'service' ||
      (traits.emulated && !this.#rotation.offers(call.method, true))
    ) {
      return this.#subscriptions.serve(call.method, parseParams(chain, call), handlers, options);
    }
    const need = { ...this.#needOf(call, options), subscribe: true };
    const named = traits.block?.(params);
    if (named) requireNamed(this.#head, named, traits.data, need);
    const plan = share?.(params);
    return this.#subscriptions.subscribe(call, subscription, plan, need, handlers, options);
  }

  #refuseIfClosing(): void {
    if (this.#closing) throw new BalancerError('closed', 'the balancer is closed');
  }

  #contextOf(chain: Chain, call: Call, options: CallOptions): CallContext {
    const { clock, options: policy } = this.#engine;
    checkDeadline(options);
    const traits = chain.traits(call.method);
    const startedMs = clock.now();
    return {
      call,
      traits,
      strategy: options.strategy ?? traits.strategy,
      params: parseParams(chain, call),
      need: this.#needOf(call, options),
      session: options.session,
      signal: options.signal,
      startedMs,
      deadlineAtMs: startedMs + (options.deadlineMs ?? policy.deadlineMs),
      hasOwnDeadline: options.deadlineMs !== undefined,
      unanswered: 0,
      attempts: [],
    };
  }

  #needOf({ method }: Call, { session, labels }: CallOptions): Requirement {
    const seen = session?.seen ?? -1;
    // Every member named: requirements of one shape are read faster.
    return {
      method,
      hash: undefined,
      height: undefined,
      seen,
      labels,
      subscribe: undefined,
      data: undefined,
      oldest: undefined,
      isGuess: undefined,
    };
  }
}

/** No timer takes any other, and without one a call may never end. */
function checkDeadline({ deadlineMs }: CallOptions): void {
  if (deadlineMs === undefined || Number.isFinite(deadlineMs)) return;
  throw new BalancerError('invalid request', `deadlineMs is ${deadlineMs}: it must be finite`);
}

/** Passes the head's events on without the header bytes that only the feeds need. */
function tellOfHead(head: ChainHead, events: Emitter<BalancerEvents>): void {
  const id = (block: BlockId): BlockId => ({ number: block.number, hash: block.hash });
  head.events.on('best', (block) => events.emit('best', id(block)));
  head.events.on('finalized', (block) => events.emit('finalized', id(block)));
  head.events.on('stalled', (event) => events.emit('stalled', event));
  head.events.on('resumed', (event) => events.emit('resumed', event));
  head.events.on('finalityViolation', ({ held, taken }) =>
    events.emit('finalityViolation', { held: id(held), taken: id(taken) }),
  );
  head.events.on('reorg', ({ retracted, applied }) => {
    const [from, to] = [retracted[0], applied.at(-1)];
    if (from && to) events.emit('reorg', { depth: retracted.length, from: id(from), to: id(to) });
  });
}
