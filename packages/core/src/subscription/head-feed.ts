import type { Block, FeedKind } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { guard } from '../transport/guard.ts';

/** Told of one block. */
export type BlockListener = (block: Block) => void;

/** Told when a hole in the chain could not be filled. */
export type GapListener = (kind: FeedKind, from: Block, to: Block) => void;

/**
 * One stream of blocks for any number of subscribers, fed by the pool's head and so independent of
 * any single upstream: every block once, parents first.
 *
 * - `best`: the best chain; after a reorg the blocks of the new branch.
 * - `finalized`: every finalized block; never goes back.
 * - `all`: every block of any branch, in the order of arrival.
 */
export class HeadFeed {
  readonly #kind: FeedKind;
  readonly #head: ChainHead;
  readonly #onGap: GapListener;
  readonly #listeners = new Set<BlockListener>();
  readonly #stop: () => void;
  /** The block delivered last. */
  #last: Block | undefined;

  constructor(kind: FeedKind, head: ChainHead, onGap: GapListener) {
    this.#kind = kind;
    this.#head = head;
    this.#onGap = onGap;
    this.#last = this.#current();
    const event = kind === 'all' ? 'block' : kind;
    this.#stop = head.events.on(event, (block) => this.#advance(block));
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  /** Delivers the current block (as a node does), then all that follow. */
  subscribe(listener: BlockListener): () => void {
    this.#listeners.add(listener);
    if (this.#last) guard(listener, this.#last);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#stop();
    this.#listeners.clear();
  }

  #current(): Block | undefined {
    return this.#kind === 'finalized' ? this.#head.finalized : this.#head.best;
  }

  #advance(block: Block): void {
    const last = this.#last;
    if (this.#kind === 'all' || !last) {
      this.#deliver(block);
      return;
    }
    const path = this.#head.tree.path(last.hash, block.hash);
    if (!path) {
      // Too far to fill: the hole is told, not hidden.
      if (block.number <= last.number) return;
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

  #deliver(block: Block): void {
    this.#last = block;
    for (const listener of this.#listeners) guard(listener, block);
  }
}
