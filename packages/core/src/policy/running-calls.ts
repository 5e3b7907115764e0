import type { BalancerError } from '../errors.ts';

/** A call that is being carried out. */
export interface RunningCall {
  /** Ends it with this error, at once. */
  abandon(error: BalancerError): void;
  /** Links of {@link RunningCalls}, which alone touches them. */
  previousRunning?: RunningCall | undefined;
  nextRunning?: RunningCall | undefined;
  isRunning?: boolean;
}

/**
 * Every call that a strategy is carrying out. A list through the calls themselves, because a `Set`
 * of what comes and goes so fast costs more than the rest of their bookkeeping.
 */
export class RunningCalls implements Iterable<RunningCall> {
  #first: RunningCall | undefined;
  #abandoned: BalancerError | undefined;

  /** After {@link abandonAll} a call ends at once. */
  add(call: RunningCall): void {
    if (call.isRunning) return;
    if (this.#abandoned) {
      call.abandon(this.#abandoned);
      return;
    }
    const first = this.#first;
    call.isRunning = true;
    call.nextRunning = first;
    if (first) first.previousRunning = call;
    this.#first = call;
  }

  /** Does nothing for a call that is not in it. */
  delete(call: RunningCall): void {
    if (!call.isRunning) return;
    const { previousRunning: previous, nextRunning: next } = call;
    if (previous) previous.nextRunning = next;
    else this.#first = next;
    if (next) next.previousRunning = previous;
    call.isRunning = false;
    // What has ended must not keep others from being collected.
    call.previousRunning = undefined;
    call.nextRunning = undefined;
  }

  /** Ends all with this error, those too that were on their way here. */
  abandonAll(error: BalancerError): void {
    this.#abandoned = error;
    for (const call of [...this]) call.abandon(error);
  }

  /** The newest first. */
  *[Symbol.iterator](): Iterator<RunningCall> {
    for (let call = this.#first; call; call = call.nextRunning) yield call;
  }
}
