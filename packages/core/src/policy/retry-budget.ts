import type { Clock } from '../time/clock.ts';

/** Options of {@link RetryBudget}. */
export interface RetryBudgetOptions {
  /**
   * Retries allowed for each request, 0–1 (Finagle: `percentCanRetry`, Envoy: `budget_percent`). 0
   * leaves `minPerSecond` alone. @default 0.2
   */
  readonly ratio?: number;
  /**
   * Retries allowed in each second on top of that, so that a quiet client may retry at all
   * (Finagle: `minRetriesPerSec`). 0 means none. @default 10
   */
  readonly minPerSecond?: number;
  /**
   * How long a deposit, or a withdrawal, is remembered, in milliseconds (Finagle: `ttl`).
   *
   * @default 10_000
   */
  readonly ttlMs?: number;
}

/** Slices of the window; a deposit's life is exact to a tenth. */
const slices = 10;
/** Tokens for one retry. Whole numbers, so that five deposits of a fifth make exactly one. */
const tokensPerRetry = 1_000;

/**
 * Bounds retries by a share of the requests, over all calls of a balancer: when everything fails,
 * retries add a fifth to the load instead of doubling it.
 *
 * Finagle's token `RetryBudget` (https://finagle.github.io/blog/2016/02/08/retry-budgets/):
 *
 * 1. A request deposits `ratio` of a retry.
 * 2. A retry withdraws a whole one; it must not happen when the balance is too low.
 * 3. Deposits and withdrawals fade after `ttlMs`: a quiet hour saves up nothing.
 * 4. Below all that lies a reserve of `minPerSecond` × `ttlMs`.
 *
 * Constant memory; time is only looked at when somebody asks.
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #depositTokens: number;
  readonly #reserveTokens: number;
  readonly #sliceMs: number;
  readonly #tokens = new Float64Array(slices);
  /** Number of the newest slice, counted from time 0 of the clock. */
  #newest: number;
  #sum = 0;

  constructor(options: RetryBudgetOptions & { readonly clock: Clock }) {
    const ttlMs = options.ttlMs ?? 10_000;
    this.#clock = options.clock;
    this.#depositTokens = Math.round((options.ratio ?? 0.2) * tokensPerRetry);
    this.#reserveTokens = ((options.minPerSecond ?? 10) * ttlMs * tokensPerRetry) / 1_000;
    this.#sliceMs = ttlMs / slices;
    this.#newest = Math.floor(options.clock.now() / this.#sliceMs);
  }

  /** Retries that may happen now; never below 0. */
  get balance(): number {
    this.#fade();
    return Math.max(0, Math.floor((this.#reserveTokens + this.#sum) / tokensPerRetry));
  }

  /** A request (not a retry) was made. */
  deposit(): void {
    this.#fade();
    this.#add(this.#depositTokens);
  }

  /** May one retry be made? True takes it from the balance. */
  withdraw(): boolean {
    this.#fade();
    if (this.#reserveTokens + this.#sum < tokensPerRetry) return false;
    this.#add(-tokensPerRetry);
    return true;
  }

  #add(tokens: number): void {
    this.#tokens[this.#newest % slices]! += tokens;
    this.#sum += tokens;
  }

  #fade(): void {
    const current = Math.floor(this.#clock.now() / this.#sliceMs);
    if (current === this.#newest) return;
    // Past a whole turn of the ring every slice is old; once round it is enough to clear them all.
    const passed = Math.min(current - this.#newest, slices);
    for (let slice = current - passed + 1; slice <= current; slice++) {
      this.#sum -= this.#tokens[slice % slices]!;
      this.#tokens[slice % slices] = 0;
    }
    this.#newest = current;
  }
}
