import { BalancerError, type Clock, type RequestOptions, TimeoutError } from '@dshackle/core';

/** Time for one call when nobody says, in milliseconds. */
const defaultTimeoutMs = 10_000;

/** The time of one call, over all that is asked of the node for it. */
export class Budget {
  readonly signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #untilMs: number;

  constructor(clock: Clock, { timeoutMs = defaultTimeoutMs, signal }: RequestOptions = {}) {
    this.#clock = clock;
    this.#untilMs = clock.now() + timeoutMs;
    this.signal = signal;
  }

  /** What is left of it, for one more call. @throws TimeoutError when nothing is */
  get options(): RequestOptions & { readonly timeoutMs: number } {
    const timeoutMs = this.#untilMs - this.#clock.now();
    if (timeoutMs <= 0) throw new TimeoutError('no time left for all that the call takes');
    return this.signal ? { timeoutMs, signal: this.signal } : { timeoutMs };
  }

  /**
   * Waits for what `begin` starts, within the time. `begin` may settle at once; what it returns is
   * called once, when it is over by whatever cause.
   *
   * @throws TimeoutError, or BalancerError `cancelled` when the signal aborted
   */
  wait(what: string, begin: (resolve: () => void, reject: (error: unknown) => void) => () => void) {
    return new Promise<void>((resolve, reject) => {
      const { timeoutMs } = this.options;
      let over = false;
      let end: (() => void) | undefined;
      const settle = (then: () => void): void => {
        if (over) return;
        over = true;
        this.#clock.clearTimeout(timer);
        this.signal?.removeEventListener('abort', onAbort);
        then();
        end?.();
      };
      const fail = (error: unknown): void => settle(() => reject(error));
      const onAbort = (): void => fail(new BalancerError('cancelled', what));
      const timer = this.#clock.setTimeout(
        () => fail(new TimeoutError(`${what}: not done in ${timeoutMs} ms`)),
        timeoutMs,
      );
      if (this.signal?.aborted) return onAbort();
      this.signal?.addEventListener('abort', onAbort, { once: true });
      end = begin(() => settle(resolve), fail);
      if (over) end();
      return undefined;
    });
  }
}
