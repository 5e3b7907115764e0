import type {
  Answer,
  Call,
  CallOptions,
  Receiver,
  SubscribeOutcome,
  SubscriberHandlers,
} from './call.ts';
import type { CallsUnderWay } from './calls-under-way.ts';
import type { Chain } from './chain/chain.ts';
import { BalancerError, RpcResponseError } from './errors.ts';
import type { ChainHead } from './head/chain-head.ts';
import { type CallContext, type Handler, parseParams } from './policy/call-context.ts';
import { checkCall } from './policy/check-params.ts';
import type { Engine } from './policy/engine.ts';
import { Once } from './policy/once.ts';
import { requireNamed } from './policy/required-block.ts';
import type { Requirement } from './selector/eligibility.ts';
import type { Subscriptions } from './subscription/subscriptions.ts';
import type { ThrownReport } from './telemetry/thrown.ts';

/** What all scopes of one balancer share. */
export interface ScopeParts {
  readonly head: ChainHead;
  readonly engine: Engine;
  readonly underWay: CallsUnderWay;
  /** Asked for when somebody subscribes: what scopes serve may itself need one. */
  readonly subscriptions: () => Subscriptions;
  /** Does an upstream that serves surely offer this method? */
  readonly offers: (method: string) => boolean;
  /** Told what receivers throw. */
  readonly onThrown: ThrownReport;
}

/** What one sort of callers may call, and the way their calls go. */
export class Scope {
  /** The chain, with the methods that these callers may use. */
  readonly chain: Chain;
  readonly #handle: Handler;
  readonly #parts: ScopeParts;

  constructor(chain: Chain, handle: Handler, parts: ScopeParts) {
    this.chain = chain;
    this.#handle = handle;
    this.#parts = parts;
  }

  /** See `Balancer.dispatch`. */
  dispatch(call: Call, receiver: Receiver, options: CallOptions): void {
    const { underWay, onThrown } = this.#parts;
    underWay.begin();
    const once = new Once(receiver, underWay.onSettled, onThrown);
    try {
      underWay.refuseIfClosing();
      this.#handle(this.#contextOf(call, options), once);
    } catch (error) {
      once.onFailure(error);
    }
  }

  /** See `Balancer.forward`. */
  forward(call: Call, options: CallOptions): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.dispatch(call, { onAnswer: resolve, onFailure: reject }, options);
    });
  }

  /** See `Balancer.request`. */
  async request<T>(
    method: string,
    params: readonly unknown[] | Readonly<Record<string, unknown>>,
    options: CallOptions,
  ): Promise<T> {
    const call = { method, params: JSON.stringify(params), parsedParams: params };
    const { reply } = await this.forward(call, options);
    if (reply.kind === 'error') throw new RpcResponseError(reply.error);
    return JSON.parse(reply.result) as T;
  }

  /** See `Balancer.subscribe`. */
  async subscribe(
    asked: Call,
    handlers: SubscriberHandlers,
    options: CallOptions,
  ): Promise<SubscribeOutcome> {
    const { chain } = this;
    const { underWay, head, offers, subscriptions } = this.#parts;
    underWay.refuseIfClosing();
    checkDeadline(options);
    const traits = chain.traits(asked.method);
    if (traits.kind === 'denied') {
      throw new BalancerError('denied', `${asked.method} is disabled on this balancer`);
    }
    const usual = traits.subscription;
    const isLookedAt =
      traits.refuse ||
      traits.block ||
      traits.subscriptionOf ||
      (usual?.source === 'upstream' && usual.share) ||
      chain.params;
    const params = isLookedAt ? parseParams(chain, asked) : [];
    const subscription = traits.subscriptionOf?.(params) ?? usual;
    const share = subscription?.source === 'upstream' ? subscription.share : undefined;
    const refusal = traits.refuse?.(params);
    if (refusal !== undefined) throw new BalancerError('denied', refusal);
    if (!subscription) {
      throw new BalancerError('invalid request', `${asked.method} is not a subscription`);
    }
    const call = checkCall(chain, asked, params);
    if ('kind' in call) return call;
    if (subscription.source === 'service' || (traits.emulated && !offers(call.method))) {
      return subscriptions().serve(call.method, parseParams(chain, call), handlers, options);
    }
    const need = { ...needOf(call, options), subscribe: true };
    const named = traits.block?.(params);
    if (named) requireNamed(head, named, traits.data, need);
    const plan = share?.(params);
    return subscriptions().subscribe(call, subscription, plan, need, handlers, options);
  }

  #contextOf(call: Call, options: CallOptions): CallContext {
    const { chain } = this;
    const { clock, options: policy } = this.#parts.engine;
    checkDeadline(options);
    const traits = chain.traits(call.method);
    const startedMs = clock.now();
    return {
      call,
      traits,
      strategy: options.strategy ?? traits.strategy,
      params: parseParams(chain, call),
      need: needOf(call, options),
      session: options.session,
      signal: options.signal,
      startedMs,
      deadlineAtMs: startedMs + (options.deadlineMs ?? policy.deadlineMs),
      hasOwnDeadline: options.deadlineMs !== undefined,
      unanswered: 0,
      attempts: [],
    };
  }
}

function needOf({ method }: Call, { session, labels }: CallOptions): Requirement {
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

/** No timer takes any other, and without one a call may never end. */
function checkDeadline({ deadlineMs }: CallOptions): void {
  if (deadlineMs === undefined || Number.isFinite(deadlineMs)) return;
  throw new BalancerError('invalid request', `deadlineMs is ${deadlineMs}: it must be finite`);
}
