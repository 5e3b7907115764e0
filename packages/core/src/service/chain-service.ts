import type { SubscribeOutcome, SubscriberHandlers } from '../call.ts';
import type { Block } from '../chain/chain.ts';
import type { BalancerError } from '../errors.ts';
import type { BlockPath } from '../head/block-tree.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import type { Session } from '../session/session.ts';
import type { Clock } from '../time/clock.ts';

/** An answer that is a JSON-RPC error. */
export type ErrorReply = Extract<Reply, { kind: 'error' }>;

/** One call that a {@link ChainService} answers. */
export interface ServiceCall {
  readonly method: string;
  /** By position. */
  readonly params: readonly unknown[];
  /** Who asks; `undefined` where the door has no session, as over HTTP. */
  readonly client: Session | undefined;
  /** Gives the call up. */
  readonly signal: AbortSignal | undefined;
  /** Time for everything together, in milliseconds, where the caller has set one. */
  readonly deadlineMs?: number;
  /** Only upstreams that carry all these labels may answer. @default none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** One subscription that a {@link ChainService} serves. */
export interface ServiceSubscribeCall extends ServiceCall {
  /** The id under which the client will know it. */
  readonly id: string;
}

/** Where a subscription's items go. */
export interface ServiceSink {
  onItem(item: RawJson): void;
  /** The item before was the last; nothing may follow. */
  onDone(): void;
  /** It cannot go on, for this reason; nothing may follow. */
  onEnd(reason: BalancerError): void;
}

/** A subscription that a {@link ChainService} has accepted. */
export interface ServiceSubscription {
  /** The client has its id: items may come from now on, also before this returns. */
  start(): void;
  /** Ends it: nothing may be delivered afterwards. Safe to call twice. */
  close(): void;
}

/**
 * What a chain package serves itself, on top of the pool: methods whose ids belong to one client and
 * must outlive any upstream. Made by `Chain.service`, once for each balancer.
 *
 * It keeps what belongs to a client by its {@link Session}, and lets go of it when that closes.
 */
export interface ChainService {
  /**
   * Answers a call of a method of kind `service`, or of an emulated one. At once where it can: then
   * the client has the answer before anything that follows from it.
   */
  call(call: ServiceCall): Reply | Promise<Reply>;
  /** Accepts a subscription whose source is `service`, or an emulated one; or declines it. */
  subscribe(call: ServiceSubscribeCall, sink: ServiceSink): ServiceSubscription | ErrorReply;
  /** The balancer is closed: every timer and listener goes. */
  close(): void;
}

/** Options of {@link ServiceHost.forward}. */
export interface ForwardOptions {
  /** Gives the call up. @default never */
  readonly signal?: AbortSignal;
  /** Only upstreams that can still tell of this client's newest block may answer. @default any */
  readonly session?: Session;
  /** Time for everything together, in milliseconds. @default the balancer's `deadlineMs` */
  readonly deadlineMs?: number;
  /** Only upstreams that carry all these labels may answer. @default none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** How a service forwards calls on behalf of the one that it answers. */
export function forwardOptions({
  client,
  signal,
  deadlineMs,
  labels,
}: ServiceCall): ForwardOptions {
  return {
    ...(signal && { signal }),
    ...(client && { session: client }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(labels && { labels }),
  };
}

/** What the engine lets a {@link ChainService} use. */
export interface ServiceHost {
  readonly clock: Clock;
  /** The chain's genesis hash; `undefined` until an upstream's identity was verified. */
  readonly genesisHash: string | undefined;
  /** The pool's agreed heads; `undefined` until it has any. */
  readonly best: Block | undefined;
  /** Between the two, where the chain has such a thing; the finalized one elsewhere. */
  readonly safe: Block | undefined;
  readonly finalized: Block | undefined;
  /** A block that the pool knows: of every branch, down to some hundred below the finalized one. */
  block(hash: string): Block | undefined;
  /** All blocks of that height that the pool knows. */
  blocksAt(number: number): readonly Block[];
  /** The way between two blocks; `undefined` when the pool knows no common ancestor of both. */
  path(from: string, to: string): BlockPath | undefined;
  /**
   * Is there an upstream that has this block and may serve? Also one that rests for moments, after a
   * rate limit or failures of its: a head must not stand still for that.
   */
  hasBlock(hash: string): boolean;
  /**
   * Does an upstream that serves offer this method? One that tells no list may have any.
   * @param surely only those count that tell one, or whose options enable the method; default false
   */
  offers(method: string, surely?: boolean): boolean;
  /**
   * The most blocks from which an upstream that serves is known to read one answer; infinite when one may
   * take any number.
   */
  readonly widestRange: number;
  /** Calls `listener` at each block nobody had told of before, parents first as a rule. */
  onBlock(listener: (block: Block) => void): () => void;
  /** Calls `listener` whenever a head moved, or an upstream got a block, came or went. */
  onChange(listener: () => void): () => void;
  /**
   * Makes one call through the whole pipeline: to an upstream that has the block its params name,
   * with retries, hedges and coalescing, and whatever the caller may use.
   *
   * @throws BalancerError when no answer could be had
   */
  forward(method: string, params: readonly unknown[], options?: ForwardOptions): Promise<Reply>;
  /**
   * Makes one subscription as a client does who may use everything: carried by upstreams that have the
   * block its params name, shared and brought back after the death of its upstream where the method
   * allows. Not to what this service itself serves. Its owner ends it, also after the last item.
   *
   * @throws BalancerError when nobody accepted it in time
   */
  subscribe(
    method: string,
    params: readonly unknown[],
    handlers: SubscriberHandlers,
    options?: ForwardOptions,
  ): Promise<SubscribeOutcome>;
}
