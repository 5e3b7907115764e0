import type { KeyringPair } from '@polkadot/keyring/types';

/** What an application does, by means of one library, while it is connected. */
export interface Application {
  /** What the library told of disconnections, errors and the like; empty while all is well. */
  readonly troubles: readonly string[];
  /** The version of the runtime, by calling it. */
  specVersion(): Promise<number>;
  /** What an account owns. */
  balance(address: string): Promise<bigint>;
  /** Tells what an account owns, now and when that changes; gives what ends it. */
  watchBalance(address: string, onBalance: (free: bigint) => void): Promise<() => unknown>;
  /** Is there such an account? Asked by a request of its own. */
  exists(address: string): Promise<boolean>;
  /** The public keys of all accounts in hex, in the order of the storage keys. */
  allAccounts(): Promise<readonly string[]>;
  /** Tells the heights of blocks; gives what ends it. */
  follow(stream: 'best' | 'finalized', onHeight: (height: number) => void): () => unknown;
  /** Signs, sends and watches a transfer, until it is final. */
  transfer(from: KeyringPair, to: string, amount: bigint): Promise<Transfer>;
  close(): Promise<void>;
}

/** What an application was told of a transfer. */
export interface Transfer {
  /** As the library names them, in order. */
  readonly statuses: readonly string[];
  /** The final block that includes it. */
  readonly blockHash: string;
  /** As in `Balances.Transfer`. */
  readonly events: readonly string[];
}

/** A library in one of the ways it can be connected. */
export interface ApplicationOptions {
  /** Resolves when the application can work. */
  readonly connect: () => Promise<Application>;
  /** Connects without anything kept of another connection. @default connect */
  readonly connectAnew?: () => Promise<Application>;
  /** What stands in the request for the metadata. */
  readonly metadataCall: string;
  /** What stands in the requests by which storage is iterated over, and which of them is mid-way. */
  readonly iteration: { readonly call: string; readonly nth: number };
  /** What a transfer goes through. */
  readonly statuses: readonly string[];
  /** What it may go through besides: passing states that need not be seen. */
  readonly passingStatuses?: readonly string[];
  /** Who pays for its transfers: an index into the accounts, between 0 and 3. */
  readonly payer: number;
}
