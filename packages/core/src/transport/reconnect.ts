import type { Clock, TimerHandle } from '../time/clock.ts';
import type { Backoff } from './backoff.ts';

/** When one way to an upstream is tried again after it failed. */
export class Reconnect {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #connect: () => void;
  #timer: TimerHandle;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  /** The try is never hurried to before that. */
  #soonestAtMs = Number.NEGATIVE_INFINITY;

  /** @param connect called when the time has come */
  constructor(clock: Clock, backoff: Backoff, connect: () => void) {
    this.#clock = clock;
    this.#backoff = backoff;
    this.#connect = connect;
  }

  /**
   * Waits for the next try; returns when that is.
   *
   * @param retryAfterMs how long the upstream asked us to stay away; nothing makes that shorter, and
   *   the usual delay comes on top, so that those who were sent away do not come back in step
   */
  wait(retryAfterMs = 0): number {
    const nowMs = this.#clock.now();
    this.#retryAtMs = nowMs + retryAfterMs + this.#backoff.nextMs();
    this.#soonestAtMs =
      retryAfterMs > 0
        ? this.#retryAtMs
        : Math.min(this.#retryAtMs, nowMs + this.#backoff.soonMs());
    this.#arm(nowMs);
    return this.#retryAtMs;
  }

  /** Somebody has use for it now: brings the try forward. Returns when it is, if that changed. */
  hurry(): number | undefined {
    if (this.#soonestAtMs >= this.#retryAtMs) return undefined;
    const nowMs = this.#clock.now();
    this.#retryAtMs = Math.max(nowMs, this.#soonestAtMs);
    this.#soonestAtMs = this.#retryAtMs;
    this.#arm(nowMs);
    return this.#retryAtMs;
  }

  /** It was well for a good while: the next delay is a short one again. */
  reset(): void {
    this.#backoff.reset();
  }

  /** Gives the next try up. */
  cancel(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #arm(nowMs: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#connect(), this.#retryAtMs - nowMs);
  }
}
