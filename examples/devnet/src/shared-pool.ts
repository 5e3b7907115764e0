import type { PooledTransaction } from './node-protocol.ts';

/** The transactions the whole network knows and no block has settled. */
export class SharedPool {
  readonly #transactions = new Map<string, PooledTransaction>();

  /** True when it was new. */
  add(transaction: PooledTransaction): boolean {
    if (this.#transactions.has(transaction.extrinsic)) return false;
    this.#transactions.set(transaction.extrinsic, transaction);
    return true;
  }

  /** Forgets what a block included or refused. */
  remove(extrinsics: readonly string[]): void {
    for (const extrinsic of extrinsics) this.#transactions.delete(extrinsic);
  }

  /** All that wait, by arrival. */
  values(): readonly PooledTransaction[] {
    return [...this.#transactions.values()];
  }
}
