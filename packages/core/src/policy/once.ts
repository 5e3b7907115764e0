import type { Answer, Receiver } from '../call.ts';

/** Passes on the first outcome and no other, whatever goes wrong on the way of a call. */
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
    this.#receiver.onAnswer(answer);
  }

  onFailure(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onSettled();
    this.#receiver.onFailure(error);
  }
}
