/**
 * When the last `calls` calls began: says when one more may begin so that no interval of
 * `intervalMs`, wherever it is laid, holds more than `calls` of them. A fixed window would let twice
 * as many through around its edge, and a provider that counts differently would answer 429.
 */
export class StartLog {
  readonly #intervalMs: number;
  /** A ring: `#next` is the oldest entry, and the one to be overwritten. */
  readonly #startedAtMs: Float64Array;
  #next = 0;

  constructor(calls: number, intervalMs: number) {
    this.#intervalMs = intervalMs;
    this.#startedAtMs = new Float64Array(calls).fill(Number.NEGATIVE_INFINITY);
  }

  /** When the next call may begin; in the past when it may do so now. */
  get freeAtMs(): number {
    return this.#startedAtMs[this.#next]! + this.#intervalMs;
  }

  /** A call begins. */
  record(nowMs: number): void {
    this.#startedAtMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#startedAtMs.length;
  }
}
