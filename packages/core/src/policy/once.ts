import type { Answer, Receiver } from '../call.ts';

/**
 * Passes on the first outcome and no other, whatever goes wrong on the way of a call. What the
 * receiver throws is thrown again in a microtask of its own: it must not cost other calls, such as
 * those that wait for the same answer, theirs.
 */
export class Once implements Receiver {
  readonly #receiver: Receiver;
  readonly #onSettled: () => void;
  #settled = false;

  /** @param onSettled called once, just before the receiver is */
  constructor(receiver: Receiver, onSettled: () => void) {
    this.#receiver = receiver;
    this.#onSettled = onSettled;
  }

  onAnswer(answer: Answer): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onSettled();
    try {
      this.#receiver.onAnswer(answer);
    } catch (error) {
      throwLater(error);
    }
  }

  onFailure(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onSettled();
    try {
      this.#receiver.onFailure(error);
    } catch (thrown) {
      throwLater(thrown);
    }
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
