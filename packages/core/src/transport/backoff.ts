import type { Random } from '../time/clock.ts';

/** Options of {@link Backoff}. */
export interface BackoffOptions {
  /** The first delay is at most this, in milliseconds. @default 500 */
  readonly initialMs?: number;
  /** No delay is longer, in milliseconds. @default 30000 */
  readonly maxMs?: number;
  /** How much longer each delay may be than the one before. @default 2 */
  readonly factor?: number;
}

/**
 * Delays between attempts: exponential with full jitter, so that a thousand clients of one restarted
 * node do not come back in step.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class Backoff {
  readonly #random: Random;
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #factor: number;
  #attempt = 0;

  constructor(random: Random, options: BackoffOptions = {}) {
    this.#random = random;
    this.#initialMs = options.initialMs ?? 500;
    this.#maxMs = options.maxMs ?? 30_000;
    this.#factor = options.factor ?? 2;
  }

  /** The next delay: uniform between 0 and a ceiling that grows with every call. */
  nextMs(): number {
    const ceiling = Math.min(this.#maxMs, this.#initialMs * this.#factor ** this.#attempt++);
    return this.#random() * ceiling;
  }

  /** Starts over with the shortest delay. */
  reset(): void {
    this.#attempt = 0;
  }
}
