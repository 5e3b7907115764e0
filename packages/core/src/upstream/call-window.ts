/** Slices of the ring: a window is exact to a tenth of its length. */
const slices = 10;

/**
 * Counts calls and failures over the last `windowMs`, in a ring of ten slices: constant memory, and
 * no work beyond clearing the slices that fell out.
 */
export class CallWindow {
  readonly #sliceMs: number;
  readonly #calls = new Uint32Array(slices);
  readonly #failures = new Uint32Array(slices);
  /** Number of the newest slice, counted from time 0 of the clock. */
  #newest = Number.NEGATIVE_INFINITY;
  #callsSum = 0;
  #failuresSum = 0;

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / slices;
  }

  /** Calls in the window, as of the last `record` or `moveTo`. */
  get calls(): number {
    return this.#callsSum;
  }

  /** How many of them did not fail, 0–1; 1 when there was none. */
  get successRatio(): number {
    return this.#callsSum === 0 ? 1 : 1 - this.#failuresSum / this.#callsSum;
  }

  record(ok: boolean, nowMs: number): void {
    this.moveTo(nowMs);
    const slot = this.#newest % slices;
    this.#calls[slot]!++;
    this.#callsSum++;
    if (ok) return;
    this.#failures[slot]!++;
    this.#failuresSum++;
  }

  /** Drops what is older than the window. */
  moveTo(nowMs: number): void {
    const current = Math.floor(nowMs / this.#sliceMs);
    if (current <= this.#newest) return;
    if (current - this.#newest >= slices) {
      this.clear();
    } else {
      for (let slice = this.#newest + 1; slice <= current; slice++) this.#drop(slice % slices);
    }
    this.#newest = current;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.#callsSum = 0;
    this.#failuresSum = 0;
  }

  #drop(slot: number): void {
    this.#callsSum -= this.#calls[slot]!;
    this.#failuresSum -= this.#failures[slot]!;
    this.#calls[slot] = 0;
    this.#failures[slot] = 0;
  }
}
