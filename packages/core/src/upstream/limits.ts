import PQueue from 'p-queue';
import { BalancerError } from '../errors.ts';
import type { Clock, TimerHandle } from '../time/clock.ts';
import { StartLog } from './start-log.ts';

/** Bounds on what one upstream is sent (Envoy calls these circuit breakers). */
export interface LimitsOptions {
  /** Calls under way at once (Envoy: `max_requests`). @default no bound */
  readonly concurrency?: number;
  /**
   * At most `calls` (1 to 1,000,000; eight bytes are kept for each) begin in any `intervalMs`
   * milliseconds. @default no bound
   */
  readonly rate?: { readonly calls: number; readonly intervalMs: number };
  /**
   * Calls that may wait for their turn; one more fails with `overloaded` at once (Envoy:
   * `max_pending_requests`, with the same default). Does nothing without one of the others.
   *
   * @default 1_024
   */
  readonly maxQueue?: number;
}

/** Whoever a call is made for. */
export interface Asker {
  /** True when nobody waits for the outcome any more. */
  readonly isOver: boolean;
}

/** Options of one {@link Limits.run}. */
export interface LimitsRunOptions {
  /**
   * Higher goes first. Above 0 (probes) a few calls may also wait past `maxQueue`: a busy upstream
   * must not look ill because nobody could ask it. @default 0
   */
  readonly priority?: number;
  /** Leaves the queue with `cancelled`. Does nothing once the call began: that is up to it. */
  readonly signal?: AbortSignal;
  /**
   * Asked when the turn of a call comes that had to wait: one that is over fails with `cancelled`
   * and takes nothing of the rate. @default none: it is wanted to the end
   */
  readonly asker?: Asker;
}

/** Runs calls within the bounds of one upstream. */
export interface Limits {
  /** False when there is nothing to bound: a call need not pass through here at all. */
  readonly bounded: boolean;
  /** Calls that began and have not ended. Always 0 when nothing is bounded: nobody counts. */
  readonly running: number;
  /** Calls that wait for their turn. */
  readonly queued: number;
  /**
   * Runs `call` when its turn comes; in the same turn of the event loop when nothing is in the way.
   *
   * @throws BalancerError `overloaded` when the queue is full, `cancelled` when the signal aborted or
   *   its asker was over while it waited, `closed` after `close()`; else whatever `call` throws
   */
  run<T>(call: () => Promise<T>, options?: LimitsRunOptions): Promise<T>;
  /** Fails what waits, and all that comes later, with `closed`. What runs ends by itself. */
  close(): void;
}

/** How many calls of a higher priority may wait past `maxQueue`. */
const reservedPlaces = 16;

/** Makes the limits of one upstream; with nothing to bound, a pass-through that costs nothing. */
export function limits(options: LimitsOptions = {}, context: { readonly clock: Clock }): Limits {
  const bounded = options.concurrency !== undefined || options.rate !== undefined;
  return bounded ? new QueuedLimits(options, context.clock) : new NoLimits();
}

class NoLimits implements Limits {
  readonly bounded = false;
  readonly running = 0;
  readonly queued = 0;
  #closed = false;

  run<T>(call: () => Promise<T>): Promise<T> {
    return this.#closed ? Promise.reject(closedError()) : call();
  }

  close(): void {
    this.#closed = true;
  }
}

/**
 * p-queue keeps the order, the priorities and the concurrency. It takes no clock, so the rate is
 * kept here: the queue is paused as soon as the rate is used up, until the next call may begin.
 */
class QueuedLimits implements Limits {
  readonly bounded = true;
  readonly #queue: PQueue;
  readonly #clock: Clock;
  readonly #maxQueue: number;
  readonly #startLog: StartLog | undefined;
  /** How to take each waiting call out of the queue. */
  readonly #waiting = new Set<AbortController>();
  #timer: TimerHandle;
  #closed = false;

  constructor(options: LimitsOptions, clock: Clock) {
    const { concurrency, rate, maxQueue } = options;
    this.#queue = new PQueue(concurrency === undefined ? {} : { concurrency });
    this.#clock = clock;
    this.#maxQueue = maxQueue ?? 1_024;
    this.#startLog = rate && new StartLog(rate.calls, rate.intervalMs);
  }

  get running(): number {
    return this.#queue.pending;
  }

  get queued(): number {
    return this.#queue.size;
  }

  run<T>(call: () => Promise<T>, options: LimitsRunOptions = {}): Promise<T> {
    const { priority = 0, signal, asker } = options;
    if (this.#closed) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(cancelledError(signal));
    if (this.#hasRoom()) {
      return this.#queue.add(() => {
        this.#begin();
        return call();
      });
    }
    const places = this.#maxQueue + (priority > 0 ? reservedPlaces : 0);
    if (this.#queue.size >= places) {
      const message = `${this.#queue.size} calls already wait for this upstream`;
      return Promise.reject(new BalancerError('overloaded', message));
    }
    return this.#wait(call, priority, signal, asker);
  }

  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    for (const place of this.#waiting) place.abort(closedError());
    this.#waiting.clear();
  }

  #hasRoom(): boolean {
    const { size, pending, concurrency, isPaused } = this.#queue;
    return size === 0 && pending < concurrency && !isPaused;
  }

  /** A place in the queue that can be left: what a call with nothing in its way need not pay for. */
  async #wait<T>(
    call: () => Promise<T>,
    priority: number,
    signal: AbortSignal | undefined,
    asker: Asker | undefined,
  ): Promise<T> {
    const place = new AbortController();
    const leave = (): void => place.abort(signal && cancelledError(signal));
    const begin = (): void => {
      this.#waiting.delete(place);
      signal?.removeEventListener('abort', leave);
    };
    this.#waiting.add(place);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      return await this.#queue.add(
        () => {
          begin();
          if (asker?.isOver) throw cancelledError();
          this.#begin();
          return call();
        },
        { priority, signal: place.signal },
      );
    } finally {
      begin();
    }
  }

  /** Notes that a call begins, and pauses the queue when that was the last one for now. */
  #begin(): void {
    if (this.#startLog === undefined) return;
    const nowMs = this.#clock.now();
    this.#startLog.record(nowMs);
    const waitMs = this.#startLog.freeAtMs - nowMs;
    if (waitMs <= 0) return;
    this.#queue.pause();
    this.#timer = this.#clock.setTimeout(() => this.#queue.start(), waitMs);
  }
}

function closedError(): BalancerError {
  return new BalancerError('closed', 'the upstream is shut down');
}

function cancelledError(signal?: AbortSignal): BalancerError {
  return new BalancerError('cancelled', 'the caller gave up while the call waited for its turn', {
    cause: signal?.reason,
  });
}
