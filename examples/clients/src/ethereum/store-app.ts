/** One client library over one door, which uses a contract of its own. */
export interface StoreApp {
  /** As in "ethers over HTTP". */
  readonly name: string;
  /** Values that its listener was told of and that were not taken back, in that order. */
  readonly heard: readonly number[];
  /** Has it a connection of its own, so that what it reads is never older than what it saw? */
  readonly hasSession: boolean;
  /** Is its listener told of what a reorganisation takes back? */
  readonly hearsRemovals: boolean;
  /** Reads that need no contract; rejects when an answer is not what it should be. */
  read(): Promise<void>;
  /** Puts the contract on the chain, listens to it, and makes a filter of its logs. */
  deploy(): Promise<void>;
  /** Sends the value, and resolves with what waits until it is in a block. */
  send(value: number): Promise<() => Promise<void>>;
  /** The value that the contract has now. */
  value(): Promise<number>;
  /** The values in all logs of the contract. */
  past(): Promise<readonly number[]>;
  /** The values in the logs since it was last asked; negative where they were taken back. */
  changes(): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** What each of them needs. */
export interface StoreAppOptions {
  readonly name: string;
  /** Which of the accounts that have money is its own. */
  readonly account: number;
  /** See {@link StoreApp}. @default true */
  readonly hasSession?: boolean;
}
