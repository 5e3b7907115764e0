import type { Random } from '../time/clock.ts';
import { withDefaults } from './defaults.ts';

/** Options of {@link Backoff}. */
export interface BackoffOptions {
  /** The first delay is at most this, in milliseconds. @default 500 */
  readonly initialMs?: number;
  /** No delay is longer, in milliseconds. @default 10000 */
  readonly maxMs?: number;
  /** How much longer each delay may be than the one before. @default 2 */
  readonly factor?: number;
}

/*
 * Ten seconds at most: a try costs one connection, and each second for which a node that is well again
 * is not noticed costs the pool its capacity.
 */
const defaults: Required<BackoffOptions> = { initialMs: 500, maxMs: 10_000, factor: 2 };

/**
 * Fills in the defaults.
 * @throws BalancerError `invalid request` for a number that makes no sense
 */
export function backoffLimits(options: BackoffOptions = {}): Required<BackoffOptions> {
  return withDefaults(defaults, options);
}

/**
 * Delays between attempts: exponential with full jitter, so that a thousand clients of one restarted
 * node do not come back in step.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class Backoff {
  readonly #random: Random;
  readonly #limits: Required<BackoffOptions>;
  #attempt = 0;

  constructor(random: Random, options: BackoffOptions = {}) {
    this.#random = random;
    this.#limits = backoffLimits(options);
  }

  /** The next delay: uniform between 0 and a ceiling that grows with every call. */
  nextMs(): number {
    const { initialMs, maxMs, factor } = this.#limits;
    const ceiling = Math.min(maxMs, initialMs * factor ** this.#attempt++);
    return this.#random() * ceiling;
  }

  /** A delay for when somebody waits: one to two times `initialMs`, however often it failed. */
  soonMs(): number {
    return this.#limits.initialMs * (1 + this.#random());
  }

  /** Starts over with the shortest delay. */
  reset(): void {
    this.#attempt = 0;
  }
}
