import type { Requirement } from '../selector/eligibility.ts';
import type { Selection } from '../selector/select.ts';
import type { Emitter } from '../telemetry/emitter.ts';
import type { BalancerEvents } from '../telemetry/events.ts';
import type { Clock, Random } from '../time/clock.ts';
import type { Deadlines } from '../time/deadlines.ts';
import type { LatencyQuantile } from './latency-quantile.ts';
import type { ResolvedPolicyOptions } from './options.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { RunningCalls } from './running-calls.ts';

/** What the strategies need of the engine around them. */
export interface Engine {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly latencies: LatencyQuantile;
  readonly retryBudget: RetryBudget;
  readonly events: Emitter<BalancerEvents>;
  readonly options: ResolvedPolicyOptions;
  /** Every call that a strategy is carrying out; shutdown ends those that are left. */
  readonly running: RunningCalls;
  /** Chooses an upstream for one more attempt. */
  select(need: Requirement, tried: ReadonlySet<string>, nowMs: number): Selection;
  /**
   * Calls back once when something changed that may make an upstream eligible; returns the
   * function that stops waiting, or `undefined` when too many wait already.
   */
  onChange(callback: () => void): (() => void) | undefined;
}
