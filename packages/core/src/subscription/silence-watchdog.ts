import type { Clock } from '../time/clock.ts';
import type { DeadlineHandle, Deadlines } from '../time/deadlines.ts';

/** Options of {@link SilenceWatchdog}. */
export interface SilenceWatchdogOptions {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** How long silence is never suspicious, in milliseconds. */
  readonly patienceMs: number;
  /**
   * Silence is expected to be as long as it has been before: patience grows to four times the longest
   * silence that ended by itself, and doubles after each alarm for nothing.
   */
  readonly learns: boolean;
  readonly onSilence: () => void;
}

/** However often it was for nothing, an alarm comes again after this many times the patience. */
const maxBackoff = 64;

/**
 * Barks when one upstream subscription has been silent for too long. A node may drop a subscription
 * whose reader lags without a word, so that silence is all there is to hear. It barks again after each further patience, until it is closed.
 */
export class SilenceWatchdog {
  readonly #options: SilenceWatchdogOptions;
  #lastMs: number;
  /** The longest silence that ended by itself, slowly forgotten. */
  #usualMs = 0;
  #backoff = 1;
  #isPaused = false;
  #deadline: DeadlineHandle | undefined;

  constructor(options: SilenceWatchdogOptions) {
    this.#options = options;
    this.#lastMs = options.clock.now();
    this.#arm(options.patienceMs);
  }

  /** Something was heard that is no news: the silence begins anew, and says nothing of how long one may be. */
  heardAgain(): void {
    this.#lastMs = this.#options.clock.now();
  }

  /** Something was heard. */
  heard(): void {
    const now = this.#options.clock.now();
    this.#usualMs = Math.max(now - this.#lastMs, 0.9 * this.#usualMs);
    this.#lastMs = now;
    if (this.#backoff === 1) return;
    // It had set itself to look much later.
    this.#backoff = 1;
    this.close();
    this.#arm(this.#patienceMs);
  }

  /** There is nobody to be heard, until `restart`. */
  pause(): void {
    this.#isPaused = true;
    this.close();
  }

  /** The silence begins anew: another upstream has taken over. */
  restart(): void {
    this.#lastMs = this.#options.clock.now();
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#arm(this.#patienceMs);
  }

  close(): void {
    if (this.#deadline) this.#options.deadlines.cancel(this.#deadline);
    this.#deadline = undefined;
  }

  get #patienceMs(): number {
    const { patienceMs, learns } = this.#options;
    return learns ? Math.max(patienceMs, 4 * this.#usualMs) * this.#backoff : patienceMs;
  }

  #arm(delayMs: number): void {
    const { deadlines } = this.#options;
    this.#deadline = deadlines.add(Math.min(delayMs, 2 ** 30), () => this.#look());
  }

  #look(): void {
    const now = this.#options.clock.now();
    const leftMs = this.#lastMs + this.#patienceMs - now;
    if (leftMs > 0) {
      this.#arm(leftMs);
      return;
    }
    this.#lastMs = now;
    this.#backoff = Math.min(2 * this.#backoff, maxBackoff);
    this.#arm(this.#patienceMs);
    this.#options.onSilence();
  }
}
