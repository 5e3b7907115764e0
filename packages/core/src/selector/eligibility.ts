import type { BlockIndex } from '../chain/block-index.ts';
import type { HistoryNeed } from '../upstream/lower-bound.ts';
import type { Upstream } from '../upstream/upstream.ts';

/**
 * Why an upstream may not answer a call now.
 *
 * Hard: it cannot answer, or not truthfully. Soft: it could, but is thought a poor choice; these
 * are set aside when the pool is in panic.
 */
export type Ineligibility =
  | 'draining'
  | 'disconnected'
  | 'never reached'
  | 'failed the identity check'
  | 'not probed yet'
  | 'head not known yet'
  | 'forked'
  | 'lacks the block'
  | 'pruned'
  | 'behind the session'
  | 'lacks the method'
  | 'labels do not match'
  | 'cannot subscribe'
  | 'already tried'
  | 'unhealthy'
  | 'lagging'
  | 'ejected'
  | 'circuit open'
  | 'cooling down';

const soft: ReadonlySet<Ineligibility> = new Set(['ejected', 'circuit open']);

/** True for reasons that panic sets aside. */
export function isSoft(reason: Ineligibility): boolean {
  return soft.has(reason);
}

/** What one call asks of its upstream. */
export interface Requirement extends HistoryNeed {
  /** @default any */
  method?: string | undefined;
  /** The block it must have, by hash; fixed while an attempt is under way. @default any */
  hash?: string | undefined;
  /** Height that it must have reached; fixed while the call is on its way. @default any */
  height?: number | undefined;
  /** From so many blocks the answer is read. @default not told */
  blocks?: number | undefined;
  /** Height the session has seen; -1 for none. */
  readonly seen: number;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The call is a subscription. @default false */
  readonly subscribe?: boolean | undefined;
}

/** What the rules look at besides the upstream. */
export interface EligibilityContext {
  readonly index: BlockIndex;
  /** Is this upstream ejected by outlier detection? */
  readonly isEjected: (id: string) => boolean;
  /** Is this upstream too far behind the pool's head? */
  readonly isLagging: (upstream: Upstream) => boolean;
  readonly now: number;
}

/** The first reason against an upstream, hard ones first; `undefined` when it may answer. */
export function ineligibility(
  upstream: Upstream,
  need: Requirement,
  context: EligibilityContext,
): Ineligibility | undefined {
  const { state } = upstream;
  // What no waiting changes comes first: a method that nobody has is not waited for because one of
  // those without it is down.
  if (need.labels && !carries(upstream.labels, need.labels)) return 'labels do not match';
  if (need.method !== undefined && !upstream.offers(need.method)) return 'lacks the method';
  if (state.draining) return 'draining';
  if (upstream.transport.state.status !== 'open') {
    if (state.stranger) return 'failed the identity check';
    return state.unreached ? 'never reached' : 'disconnected';
  }
  if (!state.health) return 'not probed yet';
  if (!state.best) return 'head not known yet';
  if (state.forked) return 'forked';
  if (need.subscribe && !upstream.transport.canSubscribe) return 'cannot subscribe';
  const height = state.best.number;
  if (height < need.seen) return 'behind the session';
  if (need.height !== undefined && height < need.height) return 'lacks the block';
  if (need.hash !== undefined && state.possesses(need.hash, context.index) === 'no') {
    return 'lacks the block';
  }
  if (!need.isGuess && state.hasPruned(need)) return 'pruned';
  if (state.health.status === 'unhealthy') return 'unhealthy';
  if (context.isLagging(upstream)) return 'lagging';
  if (state.coolDownUntilMs > context.now) return 'cooling down';
  if (context.isEjected(upstream.id)) return 'ejected';
  if (!upstream.breaker.allows()) return 'circuit open';
  return undefined;
}

function carries(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  for (const name in wanted) if (labels[name] !== wanted[name]) return false;
  return true;
}
