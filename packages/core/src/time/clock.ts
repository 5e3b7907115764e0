/** An opaque handle of a pending timer. */
export type TimerHandle = unknown;

/**
 * The engine's only source of time. Everything that waits or measures takes it from here, so that
 * a test can run a week in a second.
 */
export interface Clock {
  /** Milliseconds on a monotonic scale; only differences mean anything. */
  now(): number;
  /**
   * Calls `callback` once after `delayMs`. A pending timer keeps a Node process alive: what is open must not end in
   * silence, while a call waits for a node to come back.
   */
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  /** Drops a pending timer; does nothing when it has fired. */
  clearTimeout(handle: TimerHandle): void;
}

/** A random source: uniform in [0, 1). */
export type Random = () => number;

/** The real clock: `performance.now()` and the platform's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as number),
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      clock.clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
