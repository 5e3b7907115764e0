import type { Clock, TimerHandle } from '@dshackle/core';
import type { Follow } from './follow.ts';
import type { ResolvedLimits } from './limits.ts';

/**
 * Time between two `stop`s to one client, in milliseconds. polkadot-api takes three of them in
 * close succession for a broken server, and drops the connection.
 */
const stopSpacingMs = 1_500;

/** What one client holds by `chainHead_v1`. */
export class FollowClient {
  readonly limits: ResolvedLimits;
  readonly #clock: Clock;
  readonly #follows = new Map<string, Follow>();
  /** `stop`s that have to wait, with the timers that tell them. */
  readonly #stopping = new Map<string, TimerHandle>();
  #lastStopMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, limits: ResolvedLimits) {
    this.#clock = clock;
    this.limits = limits;
  }

  /** Follows that live or wait for their `stop`. */
  get size(): number {
    return this.#follows.size + this.#stopping.size;
  }

  /** Blocks pinned by all follows together. */
  get pinned(): number {
    let sum = 0;
    for (const follow of this.#follows.values()) sum += follow.pinned;
    return sum;
  }

  /** A live follow of this client; `undefined` for any other id. */
  get(id: string): Follow | undefined {
    return this.#follows.get(id);
  }

  add(id: string, follow: Follow): void {
    this.#follows.set(id, follow);
  }

  /** The client has ended it, or has left. */
  remove(id: string): void {
    this.#follows.delete(id);
    this.#clock.clearTimeout(this.#stopping.get(id));
    this.#stopping.delete(id);
  }

  /** Makes room for one more pin, by stopping the follow with the most of them. */
  makeRoom(): void {
    if (this.pinned < this.limits.maxPinnedBlocks) return;
    let most: Follow | undefined;
    for (const follow of this.#follows.values()) {
      if (most === undefined || follow.pinned > most.pinned) most = follow;
    }
    most?.stop();
  }

  /** The follow is over, and its ids are stale from now on; `tell` tells the client, in its time. */
  stopped(id: string, tell: () => void): void {
    this.#follows.delete(id);
    const nowMs = this.#clock.now();
    const atMs = Math.max(nowMs, this.#lastStopMs + stopSpacingMs);
    this.#lastStopMs = atMs;
    if (atMs === nowMs) {
      tell();
      return;
    }
    const timer = this.#clock.setTimeout(() => {
      this.#stopping.delete(id);
      tell();
    }, atMs - nowMs);
    this.#stopping.set(id, timer);
  }
}
