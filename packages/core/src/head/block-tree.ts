import type { Block } from '../chain/chain.ts';

/** Options of {@link BlockTree}. */
export interface BlockTreeOptions {
  /**
   * How many blocks are kept. Past it the lowest are forgotten, so a tree that nobody prunes still
   * stays bounded. @default 4096
   */
  readonly maxBlocks?: number;
}

/** The way from one block to another. */
export interface BlockPath {
  /** Blocks left behind, highest first. */
  readonly retracted: readonly Block[];
  /** Blocks entered, in chain order. */
  readonly applied: readonly Block[];
}

/**
 * The known blocks of one chain, linked by parent hash. It may hold several roots: blocks whose
 * parents are not known (yet, or any more).
 */
export class BlockTree {
  readonly #blocks = new Map<string, Block>();
  readonly #byNumber = new Map<number, Block[]>();
  readonly #maxBlocks: number;
  #lowest = Number.POSITIVE_INFINITY;

  constructor(options: BlockTreeOptions = {}) {
    this.#maxBlocks = options.maxBlocks ?? 4096;
  }

  get size(): number {
    return this.#blocks.size;
  }

  /** No known block is lower; infinite when none is known. */
  get lowest(): number {
    return this.#lowest;
  }

  get(hash: string): Block | undefined {
    return this.#blocks.get(hash);
  }

  has(hash: string): boolean {
    return this.#blocks.has(hash);
  }

  /** Every known block of that height. */
  at(number: number): readonly Block[] {
    return this.#byNumber.get(number) ?? [];
  }

  /** Adds a block; false when it was known. */
  add(block: Block): boolean {
    if (this.#blocks.has(block.hash)) return false;
    this.#blocks.set(block.hash, block);
    const level = this.#byNumber.get(block.number);
    if (level) level.push(block);
    else this.#byNumber.set(block.number, [block]);
    if (block.number < this.#lowest) this.#lowest = block.number;
    while (this.#blocks.size > this.#maxBlocks) this.#dropLowest();
    return true;
  }

  /** True when `ancestor` is `descendant` or reached from it by known parents. */
  isAncestor(ancestor: string, descendant: string): boolean {
    if (ancestor === descendant) return true;
    const goal = this.#blocks.get(ancestor);
    return goal !== undefined && this.ancestorAt(descendant, goal.number)?.hash === ancestor;
  }

  /** The ancestor of `hash` at that height, itself included; `undefined` when not known. */
  ancestorAt(hash: string, number: number): Block | undefined {
    let block = this.#blocks.get(hash);
    while (block && block.number > number) block = this.#parentOf(block);
    return block?.number === number ? block : undefined;
  }

  /** The way between two known blocks; `undefined` when they have no known common ancestor. */
  path(from: string, to: string): BlockPath | undefined {
    let old = this.#blocks.get(from);
    let next = this.#blocks.get(to);
    const retracted: Block[] = [];
    const applied: Block[] = [];
    while (old && next && old.hash !== next.hash) {
      // Step down on the higher side; on equal heights both are off the common chain.
      const [oldNumber, nextNumber]: [number, number] = [old.number, next.number];
      if (nextNumber >= oldNumber) {
        applied.push(next);
        next = this.#parentOf(next);
      }
      if (oldNumber >= nextNumber) {
        retracted.push(old);
        old = this.#parentOf(old);
      }
    }
    if (!old || !next) return undefined;
    return { retracted, applied: applied.reverse() };
  }

  /** Forgets every block below that height. */
  pruneBelow(number: number): void {
    while (this.#lowestTaken() < number) this.#dropLowest();
  }

  /** One lower, or not known: hashes that nobody can verify may make a ring of lies. */
  #parentOf({ number, parentHash }: Block): Block | undefined {
    const parent = this.#blocks.get(parentHash);
    return parent?.number === number - 1 ? parent : undefined;
  }

  /** Exactly where the lowest known blocks are: heights may have holes. */
  #lowestTaken(): number {
    if (this.#blocks.size > 0 && !this.#byNumber.has(this.#lowest)) {
      this.#lowest = Math.min(...this.#byNumber.keys());
    }
    return this.#lowest;
  }

  #dropLowest(): void {
    const number = this.#lowestTaken();
    for (const block of this.#byNumber.get(number) ?? []) this.#blocks.delete(block.hash);
    this.#byNumber.delete(number);
    this.#lowest = this.#byNumber.size === 0 ? Number.POSITIVE_INFINITY : number + 1;
  }
}
