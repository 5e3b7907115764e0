import type { Clock, TimerHandle } from '../time/clock.ts';
import { withDefaults } from './defaults.ts';

/** How a dead peer is told from a quiet one. */
export interface LivenessOptions {
  /**
   * How often the peer is pinged, in milliseconds; 0 never. Does nothing in a browser, which has
   * no pings. @default 10000
   */
  readonly pingIntervalMs?: number;
  /** How long a ping may go without a sign of life, in milliseconds. @default 5000 */
  readonly pongTimeoutMs?: number;
  /**
   * Where there are no pings: how long nothing may arrive while calls are pending, in
   * milliseconds; found out up to a quarter later. 0 for ever. @default 30000
   */
  readonly silenceTimeoutMs?: number;
}

const defaults: Required<LivenessOptions> = {
  pingIntervalMs: 10_000,
  pongTimeoutMs: 5000,
  silenceTimeoutMs: 30_000,
};

/**
 * Fills in the defaults.
 * @throws BalancerError `invalid request` for a number that makes no sense
 */
export function livenessLimits(options: LivenessOptions): Required<LivenessOptions> {
  return withDefaults(defaults, options, ['pingIntervalMs', 'silenceTimeoutMs']);
}

/** What is watched. */
export interface LivenessTarget {
  readonly canPing: boolean;
  /** Any change is a sign of life. */
  readonly receivedBytes: number;
  /** Whether something is being waited for. */
  readonly busy: boolean;
  ping(): void;
  /** It is dead: called at most once. */
  onDead(reason: string): void;
}

/** Silence is looked for this often in every `silenceTimeoutMs`. */
const looksPerTimeout = 4;

/**
 * A process that was held up fires its timers before it reads its sockets. So a verdict waits this
 * long: one more turn of the event loop, in milliseconds.
 */
const secondLookMs = 1;

/**
 * Finds out that the other end of a connection is dead or frozen, which TCP alone may take minutes
 * to say. It pings where it can, and elsewhere waits for silence while calls are pending. One timer.
 */
export class Liveness {
  readonly #clock: Clock;
  readonly #target: LivenessTarget;
  readonly #pingIntervalMs: number;
  readonly #pongTimeoutMs: number;
  readonly #silenceTimeoutMs: number;
  #timer: TimerHandle;
  #seen = 0;
  #quietLooks = 0;

  constructor(clock: Clock, target: LivenessTarget, options: LivenessOptions) {
    this.#clock = clock;
    this.#target = target;
    const { pingIntervalMs, pongTimeoutMs, silenceTimeoutMs } = livenessLimits(options);
    this.#pingIntervalMs = target.canPing ? pingIntervalMs : 0;
    this.#pongTimeoutMs = pongTimeoutMs;
    this.#silenceTimeoutMs = silenceTimeoutMs;
  }

  start(): void {
    if (this.#pingIntervalMs > 0) this.#after(this.#pingIntervalMs, this.#ping);
    else if (this.#silenceTimeoutMs > 0) this.#lookLater();
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  readonly #ping = (): void => {
    this.#seen = this.#target.receivedBytes;
    this.#target.ping();
    this.#after(this.#pongTimeoutMs, this.#pongDue);
  };

  readonly #pongDue = (): void => {
    if (this.#target.receivedBytes === this.#seen) this.#after(secondLookMs, this.#pongOverdue);
    else this.#pingAgain();
  };

  readonly #pongOverdue = (): void => {
    if (this.#target.receivedBytes !== this.#seen) this.#pingAgain();
    else this.#target.onDead(`no pong within ${this.#pongTimeoutMs} ms`);
  };

  #pingAgain(): void {
    this.#after(Math.max(0, this.#pingIntervalMs - this.#pongTimeoutMs), this.#ping);
  }

  #lookLater(): void {
    this.#after(this.#silenceTimeoutMs / looksPerTimeout, this.#look);
  }

  readonly #look = (): void => {
    if (this.#alive()) this.#quietLooks = 0;
    else this.#quietLooks++;
    if (this.#quietLooks > looksPerTimeout) this.#after(secondLookMs, this.#silent);
    else this.#lookLater();
  };

  readonly #silent = (): void => {
    if (!this.#alive()) {
      this.#target.onDead(`silent for ${this.#silenceTimeoutMs} ms with calls pending`);
      return;
    }
    this.#quietLooks = 0;
    this.#lookLater();
  };

  #alive(): boolean {
    const before = this.#seen;
    this.#seen = this.#target.receivedBytes;
    return this.#seen !== before || !this.#target.busy;
  }

  #after(delayMs: number, callback: () => void): void {
    this.#timer = this.#clock.setTimeout(callback, delayMs);
  }
}
