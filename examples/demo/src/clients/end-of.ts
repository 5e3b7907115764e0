import type { TransactionEnd } from './client.ts';

/** The end of a transaction of which its library says by an error that it will not be final. */
export function endOf(thrown: unknown): TransactionEnd {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  // `UnknownOutcomeError` by its code: -32056 in docs/json-rpc.md.
  return { type: reason.includes('-32056') ? 'unknown' : 'lost', reason };
}
