import type { Call } from '../call.ts';
import type { JsonRpcError, RawJson } from '../json-rpc/message.ts';

/** One transaction that a caller submits, as far as the chain package can read it. */
export interface Transaction {
  /** Its hash, which is also what a node answers that accepts it. */
  readonly id: string;
  /** The transaction as {@link Submissions.listed} lists it: its text, or its hash. */
  readonly body: string;
  /** Who sent it and with which nonce. Absent: it cannot be read. */
  readonly sender?: Sender | undefined;
  /**
   * The last height at which it may be included, given the best height at its submission; never
   * below the true one. Absent: it does not expire, or that cannot be read.
   */
  readonly lastHeight?: (best: number) => number;
}

/** An account and the nonce of one of its transactions. */
export interface Sender {
  /** The same text for the same account, however a caller writes it. */
  readonly account: string;
  readonly nonce: number;
}

/**
 * What an upstream's error says of a submitted transaction.
 *
 * - `known`: its pool has it, or has just seen it included.
 * - `rejected`: nobody takes it, whatever came of another send.
 * - `contestable`: it is not valid there, which is also said of one that took effect already, or of
 *   what this upstream alone holds against it.
 * - `not taken`: this upstream did not take it, which says nothing of the transaction.
 */
export type SubmissionVerdict = 'known' | 'rejected' | 'contestable' | 'not taken';

/** What one item of a watched submission says, as far as blocks go. */
export type WatchedItem =
  | { readonly kind: 'included'; readonly hash: string; readonly index: number | undefined }
  | { readonly kind: 'retracted' }
  /** The last item: it is for good in this block. */
  | { readonly kind: 'finalized'; readonly hash: string; readonly index: number | undefined }
  /** The last item: the upstream expects it no more, or holds it for invalid. */
  | { readonly kind: 'given up' }
  | { readonly kind: 'other' };

/** How one method that submits and watches words what becomes of the transaction. */
export interface WatchFormat {
  /** Reads an item of an upstream. */
  read(item: RawJson): WatchedItem;
  /** An upstream has taken the transaction; the first item. */
  accepted(): RawJson;
  /** The transaction is in a block of the best chain. `index`: its place in the body. */
  included(hash: string, index: number): RawJson;
  /** The block it was in has left the best chain. */
  retracted(hash: string): RawJson;
  /** The block it is in is final; the last item. */
  finalized(hash: string, index: number): RawJson;
  /** It is in no block, and no longer expected in one; the last item. */
  dropped(reason: string): RawJson;
}

/**
 * How transactions are submitted and found again: what the engine needs to tell what became of one
 * whose upstream is gone. A chain without it gets the careful default: a submission without an
 * answer ends as unknown.
 */
export interface Submissions {
  /**
   * The transaction that a call submits; `undefined` when the method submits none, or the params hold
   * nothing that can be one: then the upstream's own words are the answer.
   */
  read(method: string, params: readonly unknown[]): Transaction | undefined;
  /** The meaning of an upstream's error for the transaction's fate. */
  judge(error: JsonRpcError): SubmissionVerdict;
  /**
   * Asks one upstream for what waits in its pool: for all of it, or for this transaction, which it may
   * then also have found in a block.
   */
  pending(transaction: Transaction): Call;
  /** Lists the transactions of one block. */
  block(hash: string): Call;
  /**
   * The transactions in the answer to `pending` or `block`, in their order.
   * @throws Error when it is no such answer
   */
  listed(result: RawJson): readonly string[];
  /**
   * Submits a transaction without watching it: so another upstream is given one whose watcher was lost.
   * Absent: nothing is watched.
   */
  submit?(transaction: Transaction): Call;
  /** The words of a method that submits and watches; `undefined` for every other. */
  watch(method: string): WatchFormat | undefined;
}
