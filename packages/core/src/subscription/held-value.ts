import type { BlockId, PresentValue } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { RawJson } from '../json-rpc/message.ts';

/**
 * The value of one shared subscription and the block at which it is known to hold. What speaks of an
 * ancestor of that block comes late, from a slower upstream, and is not taken.
 */
export class HeldValue {
  readonly #present: PresentValue;
  readonly #head: ChainHead;
  readonly #kept: ReturnType<PresentValue['keep']>;
  /** The newest block that was taken, and the newest of those whose place in the chain is known. */
  #hash: string | undefined;
  #placed: string | undefined;
  #height = -1;

  constructor(present: PresentValue, head: ChainHead) {
    this.#present = present;
    this.#head = head;
    this.#kept = present.keep();
  }

  /** All of it, as a late subscriber hears it; `undefined` before anything was taken. */
  get whole(): RawJson | undefined {
    return this.#kept.whole;
  }

  /** Height of a block at which it holds; -1 while no height is known. */
  get height(): number {
    return this.#height;
  }

  /**
   * Takes an item; says what subscribers are to hear of it, or `undefined` for nothing.
   *
   * @param at the block at which it holds, where the caller knows. @default what the item says
   * @param floor height that whoever sent it has reached
   * @throws Error when it is no such item
   */
  take(item: RawJson, at: BlockId | undefined, floor: number): RawJson | undefined {
    const hash = at?.hash ?? this.#present.blockOf?.(item);
    if (hash !== undefined && this.#isPast(hash)) return undefined;
    const news = this.#kept.take(item);
    const number = at?.number ?? (hash === undefined ? undefined : this.#head.numberOf(hash));
    if (hash !== undefined) {
      this.#hash = hash;
      // Another's head may be heard of before this block is.
      if (number !== undefined) this.#placed = hash;
    }
    this.#height = number ?? Math.max(this.#height, floor);
    return news;
  }

  #isPast(hash: string): boolean {
    if (hash === this.#hash) return false;
    return [this.#hash, this.#placed].some(
      (held) => held !== undefined && this.#head.isAncestor(hash, held),
    );
  }
}
