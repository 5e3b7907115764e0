import { setTimeout as sleep } from 'node:timers/promises';
import type { TransactionEnd, TransactionListener } from './client.ts';

/** What one application was told of one watched transaction. */
export class TransactionRecord implements TransactionListener {
  /** Empty before the library told it. */
  hash = '';
  /** Every end that was told; one of them is right, more are not. */
  readonly ends: TransactionEnd[] = [];

  sent(hash: string): void {
    this.hash = hash;
  }

  ended(end: TransactionEnd): void {
    this.ends.push(end);
    // Some libraries tell the hash of what they failed to submit in the error only.
    if ('reason' in end) this.hash ||= end.reason.match(/0x[0-9a-f]{64}/)?.[0] ?? '';
  }

  /** Resolves once an end was told. */
  async settled(): Promise<void> {
    while (this.ends.length === 0) await sleep(50);
  }
}
