/**
 * When the pool first reached each height, on the engine's clock: for how long an upstream has lacked
 * a block is counted from there.
 */
export class ReachedHeights {
  readonly #limit: number;
  /** In the order of the heights. */
  readonly #atMs = new Map<number, number>();

  /** @param limit how many are kept; past it the lowest are forgotten */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** When a height was reached; `undefined` where that was not noted. */
  at(number: number): number | undefined {
    return this.#atMs.get(number);
  }

  /** When the lowest one that is kept was reached. */
  get oldestAtMs(): number | undefined {
    const [oldest] = this.#atMs.values();
    return oldest;
  }

  /** Notes those of the heights that were not reached before. */
  note(from: number, to: number, nowMs: number): void {
    for (let number = from; number <= to; number += 1) {
      if (!this.#atMs.has(number)) this.#atMs.set(number, nowMs);
    }
    while (this.#atMs.size > this.#limit) {
      const [oldest] = this.#atMs.keys();
      this.#atMs.delete(oldest as number);
    }
  }

  /** Forgets what lies lower. */
  forgetBelow(oldest: number): void {
    for (const number of this.#atMs.keys()) {
      if (number < oldest) this.#atMs.delete(number);
      else break;
    }
  }

  clear(): void {
    this.#atMs.clear();
  }
}
