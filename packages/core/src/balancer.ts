import type { BalancerOptions } from './balancer-options.ts';
import type {
  Answer,
  Call,
  CallOptions,
  Receiver,
  SubscribeOutcome,
  SubscriberHandlers,
} from './call.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import type { BlockId, Chain } from './chain/chain.ts';
import { type MethodsOptions, withMethods } from './chain/with-methods.ts';
import { BalancerError } from './errors.ts';
import { ChainHead } from './head/chain-head.ts';
import { Coalescer } from './policy/coalesce.ts';
import type { Engine } from './policy/engine.ts';
import { LatencyQuantile } from './policy/latency-quantile.ts';
import { resolvePolicyOptions } from './policy/options.ts';
import { pipeline } from './policy/pipeline.ts';
import { RetryBudget } from './policy/retry-budget.ts';
import { RunningCalls } from './policy/running-calls.ts';
import { PoolView } from './pool-view.ts';
import { Rotation } from './rotation.ts';
import { Scope } from './scope.ts';
import { p2c } from './selector/p2c.ts';
import type { ChainService } from './service/chain-service.ts';
import { PoolHost } from './service/pool-host.ts';
import { Session } from './session/session.ts';
import { SubmissionDesk } from './submission/desk.ts';
import { Subscriptions } from './subscription/subscriptions.ts';
import { Emitter } from './telemetry/emitter.ts';
import type { BalancerEvents } from './telemetry/events.ts';
import type { BalancerSnapshot } from './telemetry/snapshot.ts';
import { tellOfHead } from './telemetry/tell-of-head.ts';
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
  'chain' | 'available' | 'ready' | 'session' | 'forward' | 'dispatch' | 'request' | 'subscribe'
>;

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
  /** The same, for transactions whose fate is looked after. */
  readonly #submitting: Scope;
  readonly #underWay = new CallsUnderWay();
  #closing: Promise<void> | undefined;

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
    this.#submitting = this.#scopeOf(chain, undefined);
    this.#subscriptions = new Subscriptions({
      chain,
      desk: this.#desk,
      head: this.#head,
      engine: this.#engine,
      // Whatever is denied to callers.
      read: (call, readOptions) => this.#inner.forward(call, readOptions),
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
    return this.#scope.forward(call, options);
  }

  dispatch(call: Call, receiver: Receiver, options: CallOptions = {}): void {
    this.#scope.dispatch(call, receiver, options);
  }

  request<T = unknown>(
    method: string,
    params: readonly unknown[] | Readonly<Record<string, unknown>> = [],
    options: CallOptions = {},
  ): Promise<T> {
    return this.#scope.request(method, params, options);
  }

  subscribe(
    call: Call,
    handlers: SubscriberHandlers,
    options: CallOptions = {},
  ): Promise<SubscribeOutcome> {
    return this.#scope.subscribe(call, handlers, options);
  }

  withMethods(methods: MethodsOptions): BalancerView {
    const scope = this.#scopeOf(withMethods(this.chain, methods), this.#service);
    const isAvailable = (): boolean => this.available;
    return {
      chain: scope.chain,
      get available() {
        return isAvailable();
      },
      ready: (signal) => this.ready(signal),
      session: () => this.session(),
      forward: (call, options = {}) => scope.forward(call, options),
      dispatch: (call, receiver, options = {}) => scope.dispatch(call, receiver, options),
      request: (method, params = [], options = {}) => scope.request(method, params, options),
      subscribe: (call, handlers, options = {}) => scope.subscribe(call, handlers, options),
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
      calls: { running: this.#underWay.size, waiting: this.#rotation.waiting },
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
      this.#underWay.close();
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
    await this.#underWay.drain(clock, drainMs);
    running.abandonAll(new BalancerError('closed', 'the balancer is closed'));
    this.#subscriptions.close();
    this.#service?.close();
    this.#head.close();
    await this.#rotation.close();
    deadlines.close();
  }

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
      widestRange: () => this.#rotation.widestRange,
      forward: async (method, params, options) => {
        const call = { method, params: JSON.stringify(params), parsedParams: params };
        // Submissions are followed, and nonces count what callers have submitted.
        const { kind, nonceOf } = chain.traits(method);
        const scope = kind === 'submit' || nonceOf ? this.#submitting : this.#inner;
        return (await scope.forward(call, options)).reply;
      },
      subscribe: (method, params, handlers, options) => {
        const call = { method, params: JSON.stringify(params), parsedParams: params };
        return this.#inner.subscribe(call, handlers, options);
      },
    });
    return chain.service(host);
  }

  #scopeOf(chain: Chain, service: ChainService | undefined): Scope {
    const offers = (method: string): boolean => this.#rotation.offers(method, true);
    const handle = pipeline({
      chain,
      head: this.#head,
      engine: this.#engine,
      coalescer: this.#coalescer,
      view: new PoolView(chain, this.#head, this.#rotation),
      canServe: (need, nowMs, count) => this.#rotation.canServe(need, nowMs, count),
      service,
      offers,
      desk: this.#desk,
    });
    return new Scope(chain, handle, {
      head: this.#head,
      engine: this.#engine,
      underWay: this.#underWay,
      subscriptions: () => this.#subscriptions,
      offers,
      onThrown: this.#onThrown,
    });
  }

  #deskOf(chain: Chain): SubmissionDesk | undefined {
    const { submissions } = chain;
    if (!submissions) return undefined;
    return new SubmissionDesk({
      chain,
      submissions,
      head: this.#head,
      engine: this.#engine,
      forward: (call) => this.#inner.forward(call, {}),
      submit: (call, callOptions) => this.#submitting.forward(call, callOptions),
    });
  }
}
