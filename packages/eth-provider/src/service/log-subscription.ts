import {
  BalancerError,
  type Block,
  delay,
  isBalancerError,
  type RawJson,
  type ServiceHost,
  type ServiceSink,
  type ServiceSubscription,
  type Session,
} from '@dshackle/core';
import { type BlockLogs, type LogTexts, takenBack } from './block-logs.ts';
import type { LogFilter } from './log-filter.ts';

/** Pauses between tries to read the same logs: the first, and the longest. */
const firstPauseMs = 250;
const longestPauseMs = 5000;
/** So many answers without a use, one after another, end the subscription: it must not have a hole. */
const maxUseless = 10;
/** The same of a block that was taken back and whose logs are not kept any more. */
const maxUselessOfLost = 3;

/** What {@link LogSubscription} is made of. */
export interface LogSubscriptionOptions {
  readonly host: ServiceHost;
  readonly logs: BlockLogs;
  /** Reads the logs of a range of heights. */
  readonly readRange: (filter: LogFilter, from: number, to: number) => Promise<LogTexts>;
  readonly filter: LogFilter;
  readonly client: Session | undefined;
  readonly sink: ServiceSink;
  readonly onOver: () => void;
}

/** One step of the way to the best block. */
type Step =
  | { readonly kind: 'apply' | 'retract'; readonly block: Block }
  /** The pool does not know the way: all above `from`, up to this block. */
  | { readonly kind: 'gap'; readonly from: Block; readonly block: Block };

/**
 * One subscription to logs. It walks by the pool's own tree from the block it told last to the best one,
 * a block at a time: the logs of each block that came, and of each that was taken back with
 * `removed: true`. So it needs no upstream that lives on, tells in order, and leaves nothing out. There
 * is no queue: the way is looked up anew after each block.
 */
export class LogSubscription implements ServiceSubscription {
  readonly #options: LogSubscriptionOptions;
  readonly #stop = new AbortController();
  /** The block up to which all is told. */
  #at: Block | undefined;
  /** Nothing was told of blocks up to this height. */
  #floor = Number.POSITIVE_INFINITY;
  #isStarted = false;
  #isWalking = false;

  constructor(options: LogSubscriptionOptions) {
    this.#options = options;
    this.#begin();
  }

  start(): void {
    this.#isStarted = true;
    this.wake();
  }

  close(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#options.onOver();
  }

  /** The best block may be another one. */
  wake(): void {
    if (this.#at === undefined) this.#begin();
    if (!this.#isStarted || this.#isWalking || this.#stop.signal.aborted) return;
    this.#isWalking = true;
    this.#walk().catch((error: unknown) => this.#fail(error));
  }

  /** From the best block there is; what it holds is not news. */
  #begin(): void {
    this.#at = this.#options.host.best;
    if (this.#at) this.#floor = this.#at.number;
  }

  async #walk(): Promise<void> {
    for (let step = this.#next(); step; step = this.#next()) {
      const logs = this.#known(step) ?? (await this.#read(step));
      if (this.#stop.signal.aborted) return;
      // The way may lead elsewhere by now.
      if (logs !== undefined && this.#isNext(step)) this.#take(step, logs);
    }
    this.#isWalking = false;
  }

  #next(): Step | undefined {
    const { host } = this.#options;
    const [from, best] = [this.#at, host.best];
    if (from === undefined || best === undefined || from.hash === best.hash) return undefined;
    const path = host.path(from.hash, best.hash);
    if (path === undefined) return { kind: 'gap', from, block: best };
    const [entered] = path.applied;
    // Best stepped back with an upstream that went: its blocks are not taken back until others come.
    if (entered === undefined) return undefined;
    const [left] = path.retracted;
    return left ? { kind: 'retract', block: left } : { kind: 'apply', block: entered };
  }

  #isNext({ kind, block }: Step): boolean {
    const { host } = this.#options;
    const next = this.#next();
    if (next?.kind !== kind) return false;
    // A head that moved on meanwhile is reached from there.
    return kind === 'gap'
      ? host.path(block.hash, next.block.hash)?.retracted.length === 0
      : next.block.hash === block.hash;
  }

  /** What is told without asking anybody. */
  #known({ kind, block }: Step): LogTexts | undefined {
    if (kind === 'gap') return undefined;
    if (kind === 'retract' && block.number <= this.#floor) return [];
    return this.#options.logs.known(this.#options.filter, block);
  }

  /** `undefined` when the way leads elsewhere by now. */
  async #read(step: Step): Promise<LogTexts | undefined> {
    const { host, logs, filter, readRange } = this.#options;
    let pauseMs = firstPauseMs;
    let useless = 0;
    for (;;) {
      try {
        if (step.kind !== 'gap') return await logs.read(filter, step.block);
        return await readRange(filter, step.from.number + 1, step.block.number);
      } catch (error) {
        // While nobody can answer it waits, however long that takes: a block that stays on the way is
        // told of again. One that was taken back may be nobody's any more.
        if (!isBalancerError(error) || step.kind === 'retract') useless += 1;
        if (useless >= (step.kind === 'retract' ? maxUselessOfLost : maxUseless)) throw error;
      }
      await delay(host.clock, pauseMs, this.#stop.signal);
      pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
      if (!this.#isNext(step)) return undefined;
    }
  }

  #take({ kind, block }: Step, logs: LogTexts): void {
    const { client, host } = this.#options;
    if (kind === 'retract') {
      this.#floor = Math.min(this.#floor, block.number - 1);
      // Known, as the way leads over it.
      this.#at = host.block(block.parentHash);
      this.#tell(takenBack(logs));
      return;
    }
    this.#at = block;
    client?.observe(block.number);
    this.#tell(logs);
  }

  #tell(logs: readonly RawJson[]): void {
    for (const log of logs) {
      if (this.#stop.signal.aborted) return;
      this.#options.sink.onItem(log);
    }
  }

  #fail(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.close();
    const message = error instanceof Error ? error.message : String(error);
    const reason = new BalancerError('transport', `logs could not be read: ${message}`, {
      origin: 'upstream',
      cause: error,
    });
    this.#options.sink.onEnd(reason);
  }
}
