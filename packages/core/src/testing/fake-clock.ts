import type { Clock, TimerHandle } from '../time/clock.ts';

/** One pending timer; doubles as its handle. */
interface FakeTimer {
  readonly dueAtMs: number;
  readonly callback: () => void;
}

// Taken at load time, so that `vi.useFakeTimers()` in the same test cannot stop the flushing.
const realSetImmediate: ((callback: () => void) => unknown) | undefined = globalThis.setImmediate;
const realSetTimeout = globalThis.setTimeout;

/** The longest delay Node accepts; past it a real timer fires after 1 ms. */
const maxDelayMs = 2 ** 31 - 1;
/** More timers than this at one instant is a loop that re-arms itself with no delay. */
const maxTimersPerInstant = 100_000;

/**
 * A clock that stands still until it is told to go on.
 *
 * Between two timers it lets every promise chain that is ready run to its end, however deep, so a
 * test can say `await clock.advance(1000)` and then look at what came of it.
 */
export class FakeClock implements Clock {
  #nowMs: number;
  /** Earliest first; timers due at the same instant in the order they were set. */
  readonly #timers: FakeTimer[] = [];

  /** @param startMs what `now()` says at first. @default 0 */
  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  /** Timers set and neither fired nor cleared: 0 after everything was closed, or there is a leak. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /**
   * @throws RangeError when a real timer would not wait that long: not a number, or over 2^31 − 1
   */
  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    if (Number.isNaN(delayMs) || delayMs > maxDelayMs) {
      throw new RangeError(`a timer cannot wait ${delayMs} ms`);
    }
    const timer: FakeTimer = { dueAtMs: this.#nowMs + Math.max(0, delayMs), callback };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#timers[middle]!.dueAtMs <= timer.dueAtMs) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    const index = this.#timers.indexOf(handle as FakeTimer);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  /**
   * Moves time on by `ms`, firing what becomes due in order, also timers that those timers set.
   * `advance(0)` only lets ready promise chains run and fires what is due now.
   *
   * Rejects with the error of a callback that throws; time then stands where that timer was due.
   */
  async advance(ms: number): Promise<void> {
    await this.#runTo(this.#nowMs + ms, () => false);
  }

  /**
   * Moves from timer to timer until `condition` holds. It is looked at first of all, after every
   * timer, and once more after `maxMs`.
   *
   * @throws Error when it does not hold after `maxMs`
   */
  async runUntil(condition: () => boolean, maxMs: number): Promise<void> {
    if (await this.#runTo(this.#nowMs + maxMs, condition)) return;
    throw new Error(`the condition does not hold after ${maxMs} ms`);
  }

  async #runTo(endMs: number, condition: () => boolean): Promise<boolean> {
    let firedNow = 0;
    await flush();
    while (!condition()) {
      const next = this.#timers[0];
      if (next === undefined || next.dueAtMs > endMs) {
        this.#nowMs = Math.max(this.#nowMs, endMs);
        await flush();
        return condition();
      }
      this.#timers.shift();
      firedNow = next.dueAtMs > this.#nowMs ? 0 : firedNow + 1;
      if (firedNow > maxTimersPerInstant) throw new Error('timers re-arm themselves with no delay');
      this.#nowMs = Math.max(this.#nowMs, next.dueAtMs);
      next.callback();
      await flush();
    }
    return true;
  }
}

/** Ends after every ready promise chain has run: a real turn of the event loop. */
function flush(): Promise<void> {
  return new Promise((resolve) => {
    if (realSetImmediate) realSetImmediate(resolve);
    else realSetTimeout(resolve, 0);
  });
}
