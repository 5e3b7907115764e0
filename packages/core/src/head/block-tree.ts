import type { Block } from '../chain/chain.ts';

/** Options of {@link BlockTree}. */
export interface BlockTreeOptions {
  /**
   * How many blocks are kept. Past it the lowest are forgotten, so a tree that nobody prunes still
   * stays bounded; but first those of a witness who alone has told of very many. @default 4096
   */
  readonly maxBlocks?: number;
  /** So many blocks a witness may have told of alone before these make room. @default 256 */
  readonly maxUnconfirmed?: number;
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
 *
 * Who tells of a block is its witness. A header costs nothing to invent, so what one witness alone
 * has told of pushes out its own blocks, and never those that others know.
 */
export class BlockTree {
  readonly #blocks = new Map<string, Block>();
  readonly #byNumber = new Map<number, Block[]>();
  readonly #maxBlocks: number;
  readonly #maxUnconfirmed: number;
  /** The only witness of a block so far. */
  readonly #witness = new Map<string, object>();
  /** Of what each is the only witness, oldest first. */
  readonly #unconfirmed = new Map<object, Set<string>>();
  #lowest = Number.POSITIVE_INFINITY;

  constructor(options: BlockTreeOptions = {}) {
    this.#maxBlocks = options.maxBlocks ?? 4096;
    this.#maxUnconfirmed = options.maxUnconfirmed ?? 256;
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

  /** Adds a block that this witness tells of; false when it was known. */
  add(block: Block, witness: object): boolean {
    if (this.#blocks.has(block.hash)) {
      if (this.#witness.get(block.hash) !== witness) this.#settle(block.hash);
      return false;
    }
    this.#blocks.set(block.hash, block);
    this.#witness.set(block.hash, witness);
    const alone = this.#unconfirmed.get(witness);
    if (alone) alone.add(block.hash);
    else this.#unconfirmed.set(witness, new Set([block.hash]));
    const level = this.#byNumber.get(block.number);
    if (level) level.push(block);
    else this.#byNumber.set(block.number, [block]);
    if (block.number < this.#lowest) this.#lowest = block.number;
    while (this.#blocks.size > this.#maxBlocks) this.#makeRoom();
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

  #makeRoom(): void {
    let most: Set<string> | undefined;
    for (const alone of this.#unconfirmed.values()) {
      if (most === undefined || alone.size > most.size) most = alone;
    }
    const [oldest] = most && most.size > this.#maxUnconfirmed ? most : [];
    if (oldest === undefined) this.#dropLowest();
    else this.#drop(oldest);
  }

  #drop(hash: string): void {
    const block = this.#blocks.get(hash);
    if (!block) return;
    this.#blocks.delete(hash);
    this.#settle(hash);
    const level = this.#byNumber.get(block.number)?.filter((other) => other !== block) ?? [];
    if (level.length > 0) this.#byNumber.set(block.number, level);
    else this.#byNumber.delete(block.number);
  }

  /** The block is no longer what one witness alone tells of. */
  #settle(hash: string): void {
    const witness = this.#witness.get(hash);
    if (witness === undefined) return;
    this.#witness.delete(hash);
    const alone = this.#unconfirmed.get(witness);
    alone?.delete(hash);
    if (alone?.size === 0) this.#unconfirmed.delete(witness);
  }

  #dropLowest(): void {
    const number = this.#lowestTaken();
    for (const { hash } of this.#byNumber.get(number) ?? []) {
      this.#blocks.delete(hash);
      this.#settle(hash);
    }
    this.#byNumber.delete(number);
    this.#lowest = this.#byNumber.size === 0 ? Number.POSITIVE_INFINITY : number + 1;
  }
}
