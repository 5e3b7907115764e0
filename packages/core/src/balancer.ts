import type { Chain } from './chain/chain.ts';
import type { Attempt, BalancerError } from './errors.ts';
import type { RawJson, Reply } from './json-rpc/message.ts';
import type { Session } from './session/session.ts';

/** One call: a method and the raw JSON text of its params (an array or object; `[]` for none). */
export interface Call {
  readonly method: string;
  readonly params: RawJson;
}

/** Options of one call. */
export interface CallOptions {
  /** The client on whose behalf it is made; gives it monotonic reads. @default none */
  readonly session?: Session;
  /** Gives the call up. @default none */
  readonly signal?: AbortSignal;
  /** Time for everything together, in milliseconds. @default the balancer's `deadlineMs` */
  readonly deadlineMs?: number;
  /** Only upstreams that carry all these labels may answer. @default none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What came of a call. */
export interface Answer {
  readonly reply: Reply;
  /** Id of the upstream that answered; absent when the balancer knew the answer itself. */
  readonly upstream: string | undefined;
  /** What was tried, in order; empty for an answer of the balancer's own. */
  readonly attempts: readonly Attempt[];
}

/** A client's subscription. The id is ours; the upstream's own never leaves the engine. */
export interface Subscription {
  /** Unique in this process. */
  readonly id: string;
  /** Ends it: nothing is delivered after this call. Safe to call twice. */
  unsubscribe(): void;
}

/** What a subscriber is told, always in this order. */
export interface SubscriberHandlers {
  /** Called once, before the first item. */
  readonly onSubscribed: (subscription: Subscription) => void;
  /** One item as raw JSON (`params.result` of the notification). */
  readonly onItem: (item: RawJson) => void;
  /** It cannot go on, not even on another upstream. Called at most once. */
  readonly onEnd: (error: BalancerError) => void;
}

/** Either subscribed, or the JSON-RPC error with which the request was declined. */
export type SubscribeOutcome = { readonly kind: 'subscribed' } | Extract<Reply, { kind: 'error' }>;

/** One engine for one chain over any number of upstreams. Made by `createBalancer`. */
export interface Balancer extends AsyncDisposable {
  readonly chain: Chain;
  /** True while at least one upstream can serve. */
  readonly available: boolean;
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
   * @throws BalancerError when no upstream could take it, or the method is no subscription
   */
  subscribe(
    call: Call,
    handlers: SubscriberHandlers,
    options?: CallOptions,
  ): Promise<SubscribeOutcome>;
  /**
   * Calls `listener` whenever `available` changes; returns the function that stops it.
   */
  onAvailability(listener: (available: boolean) => void): () => void;
  /** Resolves as soon as `available` is true; rejects with the signal's reason or `closed`. */
  ready(signal?: AbortSignal): Promise<void>;
  /**
   * Ends all: new calls are refused, calls in flight get `drainMs` to finish (default 0: they fail
   * with `closed`), then every socket and timer goes. Safe to call twice.
   */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}
