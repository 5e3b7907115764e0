import type { Block } from '../chain/chain.ts';
import type { Transaction } from '../chain/submissions.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { BlockBodies } from './block-bodies.ts';

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
  /** It is in no block up to this one, the pool's best. */
  onAbsent(best: Block): void;
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
 *    tried again when the head moves next.
 * 2. Once found, no block is searched while its own stays on the best chain.
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

  /** False once blocks were passed over, because the pool does not know the way to them. */
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
        this.#last = block;
        if (head.isFinal(block.hash)) this.#finish(place);
        return;
      }
      if (head.tree.isAncestor(best.hash, block.hash)) return;
      this.#retract(place);
    }
    if (!(await this.#search(best))) return;
    // What was found may be final already.
    if (this.#place && head.tree.has(this.#place.hash)) this.#isDue = true;
    else observer.onAbsent(best);
  }

  /** Searches the blocks up to `best`; false when it could not get to its end. */
  async #search(best: Block): Promise<boolean> {
    const { head, bodies, transaction, observer } = this.#options;
    const from = this.#last;
    // Without a head at the submission there is nowhere to begin: the first one known has to do.
    const path = from === undefined ? undefined : head.tree.path(from.hash, best.hash);
    if (path === undefined) this.#isComplete = false;
    for (const block of path?.applied ?? [best]) {
      let body: readonly string[];
      try {
        body = await bodies.get(block.hash);
      } catch {
        // No upstream gives it now: the next movement of the head is the next try.
        return false;
      }
      if (this.#isOver) return false;
      this.#last = block;
      const index = body.indexOf(transaction.body);
      if (index < 0) continue;
      // What an upstream named, and nobody else knows, was no block of this chain.
      if (this.#place && this.#place.hash !== block.hash) this.#retract(this.#place);
      const isNews = this.#place === undefined;
      this.#place = { hash: block.hash, index };
      if (isNews) observer.onIncluded(this.#place);
      return !this.#isOver;
    }
    return true;
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
