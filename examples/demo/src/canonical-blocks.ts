import type { DevBlock, Devnet } from '@dshackle/devnet';
import { hexToU8a } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';

/** The true chain since the devnet began: what applications were told is held against it. */
export class CanonicalBlocks {
  readonly #byHeight = new Map<number, string>();
  /** Hash of the block by hash of the transaction; more than one would be a devnet's fault. */
  readonly #holders = new Map<string, string[]>();
  /** Longest time without a new block, in milliseconds: the devnet's own, whoever is asked. */
  longestPauseMs = 0;
  #lastAtMs = Date.now();

  constructor(devnet: Devnet) {
    devnet.onEvent((event) => {
      if (event.type === 'block') this.#add(event.block);
    });
  }

  /** Hash of the block at a height; `undefined` for those from before it listened. */
  at(height: number): string | undefined {
    return this.#byHeight.get(height);
  }

  /** Hashes of the blocks that hold a transaction, by its hash. */
  holding(transaction: string): readonly string[] {
    return this.#holders.get(transaction) ?? [];
  }

  #add({ number, hash, transactions }: DevBlock): void {
    const nowMs = Date.now();
    this.longestPauseMs = Math.max(this.longestPauseMs, nowMs - this.#lastAtMs);
    this.#lastAtMs = nowMs;
    this.#byHeight.set(number, hash);
    for (const extrinsic of transactions) {
      const transaction = blake2AsHex(hexToU8a(extrinsic));
      this.#holders.set(transaction, [...this.holding(transaction), hash]);
    }
  }
}
