import type { DeadlineHandle } from '../time/deadlines.ts';
import type { Engine } from './engine.ts';
import { roundPauseMs } from './retry.ts';

/** How often an upstream is looked for while nothing is heard of a change, in milliseconds. */
const lookAgainMs = 100;

/** The times of one call in which nobody is asked: a pause for those that failed, or a wait for anybody. */
export class Lull {
  readonly #engine: Engine;
  readonly #onOver: () => void;
  #round = 0;
  #waitUntilMs: number | undefined;
  #timer: DeadlineHandle | undefined;
  #stopWaiting: (() => void) | undefined;

  /** @param onOver called when it is time to look again */
  constructor(engine: Engine, onOver: () => void) {
    this.#engine = engine;
    this.#onOver = onOver;
  }

  /** Everybody failed once: a short pause, longer each time. */
  pause(): void {
    const { deadlines, random } = this.#engine;
    const pauseMs = roundPauseMs(this.#round, random);
    this.#round += 1;
    this.#timer = deadlines.add(pauseMs, () => this.#over());
  }

  /**
   * Nobody may serve now: until something changes, within the time for that since the first such wait.
   * Says why it does not wait, if so.
   */
  wait(): 'waiting' | 'too long' | 'too many' {
    const { clock, deadlines, options } = this.#engine;
    const nowMs = clock.now();
    this.#waitUntilMs ??= nowMs + options.upstreamWaitMs;
    const leftMs = this.#waitUntilMs - nowMs;
    if (leftMs <= 0) return 'too long';
    this.#stopWaiting = this.#engine.onChange(() => this.#over());
    if (!this.#stopWaiting) return 'too many';
    // Some reasons (cool down, open circuit) end by time alone, without an event.
    this.#timer = deadlines.add(Math.min(leftMs, lookAgainMs), () => this.#over());
    return 'waiting';
  }

  /** Ends it without a call of `onOver`. */
  end(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (this.#timer !== undefined) this.#engine.deadlines.cancel(this.#timer);
    this.#timer = undefined;
  }

  #over(): void {
    this.end();
    this.#onOver();
  }
}
