import type { Clock } from '../time/clock.ts';

/** Options of {@link PeakEwma}. */
export interface PeakEwmaOptions {
  /**
   * Time in which an old observation's weight falls to 1/e, in milliseconds (Finagle: `decayTime`,
   * tower: `decay`). Long enough to remember a spike between two calls of a quiet chain, short
   * enough to try a slow upstream again within a minute. @default 10_000
   */
  readonly decayMs?: number;
  /**
   * What an upstream without any observation is taken to need, in milliseconds, while a first call
   * is out or after it failed (tower: `default_rtt`, Finagle: `Penalty`). Deliberately worse than
   * most upstreams: until the first answer it gets one call, not a flood. @default 1_000
   */
  readonly defaultRttMs?: number;
}

/**
 * The load of one upstream: a moving average of its round trips that rises at once to every peak
 * and falls slowly, times the calls it already holds.
 *
 * After Finagle's `PeakEwma` (https://github.com/twitter/finagle, loadbalancer/PeakEwma.scala) and
 * tower's `load::PeakEwma` (https://docs.rs/tower/latest/tower/load/peak_ewma/):
 *
 * 1. A round trip longer than the average becomes the average.
 * 2. A shorter one pulls the average down: weight of the old is e^(−elapsed / decayMs).
 * 3. Load = average × (pending + 1).
 * 4. With time the average fades to 0, so an upstream that was slow once is tried again.
 * 5. Never observed: load 0 while idle, so that one call goes and finds out; `defaultRttMs` as the
 *    average while that call is out.
 *
 * Unlike both, reading `load` changes nothing: the fading of step 4 is computed from the time of
 * the last observation, so the average does not depend on how often others looked at it.
 */
export class PeakEwma {
  readonly #clock: Clock;
  readonly #decayMs: number;
  readonly #defaultRttMs: number;
  /** The average at `#atMs`; negative before the first observation. */
  #averageMs = -1;
  #atMs = 0;

  constructor(options: PeakEwmaOptions & { readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#decayMs = options.decayMs ?? 10_000;
    this.#defaultRttMs = options.defaultRttMs ?? 1_000;
  }

  /** The average now, in milliseconds; `defaultRttMs` before the first observation. */
  get value(): number {
    if (this.#averageMs < 0) return this.#defaultRttMs;
    return this.#averageMs * this.#weightOfOld(this.#clock.now());
  }

  /** An answer came after `rttMs`. `nowMs` where the caller has just read the clock. */
  observe(rttMs: number, nowMs: number = this.#clock.now()): void {
    if (rttMs >= this.#averageMs) {
      this.#averageMs = rttMs;
    } else {
      const old = this.#weightOfOld(nowMs);
      this.#averageMs = this.#averageMs * old + rttMs * (1 - old);
    }
    this.#atMs = nowMs;
  }

  /**
   * No answer came within `rttMs`: a timeout, a failure, or an attempt that is still out when its
   * hedge starts or wins. Such a bound counts only when it is worse than the average: that an
   * upstream failed within a millisecond does not make it fast.
   */
  observeAtLeast(rttMs: number): void {
    if (this.#averageMs < 0) this.observe(Math.max(rttMs, this.#defaultRttMs));
    else if (rttMs > this.value) this.observe(rttMs);
  }

  /** Expected cost of one more call on top of `pending`, in milliseconds of work. */
  load(pending: number): number {
    if (this.#averageMs < 0 && pending === 0) return 0;
    return this.value * (pending + 1);
  }

  #weightOfOld(nowMs: number): number {
    return Math.exp((this.#atMs - nowMs) / this.#decayMs);
  }
}
