import type { Clock, TimerHandle } from '../time/clock.ts';

/** Options of {@link StallWatch}. */
export interface StallWatchOptions {
  readonly clock: Clock;
  /** So long without progress, in milliseconds, is a stall. */
  readonly stallAfterMs: number;
  /** Called once at each stall, with the time since the last progress. */
  readonly onStalled: (forMs: number) => void;
  /** Called at the first progress after a stall. */
  readonly onResumed: () => void;
}

/** Notices when the pool's best head stands still, from the first progress on. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #timer: TimerHandle | undefined;
  #progressAtMs = 0;
  #stalled = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** True from a stall until the next progress. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** The best head is higher than ever before. */
  noteProgress(): void {
    const { clock, stallAfterMs, onResumed } = this.#options;
    this.#progressAtMs = clock.now();
    if (this.#stalled) {
      this.#stalled = false;
      onResumed();
    }
    this.#timer ??= clock.setTimeout(() => this.#check(), stallAfterMs);
  }

  close(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const { clock, stallAfterMs, onStalled } = this.#options;
    this.#timer = undefined;
    const forMs = clock.now() - this.#progressAtMs;
    if (forMs < stallAfterMs) {
      this.#timer = clock.setTimeout(() => this.#check(), stallAfterMs - forMs);
      return;
    }
    this.#stalled = true;
    onStalled(forMs);
  }
}
