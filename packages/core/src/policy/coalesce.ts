import { ShortLivedMap } from '../collections/short-lived-map.ts';

/** Options of {@link Coalescer}. */
export interface CoalescerOptions {
  /**
   * Different executions that are shared at once. Past it a call runs alone: that costs the
   * upstreams more, and nobody an answer. 0 switches sharing off. @default 10_000
   */
  readonly maxKeys?: number;
}

/** An execution that is shared. */
export interface Execution<T, Note> {
  readonly outcome: Promise<T>;
  /** What the caller that started it left for those who join. */
  readonly note: Note;
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
export class Coalescer<T, Note = undefined> {
  readonly #maxKeys: number;
  readonly #running = new ShortLivedMap<string, Execution<T, Note>>();

  constructor(options: CoalescerOptions = {}) {
    this.#maxKeys = options.maxKeys ?? 10_000;
  }

  /** Shared executions in flight. */
  get size(): number {
    return this.#running.size;
  }

  /**
   * Joins the execution of `key` that is in flight, or starts one. All callers get the same promise
   * and the same note: that of the caller that started it.
   */
  run(key: string, start: () => Promise<T>, note: Note): Execution<T, Note> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const outcome = start();
    const execution: Execution<T, Note> = { outcome, note };
    if (this.#running.size >= this.#maxKeys) return execution;
    this.#running.set(key, execution);
    // Attached before any caller can attach its own: who sees the outcome may start the next run.
    const settled = (): void => {
      this.#running.delete(key);
    };
    outcome.then(settled, settled);
    return execution;
  }
}
