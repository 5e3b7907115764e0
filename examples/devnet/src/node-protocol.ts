import type { Genesis } from './genesis.ts';

/** A block by its position on a chain. */
export interface BlockRef {
  readonly number: number;
  readonly hash: string;
}

/** A block as the controller keeps it and nodes exchange it. */
export interface BlockRecord extends BlockRef {
  readonly parentHash: string;
  /** SCALE-encoded, hex. */
  readonly header: string;
  /** Inherents and transactions, hex, in order. */
  readonly extrinsics: readonly string[];
  /** What executing the block changed in the state. */
  readonly storageDiff: Readonly<Record<string, string>>;
  /** What the block was asked to include. */
  readonly transactions: readonly string[];
  /** Those of `transactions` the runtime refused, with what a watcher is told. */
  readonly dropped: readonly { readonly extrinsic: string; readonly status: unknown }[];
}

/** A transaction some node accepted into its pool. */
export interface PooledTransaction {
  /** The signed extrinsic, hex. */
  readonly extrinsic: string;
  /** SS58 address. */
  readonly signer: string;
  readonly nonce: number;
}

/** What a node says of itself once it serves. */
export interface NodeIdentity {
  readonly port: number;
  readonly genesisHash: string;
  /** Chopsticks builds block 1 by itself. */
  readonly firstBlock: Omit<BlockRecord, 'transactions' | 'dropped'>;
}

/** The calls a node process answers over its IPC channel: name → [params, result]. */
export interface NodeCalls {
  /** Starts the chain and its server. Once. */
  boot: [{ genesis: Genesis; host: string; port: number; finalityLag: number }, NodeIdentity];
  /** The node's own head. */
  head: [Record<string, never>, BlockRef];
  /** Which of the pool can go into the next block, in order. */
  select: [{ pool: readonly PooledTransaction[] }, readonly string[]];
  /**
   * Executes the next block on top of the head, which must be `parentHash`. The node stays where
   * it is: whoever gave up waiting for the answer has left no trace.
   */
  build: [{ parentHash: string; transactions: readonly string[] }, BlockRecord];
  /** Makes a canonical block the head; its parent must be known. */
  import: [{ block: BlockRecord }, string];
  /** Executes an empty block of its own on top of the head and makes it the head. */
  fork: [Record<string, never>, BlockRef];
  /** Adds what other nodes accepted to the node's pool. */
  pool: [{ transactions: readonly string[] }, null];
}

/** Name of a call of {@link NodeCalls}. */
export type NodeCall = keyof NodeCalls;

/** What a node process says unasked. */
export interface NodeEvent {
  readonly event: 'transaction';
  readonly transaction: PooledTransaction;
}

/** The answer to a call. */
export type NodeAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };
