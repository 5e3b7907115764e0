import type { PresentValue } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { RawJson } from '../json-rpc/message.ts';
import type { DeadlineHandle, Deadlines } from '../time/deadlines.ts';

/** Options of {@link UnplacedItems}. */
export interface UnplacedItemsOptions {
  readonly present: PresentValue;
  readonly head: ChainHead;
  readonly deadlines: Deadlines;
  /** Told each item in the order in which they came. */
  readonly onItem: (item: RawJson) => void;
}

/** How long an item waits for its block, in milliseconds: a node tells both within moments. */
const patienceMs = 2_000;
/** Items that may wait; one more, and none waits any longer. */
const maxItems = 64;

/**
 * Items about blocks that the pool has not heard of yet wait here until it has: an upstream may be the
 * only one that has such a block, and be gone before anybody else could place it; the value would then
 * seem to go back. Who is lost takes its waiting items along. An upstream whose heads are silent for
 * longer than its items is believed after a while.
 */
export class UnplacedItems {
  readonly #options: UnplacedItemsOptions;
  #items: RawJson[] = [];
  #deadline: DeadlineHandle | undefined;

  constructor(options: UnplacedItemsOptions) {
    this.#options = options;
  }

  /** Passes an item on, at once if its block is known and nothing waits before it. */
  take(item: RawJson): void {
    if (this.#items.length === 0 && this.#isPlaced(item)) {
      this.#options.onItem(item);
      return;
    }
    this.#items.push(item);
    if (this.#items.length > maxItems) this.#passAll();
    else this.#arm();
  }

  /** The pool has heard of a block. */
  onBlock(): void {
    while (this.#items[0] !== undefined && this.#isPlaced(this.#items[0])) {
      this.#options.onItem(this.#items.shift() as RawJson);
    }
    if (this.#items.length === 0) this.clear();
  }

  /** Forgets what waits: its upstream is gone. */
  clear(): void {
    this.#items = [];
    if (this.#deadline !== undefined) this.#options.deadlines.cancel(this.#deadline);
    this.#deadline = undefined;
  }

  #isPlaced(item: RawJson): boolean {
    const { present, head } = this.#options;
    let hash: string | undefined;
    try {
      hash = present.blockOf?.(item);
    } catch {
      // Nonsense: whoever takes it says so.
    }
    return hash === undefined || head.numberOf(hash) !== undefined;
  }

  #arm(): void {
    this.#deadline ??= this.#options.deadlines.add(patienceMs, () => {
      this.#deadline = undefined;
      this.#passAll();
    });
  }

  #passAll(): void {
    const items = this.#items;
    this.clear();
    for (const item of items) this.#options.onItem(item);
  }
}
