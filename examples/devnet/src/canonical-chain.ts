import type { BlockRecord } from './node-protocol.ts';

/** The chain everybody should be on: one block a height, from block 1. */
export class CanonicalChain {
  readonly #records: BlockRecord[];

  constructor(first: BlockRecord) {
    this.#records = [first];
  }

  /** The newest block. */
  get head(): BlockRecord {
    return this.#records.at(-1) as BlockRecord;
  }

  /** The block of that height, which must be there. */
  at(number: number): BlockRecord {
    const record = this.#records[number - 1];
    if (!record) throw new Error(`[no such block] ${number}`);
    return record;
  }

  /** Extends the chain by one block. */
  append(record: BlockRecord): void {
    if (record.parentHash !== this.head.hash) {
      throw new Error(`[wrong parent] ${record.number} ${record.hash}`);
    }
    this.#records.push(record);
  }
}
