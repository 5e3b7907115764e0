import type { MethodTraits } from '../chain/chain.ts';
import type { Outcome } from '../upstream/outcome.ts';
import type { RetryBudget } from './retry-budget.ts';

/** Added to the error of a call that must not be repeated and that an upstream may have seen. */
export const unknownOutcome = '; whether it took effect is not known';

/** May the call be made again after this outcome, without doing something twice? */
export function isRepeatable(traits: MethodTraits, outcome: Outcome): boolean {
  return (
    traits.idempotent || outcome.kind === 'missing' || (outcome.kind === 'failure' && !outcome.sent)
  );
}

/**
 * Does the budget allow another attempt after `failures` failures of this call? The first failover
 * is free: it is what a balancer is for, and it can at most double the load. What comes after
 * draws on the budget, so that an outage of everything does not turn into a storm.
 */
export function mayRetry(failures: number, budget: RetryBudget): boolean {
  return failures <= 1 || budget.withdraw();
}

/** Pause before everybody is tried once more: 50 ms doubling up to 1 s, half of it random. */
export function roundPauseMs(round: number, random: () => number): number {
  const fullMs = Math.min(1000, 50 * 2 ** round);
  return fullMs * (0.5 + random() / 2);
}
