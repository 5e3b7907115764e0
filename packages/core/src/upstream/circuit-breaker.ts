import type { Clock, Random } from '../time/clock.ts';
import { CallWindow } from './call-window.ts';

/**
 * Where a breaker stands.
 *
 * - `closed`: calls pass.
 * - `open`: none passes before `retryAtMs`. `trips` counts how often in a row it opened.
 * - `half-open`: one trial at a time passes; `successes` counts those that went well so far.
 */
export type CircuitBreakerState =
  | { readonly status: 'closed'; readonly consecutiveFailures: number }
  | {
      readonly status: 'open';
      readonly openedAtMs: number;
      readonly retryAtMs: number;
      readonly trips: number;
    }
  | { readonly status: 'half-open'; readonly trialOut: boolean; readonly successes: number };

/**
 * Leave to make one call, to be given back with its verdict; `0` (falsy) means refused. A number,
 * not an object, because one is drawn for every call.
 */
export type BreakerPermit = number;

/** When a {@link CircuitBreaker} opens, and for how long. */
export interface CircuitBreakerOptions {
  /**
   * Opens after this many failures with no success between them (Envoy: `consecutive_5xx`, Finagle:
   * failure accrual by consecutive failures). `Infinity` switches this rule off. @default 5
   */
  readonly consecutiveFailures?: number;
  /**
   * Opens when less than this ratio (0–1) of the calls in `windowMs` succeeded (Finagle: failure
   * accrual by windowed success rate). 0 switches this rule off. @default 0.5
   */
  readonly minSuccessRatio?: number;
  /** Length of that window, in milliseconds; exact to a tenth. @default 30_000 */
  readonly windowMs?: number;
  /** Fewer calls than this in the window are no evidence for the ratio rule. @default 20 */
  readonly minCalls?: number;
  /**
   * How long it stays open the first time, in milliseconds; twice as long each time in a row
   * (Envoy: `base_ejection_time`). @default 1_000
   */
  readonly baseOpenMs?: number;
  /**
   * It never stays open longer than this, in milliseconds. Also how long it must have been closed
   * for earlier trips to be forgotten, and how long a trial may go without a verdict before another
   * may start. @default 30_000
   */
  readonly maxOpenMs?: number;
  /**
   * Shortens every open time by a random ratio of up to this (0–1), so that many breakers that
   * opened together do not try together. 0 means none. @default 0.2
   */
  readonly jitter?: number;
  /** Trials that must go well, one after the other, before it closes. @default 1 */
  readonly halfOpenSuccesses?: number;
  /** Told when it opens, lets a trial through, or closes. @default nobody */
  readonly onState?: (state: CircuitBreakerState) => void;
}

/**
 * Keeps calls away from an upstream that fails, and finds out carefully when it is back.
 *
 * Two rules open it because each misses what the other catches, as in Linkerd's unified breaker
 * (https://linkerd.io/2/reference/circuit-breaking/): a run of failures is seen within a few calls
 * also at low traffic; a ratio sees an upstream that fails every second call.
 *
 * 1. Closed: count failures in a row, and calls and failures in a sliding window.
 * 2. At a failure that completes the run or brings the ratio below its minimum: open, for
 *    `baseOpenMs` × 2^(trips in a row − 1), at most `maxOpenMs`, less jitter.
 * 3. When that time is over: half-open, which is only noticed when someone asks; there is no timer.
 *    One trial passes at a time.
 * 4. The trial goes well: after `halfOpenSuccesses` of them, close. It fails: open again, longer.
 *
 * Each change of state starts a new epoch and a permit names the epoch it was drawn in, so the late
 * verdict of a call that began before the change is known as such and does not count: it neither
 * closes an open breaker nor trips it twice.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #consecutiveFailures: number;
  readonly #minSuccessRatio: number;
  readonly #minCalls: number;
  readonly #baseOpenMs: number;
  readonly #maxOpenMs: number;
  readonly #jitter: number;
  readonly #halfOpenSuccesses: number;
  readonly #onState: ((state: CircuitBreakerState) => void) | undefined;
  readonly #window: CallWindow;

  #status: CircuitBreakerState['status'] = 'closed';
  #epoch = 1;
  #failuresInARow = 0;
  #tripsInARow = 0;
  /** When it last opened or closed. */
  #sinceMs = 0;
  #retryAtMs = 0;
  #successes = 0;
  #trialOut = false;
  #trialSinceMs = 0;

  constructor(options: CircuitBreakerOptions & { readonly clock: Clock; readonly random: Random }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#consecutiveFailures = options.consecutiveFailures ?? 5;
    this.#minSuccessRatio = options.minSuccessRatio ?? 0.5;
    this.#minCalls = options.minCalls ?? 20;
    this.#baseOpenMs = options.baseOpenMs ?? 1_000;
    this.#maxOpenMs = options.maxOpenMs ?? 30_000;
    this.#jitter = options.jitter ?? 0.2;
    this.#halfOpenSuccesses = options.halfOpenSuccesses ?? 1;
    this.#onState = options.onState;
    this.#window = new CallWindow(options.windowMs ?? 30_000);
  }

  /** Made on every read: for snapshots and logs, not for each call. */
  get state(): CircuitBreakerState {
    if (this.#status === 'closed') {
      return { status: 'closed', consecutiveFailures: this.#failuresInARow };
    }
    if (this.#status === 'open' && this.#clock.now() < this.#retryAtMs) {
      return {
        status: 'open',
        openedAtMs: this.#sinceMs,
        retryAtMs: this.#retryAtMs,
        trips: this.#tripsInARow,
      };
    }
    return { status: 'half-open', trialOut: this.#isTrialOut(), successes: this.#successes };
  }

  /** Whether `tryAcquire` would give a permit now. Changes nothing. */
  allows(): boolean {
    if (this.#status === 'closed') return true;
    if (this.#status === 'open') return this.#clock.now() >= this.#retryAtMs;
    return !this.#isTrialOut();
  }

  /**
   * Asks for leave to make one call. Every permit wants exactly one of `success`, `failure` or
   * `release` in return; further ones are ignored where they could do harm.
   */
  tryAcquire(): BreakerPermit {
    if (this.#status === 'closed') return this.#epoch;
    if (!this.allows()) return 0;
    this.#status = 'half-open';
    this.#trialOut = true;
    this.#trialSinceMs = this.#clock.now();
    this.#epoch++;
    this.#onState?.(this.state);
    return this.#epoch;
  }

  /**
   * The upstream answered well; a JSON-RPC error that is the client's mistake counts as well.
   * `nowMs` where the caller has just read the clock.
   */
  success(permit: BreakerPermit, nowMs: number = this.#clock.now()): void {
    if (permit !== this.#epoch || this.#status === 'open') return;
    if (this.#status === 'closed') {
      this.#failuresInARow = 0;
      this.#window.record(true, nowMs);
      return;
    }
    if (!this.#trialOut) return;
    this.#trialOut = false;
    this.#successes++;
    if (this.#successes >= this.#halfOpenSuccesses) this.#close();
  }

  /** The upstream failed. */
  failure(permit: BreakerPermit): void {
    if (permit !== this.#epoch || this.#status === 'open') return;
    if (this.#status === 'half-open') {
      if (this.#trialOut) this.#open();
      return;
    }
    this.#failuresInARow++;
    this.#window.record(false, this.#clock.now());
    const tooManyInARow = this.#failuresInARow >= this.#consecutiveFailures;
    const tooManyInWindow =
      this.#window.calls >= this.#minCalls && this.#window.successRatio < this.#minSuccessRatio;
    if (tooManyInARow || tooManyInWindow) this.#open();
  }

  /** The call says nothing about the upstream: it was cancelled, or never sent. */
  release(permit: BreakerPermit): void {
    if (permit === this.#epoch && this.#status === 'half-open') this.#trialOut = false;
  }

  #isTrialOut(): boolean {
    // A verdict that never comes must not keep the upstream out for good.
    return this.#trialOut && this.#clock.now() - this.#trialSinceMs < this.#maxOpenMs;
  }

  #open(): void {
    const nowMs = this.#clock.now();
    const wasCalm = this.#status === 'closed' && nowMs - this.#sinceMs >= this.#maxOpenMs;
    this.#tripsInARow = wasCalm ? 1 : this.#tripsInARow + 1;
    const openMs = Math.min(this.#baseOpenMs * 2 ** (this.#tripsInARow - 1), this.#maxOpenMs);
    this.#retryAtMs = nowMs + openMs * (1 - this.#jitter * this.#random());
    this.#enter('open', nowMs);
  }

  #close(): void {
    this.#enter('closed', this.#clock.now());
  }

  #enter(status: 'open' | 'closed', nowMs: number): void {
    this.#status = status;
    this.#sinceMs = nowMs;
    this.#epoch++;
    this.#failuresInARow = 0;
    this.#successes = 0;
    this.#trialOut = false;
    this.#window.clear();
    this.#onState?.(this.state);
  }
}
