import { ShortLivedMap } from '../collections/short-lived-map.ts';
import { BalancerError, TimeoutError } from '../errors.ts';
import type { Clock, TimerHandle } from '../time/clock.ts';
import { maxTimerMs } from './defaults.ts';
import type { ReplySink } from './transport.ts';

/** What is to become of one call. */
export interface CallHandlers extends ReplySink {
  /** It timed out or its signal aborted; called before `onFail`. */
  onGiveUp?(id: number): void;
}

/** One call in flight. */
interface PendingCall {
  readonly id: number;
  readonly method: string;
  readonly timeoutMs: number;
  readonly dueAtMs: number;
  readonly handlers: CallHandlers;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: (() => void) | undefined;
}

/**
 * The calls in flight on one connection, by our own integer id. All of them share one timer: it is
 * set for the earliest deadline known when it was set, and a look over the table when it fires
 * finds the next. Calls that are answered in time, nearly all, never touch it.
 */
export class PendingCalls {
  readonly #upstream: string;
  readonly #clock: Clock;
  readonly #calls = new ShortLivedMap<number, PendingCall>();
  readonly #onGiveUp: ((id: number) => void) | undefined;
  #nextId = 1;
  #timer: TimerHandle;
  #sweepAtMs = Number.POSITIVE_INFINITY;

  /**
   * @param upstream its id, for error messages
   * @param onGiveUp told of every call that timed out or whose signal aborted, before the call is
   */
  constructor(upstream: string, clock: Clock, onGiveUp?: (id: number) => void) {
    this.#upstream = upstream;
    this.#clock = clock;
    this.#onGiveUp = onGiveUp;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** A new call; returns its id. The signal must not be aborted yet. */
  add(
    method: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    handlers: CallHandlers,
  ): number {
    const id = this.#nextId++;
    const dueAtMs = this.#clock.now() + timeoutMs;
    const onAbort = signal && (() => this.#abort(id));
    this.#calls.add(id, { id, method, timeoutMs, dueAtMs, handlers, signal, onAbort });
    if (onAbort) signal.addEventListener('abort', onAbort, { once: true });
    if (dueAtMs < this.#sweepAtMs) this.#schedule(dueAtMs);
    return id;
  }

  /** Ends a call: its handlers, or `undefined` when there is none of that id. */
  take(id: number): CallHandlers | undefined {
    return this.#take(id)?.handlers;
  }

  /**
   * Ends a call that nobody waits for any more: its time is over, or its sink says so. Returns whether
   * it did, also when there is none of that id.
   */
  dropAbandoned(id: number): boolean {
    const call = this.#calls.get(id);
    if (call === undefined) return true;
    if (call.handlers.isOver === true) {
      this.#take(id);
      call.handlers.onFail(cancelled(this.#upstream, call.method, undefined));
      return true;
    }
    // The timer may be late when the event loop was held up.
    if (call.dueAtMs > this.#clock.now()) return false;
    this.#take(id);
    call.handlers.onFail(timedOut(this.#upstream, call));
    return true;
  }

  /** Ends the only call in flight; `undefined` when there are none or several. */
  takeOnly(): CallHandlers | undefined {
    if (this.#calls.size !== 1) return undefined;
    const [call] = this.#calls.values();
    return this.take(call!.id);
  }

  /** Fails every call in flight and lets the timer go. The table can be used on. */
  failAll(error: () => BalancerError): void {
    this.#clock.clearTimeout(this.#timer);
    this.#sweepAtMs = Number.POSITIVE_INFINITY;
    for (const call of this.#calls.values()) {
      // A handler may have ended it meanwhile.
      if (this.take(call.id)) call.handlers.onFail(error());
    }
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#calls.take(id);
    if (call?.onAbort) call.signal?.removeEventListener('abort', call.onAbort);
    return call;
  }

  #abort(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#giveUp(call, cancelled(this.#upstream, call.method, call.signal));
  }

  #giveUp(call: PendingCall, error: BalancerError): void {
    this.#take(call.id);
    this.#onGiveUp?.(call.id);
    call.handlers.onGiveUp?.(call.id);
    call.handlers.onFail(error);
  }

  #schedule(atMs: number): void {
    if (this.#sweepAtMs !== Number.POSITIVE_INFINITY) this.#clock.clearTimeout(this.#timer);
    this.#sweepAtMs = atMs;
    const delayMs = Math.min(atMs - this.#clock.now(), maxTimerMs);
    this.#timer = this.#clock.setTimeout(() => this.#sweep(), delayMs);
  }

  #sweep(): void {
    const now = this.#clock.now();
    const due: PendingCall[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const call of this.#calls.values()) {
      if (call.dueAtMs <= now) due.push(call);
      else if (call.dueAtMs < next) next = call.dueAtMs;
    }
    this.#sweepAtMs = Number.POSITIVE_INFINITY;
    if (next !== Number.POSITIVE_INFINITY) this.#schedule(next);
    for (const call of due) {
      if (this.#calls.get(call.id) === undefined) continue;
      this.#giveUp(call, timedOut(this.#upstream, call));
    }
  }
}

function timedOut(upstream: string, { method, timeoutMs }: PendingCall): TimeoutError {
  return new TimeoutError(`${upstream}: no answer to ${method} within ${timeoutMs} ms`);
}

/** The error of a call whose signal aborted. */
export function cancelled(
  upstream: string,
  method: string,
  signal: AbortSignal | undefined,
): BalancerError {
  return new BalancerError('cancelled', `${upstream}: ${method} was given up`, {
    cause: signal?.reason,
  });
}
