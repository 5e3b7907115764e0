import { setTimeout as sleep } from 'node:timers/promises';
import { HeadRecord } from '../head-record.ts';
import type { Client } from './client.ts';
import { TransactionRecord } from './transaction-record.ts';

/** What a {@link Witness} does, and how often. */
export interface WitnessOptions {
  /** Time between two reads, in milliseconds; one of a kind ends before the next of it. @default 50 */
  readonly readEveryMs?: number;
  /** Least time between two transfers, in milliseconds; one ends before the next. @default no transfers */
  readonly transferEveryMs?: number;
}

/** An application that reads, follows and transfers without pause, and writes down what it sees. */
export class Witness {
  readonly #client: Client;
  readonly finalized = new HeadRecord();
  /** Finalized blocks by height, as this application heard them. */
  readonly finalizedHashes = new Map<number, string>();
  readonly #best = new Set<string>();
  /** Best blocks heard twice, by hash. */
  readonly repeatedBlocks: string[] = [];
  /** Best blocks, after the first, whose parent was not heard before them. */
  readonly orphanedBlocks: string[] = [];
  /** Why reads failed, one text each. */
  readonly failures: string[] = [];
  /** Heights that each kind of read without a block spoke of, in the order of the answers. */
  readonly readHeights: readonly number[][];
  readonly transactions: TransactionRecord[] = [];
  /** Reads made so far. */
  calls = 0;
  #reading: Promise<unknown> = Promise.resolve();
  #transferring: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();
  readonly #leave = new AbortController();

  private constructor(client: Client) {
    this.#client = client;
    this.readHeights = client.reads.map(() => []);
  }

  /** Subscribes and begins to read. */
  static async start(client: Client, options: WitnessOptions = {}): Promise<Witness> {
    const witness = new Witness(client);
    await client.follow({
      finalized(hash, height) {
        witness.finalized.note(height);
        witness.finalizedHashes.set(height, hash);
      },
      best: (hash, parent) => witness.#hear(hash, parent),
    });
    const everyMs = (options.readEveryMs ?? 50) * client.reads.length;
    witness.#reading = Promise.all(client.reads.map((_, kind) => witness.#read(kind, everyMs)));
    if (options.transferEveryMs) witness.#transferring = witness.#transfer(options.transferEveryMs);
    return witness;
  }

  get name(): string {
    return this.#client.name;
  }

  /** Best blocks heard so far. */
  get bestBlocks(): number {
    return this.#best.size;
  }

  /** What the library told beside failed calls. */
  get troubles(): readonly string[] {
    return this.#client.troubles;
  }

  /** Begins no further transfer; resolves once the last one has ended. */
  async settle(): Promise<void> {
    this.#stop.abort();
    await this.#transferring;
  }

  /** Ends everything this application began. Does nothing the second time. */
  async stop(): Promise<void> {
    if (this.#leave.signal.aborted) return;
    this.#stop.abort();
    this.#leave.abort();
    await this.#reading;
    await this.#client.close();
  }

  #hear(hash: string, parent: string): void {
    if (this.#best.has(hash)) this.repeatedBlocks.push(hash);
    const isOrphan = this.#best.size > 0 && !this.#best.has(parent);
    if (isOrphan && !this.#client.skipsBest) this.orphanedBlocks.push(hash);
    this.#best.add(hash);
  }

  async #read(kind: number, everyMs: number): Promise<void> {
    while (!this.#leave.signal.aborted) {
      const pause = sleep(everyMs);
      this.calls += 1;
      try {
        const height = await this.#client.reads[kind]?.();
        if (height !== undefined) this.readHeights[kind]?.push(height);
      } catch (error) {
        this.failures.push(String(error));
      }
      await pause;
    }
  }

  async #transfer(everyMs: number): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const record = new TransactionRecord();
      this.transactions.push(record);
      const pause = sleep(everyMs, undefined, { signal }).catch(() => undefined);
      await this.#client.transfer(record);
      await record.settled();
      await pause;
    }
  }
}
