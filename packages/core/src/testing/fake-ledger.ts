import type { Block } from '../chain/chain.ts';

/** All blocks that the fake nodes of one test may have: a tree that grows on command. */
export class FakeLedger {
  readonly #blocks = new Map<string, Block>();
  /** What each block wrote, by its hash. */
  readonly #writes = new Map<string, Readonly<Record<string, unknown>>>();
  /** Of each block that has any. */
  readonly #transactions = new Map<string, readonly string[]>();
  readonly genesis: Block;
  #head: Block;
  #forks = 0;

  /** Ledgers with different names have different hashes from genesis on. */
  constructor(name = 'a') {
    this.genesis = this.#make(0, name, '0x00');
    this.#head = this.genesis;
  }

  /** The newest block of the main branch. */
  get head(): Block {
    return this.#head;
  }

  /** Mines `count` blocks on the main branch; returns the last. */
  mine(count = 1): Block {
    for (let i = 0; i < count; i += 1) this.#head = this.mineOn(this.#head);
    return this.#head;
  }

  /** Mines one block on any block, off the main branch; every call makes another block. */
  fork(parent: Block): Block {
    this.#forks += 1;
    return this.#make(parent.number + 1, `f${this.#forks}`, parent.hash);
  }

  /** The one child of `parent` on the main branch of names. */
  mineOn(parent: Block): Block {
    const name = parent.hash.split('-').at(-1) as string;
    return this.#make(parent.number + 1, name, parent.hash);
  }

  /** Lets a block write values, before anybody is shown it. */
  write(block: Block, values: Readonly<Record<string, unknown>>): void {
    this.#writes.set(block.hash, { ...this.#writes.get(block.hash), ...values });
  }

  /** The value of a key at a block; null where none was written. */
  read(block: Block, key: string): unknown {
    let at: Block | undefined = block;
    while (at) {
      const values = this.#writes.get(at.hash);
      if (values && key in values) return values[key];
      at = this.#blocks.get(at.parentHash);
    }
    return null;
  }

  get(hash: string): Block | undefined {
    return this.#blocks.get(hash);
  }

  /** The ancestor of `block` at that height. */
  ancestor(block: Block, number: number): Block | undefined {
    let at: Block | undefined = block;
    while (at && at.number > number) at = this.#blocks.get(at.parentHash);
    return at?.number === number ? at : undefined;
  }

  /** Puts transactions into a block. */
  include(block: Block, ...transactions: readonly string[]): void {
    this.#transactions.set(block.hash, transactions);
  }

  /** The transactions of a block. */
  transactions(hash: string): readonly string[] {
    return this.#transactions.get(hash) ?? [];
  }

  #make(number: number, name: string, parentHash: string): Block {
    const hash = `0x${number}-${name}`;
    const header = JSON.stringify({ number, hash, parentHash });
    const block = { number, hash, parentHash, header };
    this.#blocks.set(hash, block);
    return block;
  }
}
