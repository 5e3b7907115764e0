import type { Client } from '../../clients/client.ts';
import type { LogRecord } from '../log-record.ts';

/** One client library of Ethereum over one door. */
export interface EthClient extends Client {
  /** What it was told of the contract's logs. */
  readonly logs: LogRecord;
  /** Whether its listeners are told of logs that are taken back. */
  readonly hearsRemovedLogs: boolean;
  /** Heights that it was told of, in that order, by a library that tells no hashes; else empty. */
  readonly heights: readonly number[];
}

/** What its transactions call. */
export interface EthClientOptions {
  /** As in "viem over the server". */
  readonly name: string;
  /** Which of the accounts that have money is its own. */
  readonly account: number;
  /** Address of the contract that logs each call. */
  readonly contract: string;
}

/** Of the accounts that every node gives money to. */
export const phrase = 'test test test test test test test test test test test junk';

/** For one transaction to be in a block. */
export const inclusionTimeoutMs = 30_000;
