import { setMaxListeners } from 'node:events';
import type { CallOptions, Session } from '@dshackle/core';

/**
 * What all calls of one socket share, so that none of it is made for each call: the options they
 * are forwarded with, and the signal that gives them up when the client goes away.
 */
export class ClientScope {
  /** For calls that may be given up. */
  readonly options: CallOptions;
  /**
   * For submissions: they go on when the client hangs up. It may have been sent already, and a
   * client that closes right after submitting means it to happen.
   */
  readonly submitOptions: CallOptions;
  readonly #controller = new AbortController();

  constructor(session?: Session) {
    // One listener a call is what the signal is for; Node warns from eleven on.
    setMaxListeners(0, this.#controller.signal);
    this.submitOptions = session === undefined ? {} : { session };
    this.options = { ...this.submitOptions, signal: this.#controller.signal };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives up all calls but submissions. */
  abandon(): void {
    this.#controller.abort();
  }
}
