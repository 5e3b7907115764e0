import type { Block } from '../chain/chain.ts';
import type { Transaction, WatchFormat } from '../chain/submissions.ts';
import type { RawJson } from '../json-rpc/message.ts';
import type { SubmissionDesk } from './desk.ts';
import { Inclusion, type Place } from './inclusion.ts';
import { isPending } from './pending.ts';

/**
 * For how many blocks a transaction is expected that does not expire, or whose end cannot be read;
 * then for as many again while a pool still holds it. As long as nodes by default keep a transaction
 * that does not become ready.
 */
const patienceBlocks = 64;

/** What a {@link TransactionWatch} is made of. */
export interface TransactionWatchOptions {
  readonly desk: SubmissionDesk;
  readonly transaction: Transaction;
  readonly format: WatchFormat;
  /** The best block when it was submitted. */
  readonly since: Block | undefined;
  /** Where it is by the last word of the upstream that carried it. */
  readonly place: Place | undefined;
  readonly onItem: (item: RawJson) => void;
  /** What became of it cannot be told: why. Called at most once, in place of a last item. */
  readonly onEnd: (reason: string) => void;
}

/**
 * Tells what becomes of a transaction from the pool's own view of the chain, in the words of the
 * method that submitted it: in a block, taken back, final. One that is in no block when it has
 * expired for good, or when it is in no pool after 64 blocks, is told as dropped.
 */
export class TransactionWatch {
  readonly #options: TransactionWatchOptions;
  readonly #inclusion: Inclusion;
  /** Height at which it is given up. */
  #limit: number | undefined;
  #isAsking = false;
  #isOver = false;

  constructor(options: TransactionWatchOptions) {
    const { desk, transaction, format, since, place, onItem } = options;
    this.#options = options;
    this.#limit = since && this.#limitFrom(since.number);
    this.#inclusion = new Inclusion({
      head: desk.head,
      bodies: desk.bodies,
      transaction,
      since,
      place,
      observer: {
        // The body was read, so its place is known.
        onIncluded: ({ hash, index = 0 }) => onItem(format.included(hash, index)),
        onRetracted: ({ hash }) => onItem(format.retracted(hash)),
        onFinalized: ({ hash, index = 0 }) => {
          this.close();
          onItem(format.finalized(hash, index));
        },
        onAbsent: (searched) => void this.#consider(searched),
      },
    });
    this.#inclusion.look();
  }

  /** Ends it; nothing is told afterwards. Safe to call twice. */
  close(): void {
    this.#isOver = true;
    this.#inclusion.close();
  }

  #limitFrom(height: number): number {
    return this.#options.transaction.lastHeight?.(height) ?? height + patienceBlocks;
  }

  /** It is in no block up to this one. */
  async #consider(searched: Block): Promise<void> {
    this.#limit ??= this.#limitFrom(searched.number);
    if (this.#isAsking || this.#isOver || searched.number < this.#limit) return;
    const { desk, transaction } = this.#options;
    if (transaction.lastHeight) {
      // Until then another branch may hold it, at a height at which it is valid.
      const { finalized } = desk.head;
      if (finalized !== undefined && finalized.number >= this.#limit) this.#giveUp();
      return;
    }
    this.#isAsking = true;
    const isPooled = await isPending(desk.engine, desk.submissions, transaction);
    this.#isAsking = false;
    if (this.#isOver) return;
    if (isPooled) this.#limit = searched.number + patienceBlocks;
    else if (this.#inclusion.place === undefined || !desk.head.tree.has(this.#inclusion.place.hash))
      this.#giveUp();
  }

  #giveUp(): void {
    const { format, onItem, onEnd } = this.#options;
    const { place, isComplete } = this.#inclusion;
    this.close();
    if (!isComplete) {
      onEnd('blocks were missed in which it may be');
      return;
    }
    if (place) onItem(format.retracted(place.hash));
    onItem(format.dropped('the transaction is in no block, and its time is over'));
  }
}
