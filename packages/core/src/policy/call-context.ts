import type { Answer, Call, Receiver } from '../call.ts';
import type { Chain, MethodTraits, Strategy } from '../chain/chain.ts';
import type { Attempt } from '../errors.ts';
import type { RawJson } from '../json-rpc/message.ts';
import type { Requirement } from '../selector/eligibility.ts';
import type { Session } from '../session/session.ts';
import type { BestBlock } from './best-block.ts';

/** One call on its way through the policies. Each policy may narrow what the next ones see. */
export interface CallContext {
  /** What is sent; the block policy fills in a missing block hash. */
  call: Call;
  /** Of the method; the block policy knows better what `null` means beyond the head. */
  traits: MethodTraits;
  readonly strategy: Strategy;
  /** Params by position. */
  params: readonly unknown[];
  readonly need: Requirement;
  /** Set where the block of the call is the best one, whichever that is when it is answered. */
  bestBlock?: BestBlock | undefined;
  readonly session: Session | undefined;
  signal: AbortSignal | undefined;
  /** When the engine got it, on the engine's clock. */
  readonly startedMs: number;
  deadlineAtMs: number;
  /** True when the caller set the deadline. */
  readonly hasOwnDeadline: boolean;
  /**
   * Attempts that an upstream may have seen and that brought no answer, those under way included:
   * while there are any, a call that does something may have done it.
   */
  unanswered: number;
  /** What was tried so far, in order. */
  readonly attempts: Attempt[];
}

/** Answers one call, possibly before it returns. What it throws is a failure too. */
export type Handler = (context: CallContext, receiver: Receiver) => void;

/** Wraps a handler: may answer by itself, change the context, or watch over what comes back. */
export type Policy = (next: Handler) => Handler;

/** Params by position, from their raw text. */
export function parseParams(chain: Chain, call: Call): readonly unknown[] {
  // The commonest params by far; not worth a parser.
  if (call.params === '[]') return [];
  return chain.positional(call.method, call.parsedParams ?? JSON.parse(call.params));
}

/** An answer of the balancer's own. */
export function ownAnswer(result: RawJson): Answer {
  return { reply: { kind: 'result', result }, upstream: undefined, attempts: [] };
}
