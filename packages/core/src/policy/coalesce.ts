import type { Answer, Receiver } from '../call.ts';
import { ShortLivedMap } from '../collections/short-lived-map.ts';
import type { Attempt } from '../errors.ts';
import type { BestBlock } from './best-block.ts';

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
 */
export class Coalescer {
  readonly #maxKeys: number;
  readonly #running = new ShortLivedMap<string, SharedCall>();

  constructor(options: CoalescerOptions = {}) {
    this.#maxKeys = options.maxKeys ?? 10_000;
  }

  /** Shared executions in flight. */
  get size(): number {
    return this.#running.size;
  }

  /** The execution of `key` that is in flight, to be joined. */
  get(key: string): SharedCall | undefined {
    return this.#running.get(key);
  }

  /**
   * A new execution of `key`, which others can join until it is told its outcome.
   *
   * @param attempts what it tries, for those who join
   */
  start(key: string, attempts: readonly Attempt[]): SharedCall {
    if (this.#running.size >= this.#maxKeys) return new SharedCall(attempts, undefined, key);
    const shared = new SharedCall(attempts, this.#running, key);
    this.#running.add(key, shared);
    return shared;
  }
}

/**
 * One execution and those who wait for it. It belongs to nobody: it must not use the signal or the
 * deadline of the caller that happened to come first.
 */
export class SharedCall implements Receiver {
  /** What was tried so far. */
  readonly attempts: readonly Attempt[];
  /** Of a call about the best block: which one it is given. */
  bestBlock: BestBlock | undefined;
  readonly #running: ShortLivedMap<string, SharedCall> | undefined;
  readonly #key: string;
  /** Nearly always the only one. */
  #first: Receiver | undefined;
  #others: Receiver[] | undefined;

  /** @param running where it is found under `key` until it has settled, if it is to be found */
  constructor(
    attempts: readonly Attempt[],
    running: ShortLivedMap<string, SharedCall> | undefined,
    key: string,
  ) {
    this.attempts = attempts;
    this.#running = running;
    this.#key = key;
  }

  /** One more that wants to know. */
  join(receiver: Receiver): void {
    if (this.#first === undefined) this.#first = receiver;
    else if (this.#others === undefined) this.#others = [receiver];
    else this.#others.push(receiver);
  }

  onAnswer(answer: Answer): void {
    // First of all: whoever hears the answer may start the next execution at once.
    this.#running?.take(this.#key);
    this.#first?.onAnswer(answer);
    if (this.#others) for (const receiver of this.#others) receiver.onAnswer(answer);
  }

  onFailure(error: unknown): void {
    this.#running?.take(this.#key);
    this.#first?.onFailure(error);
    if (this.#others) for (const receiver of this.#others) receiver.onFailure(error);
  }
}
