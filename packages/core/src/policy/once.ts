import type { Answer, Receiver } from '../call.ts';
import type { ThrownReport } from '../telemetry/thrown.ts';

/**
 * Passes on the first outcome and no other, whatever goes wrong on the way of a call. What the
 * receiver throws is reported: it must not cost other calls, such as those that wait for the same
 * answer, theirs.
 */
export class Once implements Receiver {
  readonly #receiver: Receiver;
  readonly #onSettled: () => void;
  readonly #onThrown: ThrownReport;
  #settled = false;

  /**
   * @param onSettled called once, just before the receiver is
   * @param onThrown told what the receiver throws
   */
  constructor(receiver: Receiver, onSettled: () => void, onThrown: ThrownReport) {
    this.#receiver = receiver;
    this.#onSettled = onSettled;
    this.#onThrown = onThrown;
  }

  onAnswer(answer: Answer): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onSettled();
    try {
      this.#receiver.onAnswer(answer);
    } catch (error) {
      this.#onThrown(error, 'the receiver of an answer');
    }
  }

  onFailure(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onSettled();
    try {
      this.#receiver.onFailure(error);
    } catch (thrown) {
      this.#onThrown(thrown, 'the receiver of a failure');
    }
  }
}
