import type { Clock } from '../time/clock.ts';

/** Options of {@link SlowStart}. */
export interface SlowStartOptions {
  /**
   * How long an upstream that joins or comes back is spared, in milliseconds (Envoy:
   * `slow_start_window`). 0 switches it off. @default 10_000
   */
  readonly windowMs?: number;
  /**
   * The share of its normal traffic that it begins with, 0–1, not 0 (Envoy: `min_weight_percent`).
   * 1 switches it off. @default 0.1
   */
  readonly minWeight?: number;
}

/**
 * Gives an upstream that (re)joins its traffic back little by little: its caches are cold, and the
 * selector, which knows nothing bad of it yet, would send it everything at once.
 *
 * Envoy's slow start with aggression 1
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start):
 *
 * 1. time factor = time since it joined / window;
 * 2. weight = the time factor, but at least `minWeight`, and 1 from the end of the window on;
 * 3. whoever asks for the load divides it by the weight.
 */
export class SlowStart {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #minWeight: number;
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(options: SlowStartOptions & { readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#windowMs = options.windowMs ?? 10_000;
    this.#minWeight = options.minWeight ?? 0.1;
  }

  /** The upstream joins now. */
  begin(): void {
    this.#sinceMs = this.#clock.now();
  }

  /** Its weight now: above 0, at most 1; 1 before any `begin`. */
  weight(nowMs: number = this.#clock.now()): number {
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs >= this.#windowMs) return 1;
    return Math.max(this.#minWeight, elapsedMs / this.#windowMs);
  }
}
