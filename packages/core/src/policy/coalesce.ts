import { ShortLivedMap } from '../collections/short-lived-map.ts';

/** Options of {@link Coalescer}. */
export interface CoalescerOptions {
  /**
   * Different executions that are shared at once. Past it a call runs alone: that costs the
   * upstreams more, and nobody an answer. 0 switches sharing off. @default 10_000
   */
  readonly maxKeys?: number;
}

/**
 * Lets identical reads that are in flight at the same time share one execution (nginx:
 * `proxy_cache_lock`, Go: `singleflight`).
 *
 * It keeps nothing: as soon as the execution has settled the next call runs anew, so a failure is
 * shared by those who waited for it and never by later ones. That is a cache's business.
 *
 * The execution belongs to nobody: `start` must not use the signal of the caller that happened to
 * come first, and has its own deadline.
 */
export class Coalescer<T> {
  readonly #maxKeys: number;
  readonly #running = new ShortLivedMap<string, Promise<T>>();

  constructor(options: CoalescerOptions = {}) {
    this.#maxKeys = options.maxKeys ?? 10_000;
  }

  /** Shared executions in flight. */
  get size(): number {
    return this.#running.size;
  }

  /**
   * Joins the execution of `key` that is in flight, or starts one. Callers get the same promise,
   * unless they pass a `signal`.
   *
   * @param signal lets this caller leave: it gets the signal's reason, the execution goes on for
   *   the others. @default none
   */
  run(key: string, start: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const execution = this.#running.get(key) ?? this.#start(key, start);
    return signal ? untilAborted(execution, signal) : execution;
  }

  #start(key: string, start: () => Promise<T>): Promise<T> {
    if (this.#running.size >= this.#maxKeys) return start();
    const execution = start();
    this.#running.set(key, execution);
    // Attached before any caller can attach its own: who sees the outcome may start the next run.
    const settled = (): void => {
      this.#running.delete(key);
    };
    execution.then(settled, settled);
    return execution;
  }
}

function untilAborted<T>(execution: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    execution.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
