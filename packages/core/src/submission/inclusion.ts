import type { Block } from '../chain/chain.ts';
import type { Transaction } from '../chain/submissions.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { BlockBodies } from './block-bodies.ts';

/** A block whose body nobody gives is passed over when the best one is this many above it. */
const patienceBlocks = 16;

/** Where a transaction is: the block, and its place in the body. */
export interface Place {
  readonly hash: string;
  /** `undefined` when only an upstream's word for the block is known, and not the body. */
  readonly index: number | undefined;
}

/** What an {@link Inclusion} finds out, in this order, any number of times until it is final. */
export interface InclusionObserver {
  /** The transaction is in this block of the best chain. */
  onIncluded(place: Place): void;
  /** The block it was in has left the best chain. */
  onRetracted(place: Place): void;
  /** The block it is in is final. Nothing follows. */
  onFinalized(place: Place): void;
  /** It is in no block up to this one: the pool's best, or the last whose body could be had. */
  onAbsent(searched: Block): void;
}

/** What an {@link Inclusion} is made of. */
export interface InclusionOptions {
  readonly head: ChainHead;
  readonly bodies: BlockBodies;
  readonly transaction: Transaction;
  /** The best block when it was submitted: it is looked for above that. */
  readonly since: Block | undefined;
  /** The block that an upstream said it is in. @default none */
  readonly place?: Place | undefined;
  readonly observer: InclusionObserver;
}

/**
 * Follows one transaction along the pool's best chain.
 *
 * 1. Every block above `since` is searched once, parents first; one whose body cannot be had is
 *    tried again when the head moves next, until that is 16 blocks above it.
 * 2. Once found, no block is searched while its own stays on the best chain.
 *    An upstream's word for a block is checked against the body.
 * 3. A best head that steps back below it decides nothing; one on another branch takes it back, and
 *    the search goes on there.
 */
export class Inclusion {
  readonly #options: InclusionOptions;
  readonly #stops: readonly (() => void)[];
  /** Searched up to here. */
  #last: Block | undefined;
  #place: Place | undefined;
  #isComplete = true;
  /** The place was found in a body, and is not just an upstream's word. */
  #isProven = false;
  #isRunning = false;
  #isDue = false;
  #isOver = false;

  constructor(options: InclusionOptions) {
    this.#options = options;
    this.#last = options.since;
    this.#place = options.place;
    const look = (): void => this.look();
    const { events } = options.head;
    this.#stops = [events.on('best', look), events.on('finalized', look)];
  }

  /** Where it is, as far as told. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** False once blocks were passed over: the pool does not know the way to them, or nobody gave their bodies. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Looks at the chain as it is now; the observer is told later, never before this returns. */
  look(): void {
    if (this.#isOver) return;
    this.#isDue = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Ends it; nothing is told afterwards. Safe to call twice. */
  close(): void {
    this.#isOver = true;
    for (const stop of this.#stops) stop();
  }

  async #run(): Promise<void> {
    // Who closes a balancer or takes a subscription down must not meet it half way.
    await Promise.resolve();
    while (this.#isDue && !this.#isOver) {
      this.#isDue = false;
      await this.#step();
    }
    this.#isRunning = false;
  }

  async #step(): Promise<void> {
    const { head, observer } = this.#options;
    const { best } = head;
    if (!best) return;
    const place = this.#place;
    const block = place && head.tree.get(place.hash);
    if (place && block) {
      if (head.tree.isAncestor(block.hash, best.hash)) {
        if (!this.#isProven && !(await this.#prove(place, best))) return;
        // What was said to be there, and is not, may be in any block.
        if (this.#place === undefined) this.#isDue = true;
        else this.#last = block;
        if (this.#place && head.isFinal(block.hash)) this.#finish(this.#place);
        return;
      }
      if (head.tree.isAncestor(best.hash, block.hash)) return;
      this.#retract(place);
    }
    await this.#search(best);
    if (this.#isOver) return;
    // What was found may be final already.
    if (this.#place && head.tree.has(this.#place.hash)) this.#isDue = true;
    else if (this.#last) observer.onAbsent(this.#last);
  }

  /** Searches the blocks up to `best`, as far as their bodies can be had now. */
  async #search(best: Block): Promise<void> {
    const { head, observer } = this.#options;
    const from = this.#last;
    // Without a head at the submission there is nowhere to begin: the first one known has to do.
    const path = from === undefined ? undefined : head.tree.path(from.hash, best.hash);
    if (path === undefined) this.#isComplete = false;
    for (const block of path?.applied ?? [best]) {
      const index = await this.#indexIn(block, best);
      if (index === undefined) return;
      this.#last = block;
      if (index < 0) continue;
      // What an upstream named, and nobody else knows, was no block of this chain.
      if (this.#place && this.#place.hash !== block.hash) this.#retract(this.#place);
      const isNews = this.#place === undefined;
      this.#place = { hash: block.hash, index };
      this.#isProven = true;
      if (isNews) observer.onIncluded(this.#place);
      return;
    }
  }

  /** Checks an upstream's word, and takes it back where it is not true; false when that has to wait. */
  async #prove(place: Place, best: Block): Promise<boolean> {
    const block = this.#options.head.tree.get(place.hash);
    const index = block && (await this.#indexIn(block, best));
    if (index === undefined) return false;
    if (index < 0) {
      this.#retract(place);
      return !this.#isOver;
    }
    this.#place = { hash: place.hash, index };
    this.#isProven = true;
    return true;
  }

  /** Its place in a body, -1 for none; `undefined` when nobody gives the body now, or it is over. */
  async #indexIn(block: Block, best: Block): Promise<number | undefined> {
    const { bodies, transaction } = this.#options;
    let index = -1;
    try {
      index = (await bodies.get(block.hash)).indexOf(transaction.body);
    } catch {
      // The next movement of the head is the next try, as long as there is hope.
      if (best.number - block.number < patienceBlocks) return undefined;
      this.#isComplete = false;
    }
    return this.#isOver ? undefined : index;
  }

  #retract(place: Place): void {
    this.#place = undefined;
    this.#options.observer.onRetracted(place);
  }

  #finish(place: Place): void {
    this.close();
    this.#options.observer.onFinalized(place);
  }
}
