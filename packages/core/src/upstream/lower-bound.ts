import type { BlockData } from '../chain/chain.ts';

/** What a call needs of an upstream's history. */
export interface HistoryNeed {
  /** What the upstream must still have of block `oldest`. @default nothing */
  data?: BlockData | undefined;
  /** Height of the oldest block that the call speaks of. @default nobody knows */
  oldest?: number | undefined;
  /**
   * The block is not known by its hash, so `oldest` is only where it is at most: it decides who is
   * asked first, and keeps nobody from being asked. @default false
   */
  isGuess?: boolean | undefined;
}

/**
 * How far errors are believed, in blocks: so much a bound may have moved by itself since it was
 * searched, and so much just below the head whoever is there has, or will in a moment.
 */
const fewBlocks = 16;

const unknown = -1;
const fixed = -1;

/**
 * The oldest block of which one upstream still has some data (dshackle and others: lower bound). A
 * search finds it, errors correct it, and it moves with the upstream's head where old data is thrown
 * away as new blocks come.
 */
export class LowerBound {
  #oldest = unknown;
  /** How many blocks it stays behind the head; `fixed` when it does not move. */
  #depth = fixed;
  /** What the last search found, and where the head was then. */
  #found: { readonly oldest: number; readonly head: number } | undefined;
  #doubted = false;

  /** An error contradicts the last search by more than a few blocks: it should be made again. */
  get isDoubted(): boolean {
    return this.#doubted;
  }

  /** Height of the oldest block while the head is at `head`; 0 for all, `undefined` if unknown. */
  oldest(head: number): number | undefined {
    return this.#oldest === unknown ? undefined : this.#at(head);
  }

  /** Surely gone? A bound that is not known excludes nothing. */
  excludes(height: number, head: number): boolean {
    return this.#oldest !== unknown && height < this.#at(head);
  }

  /**
   * Takes what a search found. A bound above the first blocks is taken for one that moves, until a
   * later search finds it where it was: a history that begins late, of a node that keeps all.
   */
  settle(oldest: number, head: number): void {
    const last = this.#found;
    const stood = last !== undefined && last.oldest === oldest && last.head < head;
    this.#oldest = oldest;
    this.#depth = oldest <= 1 || stood ? fixed : head - oldest;
    this.#found = { oldest, head };
    this.#doubted = false;
  }

  /**
   * Takes an error's word that the block at `height` is gone, and so all before it; never the last few
   * blocks, which the head makes sure of. Where a search found otherwise by far, one error alone is
   * not believed (an upstream that keeps all would be lost by it), but the bound is doubted.
   */
  raise(height: number, head: number): void {
    const before = this.#oldest === unknown ? 0 : this.#at(head);
    const oldest = Math.min(height + 1, head - fewBlocks);
    if (oldest <= before) return;
    if (this.#found !== undefined && oldest - before > fewBlocks) {
      this.#doubted = true;
      return;
    }
    this.#oldest = oldest;
    this.#depth = head - oldest;
  }

  /** Leaves it at what was found although an error contradicts it: a new search led to nothing. */
  acquit(): void {
    this.#doubted = false;
  }

  /** Knows nothing again: another node may be at the other end. */
  forget(): void {
    this.#oldest = unknown;
    this.#depth = fixed;
    this.#found = undefined;
    this.#doubted = false;
  }

  /** Never back, whatever the head does: what was thrown away stays away. */
  #at(head: number): number {
    return this.#depth === fixed ? this.#oldest : Math.max(this.#oldest, head - this.#depth);
  }
}
