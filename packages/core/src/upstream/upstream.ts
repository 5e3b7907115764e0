import type { Call } from '../call.ts';
import type { Chain, UpstreamClient, Verdict } from '../chain/chain.ts';
import { BalancerError, isBalancerError, RpcResponseError, TransportError } from '../errors.ts';
import { jsonRpcCodes, type RawJson, type Reply } from '../json-rpc/message.ts';
import { PeakEwma } from '../selector/peak-ewma.ts';
import type { Candidate } from '../selector/selector.ts';
import type { Clock, Random } from '../time/clock.ts';
import { combined } from '../transport/combined.ts';
import { endpoint } from '../transport/endpoint.ts';
import { messageOf } from '../transport/message-of.ts';
import type {
  SubscribeReply,
  SubscriptionHandlers,
  Transport,
  TransportFactory,
} from '../transport/transport.ts';
import {
  type BreakerPermit,
  CircuitBreaker,
  type CircuitBreakerOptions,
} from './circuit-breaker.ts';
import { type Asker, type Limits, type LimitsOptions, limits } from './limits.ts';
import type { Doubt, Outcome } from './outcome.ts';
import { type Role, roles } from './role.ts';
import type { RunningAttempt } from './running-attempt.ts';
import { SlowStart, type SlowStartOptions } from './slow-start.ts';
import { UpstreamState } from './state.ts';

/** A URL, or what `websocket(url, options)` or `http(url, options)` made. */
export type EndpointOption = string | TransportFactory;

/** One upstream as configured. */
export interface UpstreamOptions {
  /** Unique in its pool; appears in logs, metrics and errors. @default `upstream-1`, `-2`, … */
  readonly id?: string;
  /**
   * How to reach it. Of several URLs, WebSocket carries calls and subscriptions and HTTP takes over
   * while it is down; factories are taken in their order, before HTTP URLs.
   */
  readonly transport: EndpointOption | readonly EndpointOption[];
  /** @default 'primary' */
  readonly role?: Role;
  /** Free labels that calls may ask for. @default none */
  readonly labels?: Readonly<Record<string, string>>;
  /** Bounds on what this upstream is sent. @default none */
  readonly limits?: LimitsOptions;
  /** Corrects what the upstream says about its methods. */
  readonly methods?: {
    /**
     * Offered even if it does not list them. One that is denied by default is then served by the
     * upstreams that enable it, and by no others.
     */
    readonly enabled?: readonly string[];
    /** Never sent to it. */
    readonly disabled?: readonly string[];
  };
}

/** What an upstream shares with its pool. */
export interface UpstreamContext {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly random: Random;
  readonly breaker?: Omit<CircuitBreakerOptions, 'clock' | 'random'>;
  readonly slowStart?: Omit<SlowStartOptions, 'clock'>;
  /** Time for one probe or head call, in milliseconds. */
  readonly probeTimeoutMs: number;
  /** How long an upstream rests after a rate limit that named no time, in milliseconds. */
  readonly coolDownMs: number;
  /** Told of each attempt's success or failure, for outlier detection. */
  readonly onOutcome: (id: string, ok: boolean) => void;
  /** Methods for those upstreams only that enable them; may change at any time. */
  readonly reserved: ReadonlySet<string>;
  /** Told the genesis hash after each identity check that passed. */
  readonly onIdentified: (genesisHash: string) => void;
}

/** The breaker's answer when it gives no permit. */
const refused: BreakerPermit = 0;

const returned: Verdict = { action: 'return' };
/** By what a `null` means there. */
const answeredNull = missed('answered null');
const answeredNothing = missed('answered with nothing');

/** Traffic waits for probes: without them nobody knows whether there is a point in traffic. */
const priorities = { probe: 1, traffic: 0, background: -1 } as const;

/** One node (or provider) behind the balancer: its connection, limits, breaker, load and state. */
export class Upstream implements Candidate {
  readonly id: string;
  readonly role: Role;
  /** The role's place in the order of use; lower is sooner. */
  readonly tier: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly transport: Transport;
  readonly state = new UpstreamState();
  readonly breaker: CircuitBreaker;
  /** Methods that it offers even if it does not list them. */
  readonly enabled: ReadonlySet<string>;
  /** For the chain package: calls past the breaker, ahead of traffic. */
  readonly client: UpstreamClient;
  /** The same, behind traffic: for what can wait. */
  readonly background: UpstreamClient;
  readonly #context: UpstreamContext;
  readonly #latency: PeakEwma;
  readonly #limits: Limits;
  readonly #slowStart: SlowStart;
  readonly #disabled: ReadonlySet<string>;
  #pending = 0;
  #answered = 0;
  #failed = 0;

  constructor(id: string, options: UpstreamOptions, context: UpstreamContext) {
    const { clock, random } = context;
    this.id = id;
    this.role = options.role ?? 'primary';
    this.tier = roles.indexOf(this.role);
    this.labels = options.labels ?? {};
    this.#context = context;
    this.breaker = new CircuitBreaker({ clock, random, ...context.breaker });
    this.#latency = new PeakEwma({ clock });
    this.#limits = limits(options.limits, { clock });
    this.#slowStart = new SlowStart({ clock, ...context.slowStart });
    this.enabled = new Set(options.methods?.enabled);
    this.#disabled = new Set(options.methods?.disabled);
    const way = { upstream: id, clock, random };
    const transport = factoryOf(options.transport)(way);
    this.transport = context.chain.dialect?.(transport, way) ?? transport;
    this.client = this.#makeClient(priorities.probe);
    this.background = this.#makeClient(priorities.background);
  }

  /** Expected cost of one more call. */
  get load(): number {
    return this.#latency.load(this.#pending) / this.#slowStart.weight();
  }

  /** Attempts under way. */
  get pending(): number {
    return this.#pending;
  }

  /** Attempts that brought an answer, since the start. */
  get answered(): number {
    return this.#answered;
  }

  /** Attempts that failed through this upstream's fault, since the start. */
  get failed(): number {
    return this.#failed;
  }

  /** Average round trip, in milliseconds, peaks weighing more. */
  get latencyMs(): number {
    return this.#latency.value;
  }

  /** Connects, checking on each new connection that the node is of our chain. */
  start(): void {
    this.transport.start(async (connection) => {
      const { chain, onIdentified } = this.#context;
      try {
        onIdentified(await chain.identify((method, params) => connection.request(method, params)));
        this.state.stranger = false;
      } catch (error) {
        // Otherwise it has not said anything.
        if (!isBalancerError(error)) this.state.stranger = true;
        throw error;
      }
    });
  }

  /** Back in rotation: its share of traffic grows slowly. */
  beginSlowStart(): void {
    this.#slowStart.begin();
  }

  /** May this method be sent here? */
  offers(method: string): boolean {
    if (this.#disabled.has(method)) return false;
    const { methods } = this.state;
    const isListed = methods === undefined || methods.has(method);
    if (isListed && !this.#context.reserved.has(method)) return true;
    return this.enabled.has(method);
  }

  /**
   * Sends one call off; its owner is told the outcome. With `panic`, also past an open circuit.
   *
   * @param timeoutMs for everything together, a place in the queue of the limits included
   */
  run(attempt: RunningAttempt, timeoutMs: number, panic: boolean): void {
    const { call } = attempt;
    attempt.permit = this.breaker.tryAcquire();
    if (attempt.permit === refused && !panic) {
      const error = new BalancerError('no eligible upstream', 'circuit open');
      attempt.owner.settle(attempt, failure(error, false));
      return;
    }
    this.#pending += 1;
    if (this.#limits.bounded) {
      this.#runBounded(attempt, timeoutMs);
      return;
    }
    try {
      this.transport.send(call.method, call.params, timeoutMs, attempt);
    } catch (error) {
      attempt.onFail(error);
    }
  }

  /** Subscribes past limits' queue: a subscription is no load by itself. */
  async subscribe(
    call: Call,
    unsubscribe: string,
    handlers: SubscriptionHandlers,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<SubscribeReply> {
    const reply = await this.transport.subscribe(
      { ...call, unsubscribe },
      handlers,
      signal ? { timeoutMs, signal } : { timeoutMs },
    );
    this.#noteEnabled(call.method, reply);
    return reply;
  }

  /** Closes the connection for good. */
  async close(): Promise<void> {
    this.state.draining = true;
    this.state.voting = false;
    this.#limits.close();
    await this.transport.close();
  }

  /** What an answer to an attempt means, and what it says of this upstream. */
  learn(attempt: RunningAttempt, reply: Reply): Outcome {
    const { permit } = attempt;
    attempt.endedMs = this.#context.clock.now();
    this.#noteEnabled(attempt.call.method, reply);
    let verdict: Verdict;
    try {
      verdict = this.#judge(attempt, reply);
    } catch (error) {
      return this.learnFailure(attempt, error);
    }
    this.#pending -= 1;
    if (verdict.action === 'cool down') {
      this.#rest(verdict.retryAfterMs);
      this.breaker.release(permit);
      const error = new BalancerError('rate limited', verdict.reason, { origin: 'upstream' });
      // It declined the call, so even a submission may be sent elsewhere.
      return { kind: 'failure', error, reason: verdict.reason, sent: false, reply };
    }
    if (verdict.action === 'failure') {
      const { reason, isDoubtful = false } = verdict;
      if (!isDoubtful) this.#record(false, attempt);
      const error = new BalancerError('transport', reason, { origin: 'upstream' });
      return { kind: 'failure', error, reason, sent: true, reply, isDoubtful };
    }
    this.#record(true, attempt);
    return verdict.action === 'missing'
      ? {
          kind: 'missing',
          reply,
          reason: verdict.reason,
          lacksBlock: verdict.lacksBlock === true,
        }
      : { kind: 'answer', reply };
  }

  /** What the lack of an answer to an attempt means, and what it says of this upstream. */
  learnFailure(attempt: RunningAttempt, caught: unknown): Outcome {
    const { permit } = attempt;
    attempt.endedMs = this.#context.clock.now();
    this.#pending -= 1;
    const error = isBalancerError(caught)
      ? caught
      : new BalancerError('transport', caught instanceof Error ? caught.message : String(caught), {
          cause: caught,
        });
    const sent = mayBeSent(error);
    switch (error.code) {
      case 'rate limited':
        this.#rest(error instanceof TransportError ? error.retryAfterMs : undefined);
        this.breaker.release(permit);
        break;
      case 'overloaded':
      case 'cancelled':
      case 'closed':
        // Our own doing: it says nothing about the upstream.
        this.breaker.release(permit);
        break;
      default:
        this.#record(false, attempt);
    }
    return failure(error, sent);
  }

  /** To be called once for each attempt with a doubtful outcome: what it says of this upstream. */
  settleDoubt(attempt: RunningAttempt, doubt: Doubt): void {
    if (doubt === 'unknown') this.breaker.release(attempt.permit);
    else this.#record(doubt === 'answered', attempt);
  }

  #runBounded(attempt: RunningAttempt, timeoutMs: number): void {
    const { call, owner, startedMs } = attempt;
    let stoodInLine = false;
    const answered = this.#limits.run(
      () => {
        const leftMs = stoodInLine ? startedMs + timeoutMs - this.#context.clock.now() : timeoutMs;
        // Nobody waits for it any more: a submission that is sent now could only do harm.
        if (leftMs <= 0) return Promise.reject(tooLate());
        return this.#send(call, leftMs, owner);
      },
      { priority: priorities.traffic, asker: owner },
    );
    stoodInLine = true;
    answered.then(
      (reply) => attempt.onReply(reply),
      (error: unknown) => attempt.onFail(error),
    );
  }

  /** Bounded by the options: what they do not enable is a matter of the upstream's own list. */
  #noteEnabled(method: string, reply: Reply | SubscribeReply): void {
    if (!this.enabled.has(method)) return;
    const { disowned } = this.state;
    if (reply.kind === 'error' && reply.error.code === jsonRpcCodes.methodNotFound) {
      disowned.add(method);
    } else disowned.delete(method);
  }

  /** One call as a promise, which leaves a queue of the transport's when its asker does. */
  #send({ method, params }: Call, timeoutMs: number, asker: Asker): Promise<Reply> {
    return new Promise((onReply, onFail) => {
      const sink = {
        onReply,
        onFail,
        get isOver() {
          return asker.isOver;
        },
      };
      this.transport.send(method, params, timeoutMs, sink);
    });
  }

  #judge({ call, traits }: RunningAttempt, reply: Reply): Verdict {
    if (reply.kind === 'error') return this.#context.chain.judge(call.method, reply.error);
    const { nullMeans } = traits;
    if (nullMeans === 'value') return returned;
    if (reply.result === 'null') return answeredNull[nullMeans];
    return traits.isMiss?.(reply.result) ? answeredNothing[nullMeans] : returned;
  }

  #record(ok: boolean, { permit, startedMs, endedMs }: RunningAttempt): void {
    const durationMs = endedMs - startedMs;
    if (ok) {
      this.#answered += 1;
      this.#latency.observe(durationMs, endedMs);
      this.breaker.success(permit, endedMs);
    } else {
      this.#failed += 1;
      this.#latency.observeAtLeast(durationMs);
      this.breaker.failure(permit);
    }
    this.#context.onOutcome(this.id, ok);
  }

  #rest(retryAfterMs = this.#context.coolDownMs): void {
    this.state.coolDownUntilMs = this.#context.clock.now() + retryAfterMs;
  }

  #makeClient(priority: number): UpstreamClient {
    const { probeTimeoutMs: timeoutMs } = this.#context;
    const { transport } = this;
    return {
      get canSubscribe() {
        return transport.canSubscribe;
      },
      request: (method: string, params: RawJson) =>
        this.#limits.run(() => transport.request(method, params, { timeoutMs }), { priority }),
      subscribe: async (method, params, unsubscribe, onItem, onEnd) => {
        let end = (): void => {};
        const outcome = await transport.subscribe(
          { method, params, unsubscribe },
          {
            onSubscribed: (subscription) => {
              end = () => subscription.unsubscribe();
            },
            onNotification: (item) => {
              try {
                onItem(item);
              } catch (error) {
                end();
                onEnd(`could not be read: ${messageOf(error)}`);
              }
            },
            onEnd,
          },
          { timeoutMs },
        );
        if (outcome.kind === 'error') throw new RpcResponseError(outcome.error);
        return () => end();
      },
    };
  }
}

function missed(reason: string): Readonly<Record<'missing' | 'unsure', Verdict>> {
  const unsure = { action: 'missing', reason } as const;
  return { missing: { ...unsure, lacksBlock: true }, unsure };
}

/** Transports say it themselves; whatever else breaks one may have done so after sending. */
function mayBeSent(error: BalancerError): boolean {
  if (error instanceof TransportError) return error.sent;
  return error.code === 'timeout' || error.code === 'transport';
}

function tooLate(): BalancerError {
  return new BalancerError('overloaded', 'its time was over before its turn came');
}

function failure(error: BalancerError, sent: boolean): Outcome {
  return { kind: 'failure', error, reason: error.rawMessage, sent };
}

function factoryOf(transport: UpstreamOptions['transport']): TransportFactory {
  const ways = [transport].flat() as EndpointOption[];
  // Whatever the order they were named in: what can subscribe leads.
  const isHttp = (way: EndpointOption): boolean => typeof way === 'string' && /^http/i.test(way);
  const ordered = [...ways.filter((way) => !isHttp(way)), ...ways.filter(isHttp)];
  const factories = ordered.map(endpoint);
  const [only] = factories;
  return only && factories.length === 1 ? only : combined(factories);
}
