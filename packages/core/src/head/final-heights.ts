import type { BlockId } from '../chain/chain.ts';

/** About twelve hours of six-second blocks, in about a megabyte. */
const defaultLimit = 8192;

/**
 * Heights of final blocks by hash, for longer than the block tree keeps the blocks themselves: calls
 * name old blocks by hash, and only the height tells who still has them.
 */
export class FinalHeights {
  readonly #limit: number;
  /** In the order of their heights. */
  readonly #heights = new Map<string, number>();

  /** `limit`: how many are kept; past it the lowest are forgotten. */
  constructor(limit: number = defaultLimit) {
    this.#limit = limit;
  }

  /** The lowest one kept; `undefined` when there is none. */
  get lowest(): number | undefined {
    const [lowest] = this.#heights.values();
    return lowest;
  }

  has(hash: string): boolean {
    return this.#heights.has(hash);
  }

  get(hash: string): number | undefined {
    return this.#heights.get(hash);
  }

  /** Adds blocks above all that are kept, lowest first. */
  add(blocks: readonly BlockId[]): void {
    for (const { hash, number } of blocks) this.#heights.set(hash, number);
    while (this.#heights.size > this.#limit) {
      const [oldest] = this.#heights.keys();
      this.#heights.delete(oldest as string);
    }
  }

  clear(): void {
    this.#heights.clear();
  }
}
