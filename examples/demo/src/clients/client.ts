/** Told of the blocks that a library tells its application of. */
export interface HeadListener {
  best(hash: string, parentHash: string): void;
  finalized(hash: string, height: number): void;
}

/** How a library said that a watched transaction ended. */
export type TransactionEnd =
  | { readonly type: 'finalized'; readonly block: string; readonly succeeded: boolean }
  /** Told that it is in a block, on a chain whose applications do not wait for finality. */
  | { readonly type: 'included'; readonly block: string; readonly succeeded: boolean }
  /** Told that nobody knows, with its hash. */
  | { readonly type: 'unknown'; readonly reason: string }
  /** Told that it will not be final, in the library's words. */
  | { readonly type: 'lost'; readonly reason: string };

/** Told of what becomes of one transaction. */
export interface TransactionListener {
  /** Its hash, as the library computed it; may be told again. */
  sent(hash: string): void;
  ended(end: TransactionEnd): void;
}

/** One client library over one door, reduced to what all of them can do. */
export interface Client {
  /** As in "polkadot-js over the server". */
  readonly name: string;
  /** Trouble that the library told its application of beside failed calls: lost connections, ended follows. */
  readonly troubles: readonly string[];
  /** Of best blocks that come at once it tells the last: `chainHead_v1` names the best block of now. @default false */
  readonly skipsBest?: boolean;
  /** Begins to tell of best and finalized blocks. */
  follow(listener: HeadListener): Promise<void>;
  /** One read of each kind by which a library asks without naming a block, and the height it spoke of. */
  readonly reads: readonly (() => Promise<number | undefined>)[];
  /** Signs a transfer of the account that is this client's, submits it and watches it. */
  transfer(listener: TransactionListener): Promise<void>;
  close(): Promise<void>;
}
