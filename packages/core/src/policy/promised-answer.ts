import type { Answer } from '../call.ts';
import type { Receiver } from './call-context.ts';

/** The far end of a call's way: the one promise that its caller waits for. */
export class PromisedAnswer implements Receiver {
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onSettled: () => void;
  #settled = false;

  /** @param onSettled called once, just before the promise settles */
  constructor(
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
    onSettled: () => void,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onSettled = onSettled;
  }

  onAnswer(answer: Answer): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onSettled();
    this.#resolve(answer);
  }

  onFailure(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onSettled();
    this.#reject(error);
  }
}
