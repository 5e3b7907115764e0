import type { Strategy } from './chain/chain.ts';
import type { Attempt, BalancerError } from './errors.ts';
import type { RawJson, Reply } from './json-rpc/message.ts';
import type { Session } from './session/session.ts';

/** One call: a method and the raw JSON text of its params (an array or object; `[]` for none). */
export interface Call {
  readonly method: string;
  readonly params: RawJson;
  /** The value of `params`, where the caller has it anyway. @default parsed when it is needed */
  readonly parsedParams?: unknown;
}

/** Options of one call. */
export interface CallOptions {
  /** The client on whose behalf it is made; gives it monotonic reads. @default none */
  readonly session?: Session;
  /** Gives the call up. @default none */
  readonly signal?: AbortSignal;
  /**
   * Time for everything together, in milliseconds; a finite number. @default the balancer's
   * `deadlineMs`
   */
  readonly deadlineMs?: number;
  /** Who answers, instead of the method's own strategy: for example several that must agree. */
  readonly strategy?: Strategy;
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

/**
 * Where the outcome of one call goes. One of the two is called, once, and should not throw: what it
 * throws is told as the event `thrown`. Not a promise: one for each policy and each
 * layer below would cost a call more than its routing.
 */
export interface Receiver {
  onAnswer(answer: Answer): void;
  /** What `forward` would reject with. */
  onFailure(error: unknown): void;
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
  /**
   * The item before was its last one: nothing went wrong, and its id means nothing any more. Called
   * at most once, and never together with `onEnd`. @default nobody need know
   */
  readonly onDone?: () => void;
}

/** Either subscribed, or the JSON-RPC error with which the request was declined. */
export type SubscribeOutcome = { readonly kind: 'subscribed' } | Extract<Reply, { kind: 'error' }>;
