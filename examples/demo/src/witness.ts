import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiPromise } from '@polkadot/api';
import { HeadRecord } from './head-record.ts';

/** Time between two reads, in milliseconds: with two subscriptions each, twenty calls a second. */
const readEveryMs = 50;

/** A polkadot-js application that reads and follows without pause, and writes down what it sees. */
export class Witness {
  readonly api: ApiPromise;
  readonly finalized = new HeadRecord();
  readonly #best = new Set<string>();
  /** Best blocks heard twice, by hash. */
  readonly repeatedBlocks: string[] = [];
  /** Best blocks, after the first, whose parent was not heard before them. */
  readonly orphanedBlocks: string[] = [];
  /** Why reads failed, one text each. */
  readonly failures: string[] = [];
  /** Heights that a read without a block spoke of, in the order of the answers. */
  readonly readHeights: number[] = [];
  /** Reads made so far. */
  calls = 0;
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(api: ApiPromise) {
    this.api = api;
  }

  /** Subscribes and begins to read. */
  static async start(api: ApiPromise): Promise<Witness> {
    const witness = new Witness(api);
    await api.rpc.chain.subscribeFinalizedHeads((head) =>
      witness.finalized.note(head.number.toNumber()),
    );
    await api.rpc.chain.subscribeNewHeads((head) => {
      witness.#hear(head.hash.toHex(), head.parentHash.toHex());
    });
    witness.#reading = witness.#read();
    return witness;
  }

  /** Ends everything this application began. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#reading;
    await this.api.disconnect();
  }

  #hear(hash: string, parent: string): void {
    if (this.#best.has(hash)) this.repeatedBlocks.push(hash);
    if (this.#best.size > 0 && !this.#best.has(parent)) this.orphanedBlocks.push(hash);
    this.#best.add(hash);
  }

  async #read(): Promise<void> {
    while (!this.#stopped) {
      this.calls += 1;
      try {
        const header = await this.api.rpc.chain.getHeader();
        this.readHeights.push(header.number.toNumber());
      } catch (error) {
        this.failures.push(String(error));
      }
      await sleep(readEveryMs);
    }
  }
}
