import type { Block, FeedKind } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { guard } from '../transport/guard.ts';

/** Told of one block. */
export type BlockListener = (block: Block) => void;

/** Told when a hole in the chain could not be filled. */
export type GapListener = (kind: FeedKind, from: Block, to: Block) => void;

/** Blocks remembered as told: far more than any reorganisation takes back. */
const maxTold = 1024;

/**
 * One stream of blocks for any number of subscribers, fed by the pool's head and so independent of
 * any single upstream: every block once, parents first.
 *
 * - `best`: the best chain; after a reorg the blocks of the new branch that were not told before.
 * - `finalized`: every finalized block; never goes back.
 * - `all`: every block of any branch that may still become final, in the order of arrival.
 */
export class HeadFeed {
  readonly #kind: FeedKind;
  readonly #head: ChainHead;
  readonly #onGap: GapListener;
  readonly #listeners = new Set<BlockListener>();
  readonly #stops: readonly (() => void)[];
  /** The block delivered last. */
  #last: Block | undefined;
  /** A chain that is left and taken up again is not told again. */
  readonly #told = new Set<string>();
  /** Blocks to advance to, while a listener that moved the head is still being told of another. */
  readonly #next: Block[] = [];
  #advancing = false;
  /** What was final is so no more: the next block need not be higher. */
  #begunAnew = false;

  constructor(kind: FeedKind, head: ChainHead, onGap: GapListener) {
    this.#kind = kind;
    this.#head = head;
    this.#onGap = onGap;
    this.#last = this.#current();
    if (this.#last) this.#told.add(this.#last.hash);
    const event = kind === 'all' ? 'block' : kind;
    this.#stops = [
      head.events.on(event, (block) => this.#take(block)),
      head.events.on('finalityViolation', () => {
        this.#begunAnew = true;
      }),
    ];
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  /** Delivers the current block, unless told otherwise, then all that follow. */
  subscribe(listener: BlockListener, tellsCurrent = true): () => void {
    this.#listeners.add(listener);
    if (this.#last && tellsCurrent) guard(listener, this.#last);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#listeners.clear();
  }

  #current(): Block | undefined {
    return this.#kind === 'finalized' ? this.#head.finalized : this.#head.best;
  }

  #take(block: Block): void {
    this.#next.push(block);
    if (this.#advancing) return;
    this.#advancing = true;
    for (let next = this.#next.shift(); next; next = this.#next.shift()) this.#advance(next);
    this.#advancing = false;
  }

  #advance(block: Block): void {
    const last = this.#last;
    if (this.#kind === 'all') {
      if (!this.#isStale(block)) this.#deliver(block);
      return;
    }
    if (!last) {
      this.#deliver(block);
      return;
    }
    // Also not where the pool itself has to take something back.
    if (this.#kind === 'finalized' && block.number <= last.number) return;
    const path = this.#head.tree.path(last.hash, block.hash);
    if (!path) {
      // Too far to fill: the hole is told, not hidden.
      if (block.number <= last.number && !this.#mayGoBack()) return;
      this.#onGap(this.#kind, last, block);
      this.#deliver(block);
      return;
    }
    // A finalized chain that was contradicted must not be heard to go back.
    if (this.#kind === 'finalized' && path.retracted.length > 0) {
      this.#onGap(this.#kind, last, block);
      for (const next of path.applied) if (next.number > last.number) this.#deliver(next);
      return;
    }
    for (const next of path.applied) this.#deliver(next);
  }

  /** On a branch that finality has passed by, or an ancestor that was fetched afterwards. */
  #isStale(block: Block): boolean {
    const { finalized, tree } = this.#head;
    if (finalized) {
      if (block.number <= finalized.number) return true;
      const at = tree.ancestorAt(block.hash, finalized.number);
      if (at && at.hash !== finalized.hash) return true;
    }
    return this.#last !== undefined && tree.isAncestor(block.hash, this.#last.hash);
  }

  /** Who follows the best chain is told of another one; the finalized chain waits to be passed. */
  #mayGoBack(): boolean {
    return this.#begunAnew && this.#kind === 'best';
  }

  #deliver(block: Block): void {
    this.#last = block;
    this.#begunAnew = false;
    if (this.#told.has(block.hash)) return;
    this.#told.add(block.hash);
    if (this.#told.size > maxTold) {
      const [oldest] = this.#told;
      this.#told.delete(oldest as string);
    }
    // Of those there are now: who comes meanwhile has begun with this block.
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) guard(listener, block);
    }
  }
}
