import type { Block } from '../chain/chain.ts';
import type { Transaction } from '../chain/submissions.ts';
import type { DeadlineHandle } from '../time/deadlines.ts';
import type { SubmissionDesk } from './desk.ts';
import { Inclusion } from './inclusion.ts';
import { isPending } from './pending.ts';

/** How a {@link TransactionSearch} goes about its work. */
export interface TransactionSearchOptions {
  readonly desk: SubmissionDesk;
  readonly transaction: Transaction;
  /** The best block when it was submitted. */
  readonly since: Block | undefined;
  /** When to give up, on the engine's clock. */
  readonly untilMs: number;
  /**
   * Believe that it is nowhere once pools and blocks were searched and the chain has moved on since,
   * at the latest after two block times, and has come as far as any upstream was when it began: one that
   * is ahead knows of blocks that hold it. Otherwise only time ends a search in vain. @default false
   */
  readonly hasOtherNews?: boolean;
}

/**
 * Looks for a transaction that an upstream may have taken: in pools, and in the blocks of the best
 * chain since its submission; again with each new block, and after a block time without one.
 */
export class TransactionSearch {
  readonly #options: TransactionSearchOptions;
  readonly #inclusion: Inclusion;
  readonly #startedMs: number;
  readonly #startedAt: Block | undefined;
  /** Height of the upstream that was furthest ahead. */
  readonly #furthest: number;
  readonly #stopListening: () => void;
  #deadline: DeadlineHandle | undefined;
  #timer: DeadlineHandle | undefined;
  #resolve: (isFound: boolean) => void = () => {};
  #isAsking = false;
  /** No pool had it once the chain had moved on: the blocks have the last word. */
  #isInNoPool = false;
  #isOver = false;
  /** Resolves with whether it was found. */
  readonly found: Promise<boolean>;

  constructor(options: TransactionSearchOptions) {
    const { desk, transaction, since, untilMs } = options;
    const { head, bodies, engine } = desk;
    this.#options = options;
    this.#startedMs = engine.clock.now();
    this.#startedAt = head.best;
    this.#furthest = head.highestClaim;
    this.found = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#inclusion = new Inclusion({
      head,
      bodies,
      transaction,
      since,
      observer: {
        onIncluded: () => this.end(true),
        onRetracted: () => {},
        onFinalized: () => {},
        onAbsent: (searched) => {
          if (this.#isInNoPool && searched === head.best) this.end(false);
        },
      },
    });
    this.#stopListening = head.events.on('best', () => void this.#askPools());
    const leftMs = Math.max(0, untilMs - this.#startedMs);
    this.#deadline = engine.deadlines.add(leftMs, () => this.end(false));
    this.#inclusion.look();
    void this.#askPools();
  }

  /** False when it may be in blocks that could not be searched. */
  get isComplete(): boolean {
    return this.#inclusion.isComplete;
  }

  /** Ends it with this outcome. Safe to call twice. */
  end(isFound: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { deadlines } = this.#options.desk.engine;
    if (this.#deadline !== undefined) deadlines.cancel(this.#deadline);
    if (this.#timer !== undefined) deadlines.cancel(this.#timer);
    this.#stopListening();
    this.#inclusion.close();
    this.#resolve(isFound);
  }

  async #askPools(): Promise<void> {
    if (this.#isAsking || this.#isOver) return;
    this.#isAsking = true;
    if (this.#timer !== undefined) this.#options.desk.engine.deadlines.cancel(this.#timer);
    const { desk, transaction, hasOtherNews } = this.#options;
    const { engine, submissions, blockTimeMs, head } = desk;
    const hasMoved = head.best !== this.#startedAt;
    const isLate = engine.clock.now() - this.#startedMs >= 2 * blockTimeMs;
    const hasCaughtUp = (head.best?.number ?? -1) >= this.#furthest;
    const isFound = await isPending(engine, submissions, transaction);
    this.#isAsking = false;
    if (isFound) this.end(true);
    if (this.#isOver) return;
    if (hasOtherNews && hasCaughtUp && (hasMoved || isLate)) {
      this.#isInNoPool = true;
      this.#inclusion.look();
    }
    this.#timer = engine.deadlines.add(blockTimeMs, () => {
      this.#timer = undefined;
      // The body of a block may not have been to be had.
      this.#inclusion.look();
      void this.#askPools();
    });
  }
}
