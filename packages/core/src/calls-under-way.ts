import { BalancerError } from './errors.ts';
import type { Clock } from './time/clock.ts';

/** Counts the calls of one balancer, lets shutdown wait for them, and refuses those that come later. */
export class CallsUnderWay {
  #size = 0;
  #isClosing = false;
  #idle: (() => void) | undefined;

  get size(): number {
    return this.#size;
  }

  /** A call begins; {@link onSettled} is to be called when it has ended. */
  begin(): void {
    this.#size += 1;
  }

  /** A function by itself: it is handed on with each call. */
  readonly onSettled = (): void => {
    this.#size -= 1;
    if (this.#size === 0) this.#idle?.();
  };

  /** From now on calls are refused. */
  close(): void {
    this.#isClosing = true;
  }

  /** @throws BalancerError `closed` after `close()` */
  refuseIfClosing(): void {
    if (this.#isClosing) throw new BalancerError('closed', 'the balancer is closed');
  }

  /** Resolves when the last one has ended, after `drainMs` at the latest. */
  async drain(clock: Clock, drainMs: number): Promise<void> {
    if (this.#size === 0 || drainMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, drainMs);
      this.#idle = () => {
        clock.clearTimeout(timer);
        resolve();
      };
    });
  }
}
