import type { JsonRpcError, RawJson, Submissions, SubmissionVerdict } from '@dshackle/core';
import { isHash } from './header.ts';
import { readTransaction } from './transaction.ts';

/**
 * What the words of nodes say of a transaction, first match wins: geth (core/txpool/errors.go,
 * core/error.go, internal/ethapi), Nethermind (AcceptTxResult, TxPoolErrorMessages), Erigon
 * (txpoolcfg, DiscardReason), Reth (RpcPoolError), Besu (TransactionInvalidReason, RpcErrorType), Anvil
 * and Hardhat. Words go before codes, which clients give out as they like.
 */
const words: readonly (readonly [text: RegExp, verdict: SubmissionVerdict])[] = [
  [
    /already ?known|known transaction|already imported|existing tx with same hash|already (?:in|exists in) .{0,20}pool/i,
    'known',
  ],
  [
    /pool .{0,20}(?:full|disabled|not enabled)|in-flight|account limit|syncing|spammer|discarded|overflowed/i,
    'not taken',
  ],
  // Also said of one that was included: its nonce is used, its sender has spent the money.
  [
    /nonce ?too ?(?:low|high)|old ?nonce|incorrect nonce|\bmined\b|insufficient ?funds|enough funds|exceeds account balance/i,
    'contestable',
  ],
  // Another transaction has its nonce there, which may be one that other pools never saw.
  [
    /replacement|could not replace|can't replace|replace pending|already reserved|conflicting type|pending transaction type/i,
    'contestable',
  ],
  // What this upstream's head, limits and options hold against it.
  [
    /nonce ?gap|gapped|too distant|too far in|lower nonce|underpriced|fee ?too ?low|gas price (?:below|too low)|fee cap|less than block base fee|exceeds (?:the )?(?:block gas limit|configured cap)|gas ?limit ?exceeded|not (?:yet )?(?:supported|activated|enabled)|replay-protected/i,
    'contestable',
  ],
  // So it is written, and so it stays.
  [
    /invalid (?:sender|signature|chain ?id|transaction)|wrong ?chain ?id|intrinsic ?gas|requires at least \d+ gas|higher than max fee|oversized data|size exceeded|negative value|init ?code|uint ?(?:64)? ?overflow|int256overflow|rlp|decode|unmarshal|invalid (?:hex|argument|params)/i,
    'rejected',
  ],
];

/** The params are not a transaction, or the request is none. */
const clientErrors: ReadonlySet<number> = new Set([-32_600, -32_602, -32_700]);
/** Transaction rejected (EIP-1474, and Nethermind's code for it): for a reason that we do not know. */
const refusals: ReadonlySet<number> = new Set([-32_003, -32_010]);

function judge({ code, message }: JsonRpcError): SubmissionVerdict {
  const found = words.find(([text]) => text.test(message));
  if (found) return found[1];
  if (clientErrors.has(code)) return 'rejected';
  return refusals.has(code) ? 'contestable' : 'not taken';
}

/** The hash in an answer to `eth_getTransactionByHash`, or those in a block. */
function listed(result: RawJson): readonly string[] {
  const value: unknown = JSON.parse(result);
  // `null`, too: who has no such block, or no such transaction, has no list of anything.
  if (typeof value === 'object' && value !== null) {
    const { hash, transactions } = value as Readonly<Record<string, unknown>>;
    const list = Array.isArray(transactions) ? transactions : [hash];
    if (list.every(isHash)) return list.map((each) => each.toLowerCase());
  }
  throw new Error(`neither a transaction nor a block: ${result.slice(0, 80)}`);
}

/**
 * How raw transactions are submitted and found again. `eth_sendRawTransactionSync` is not among them:
 * it is answered by a receipt, which only the chain has.
 */
export const ethereumSubmissions: Submissions = {
  read: (method, [raw]) => (method === 'eth_sendRawTransaction' ? readTransaction(raw) : undefined),
  judge,
  // Nodes look for it in their pool and in their chain.
  pending: ({ id }) => ({ method: 'eth_getTransactionByHash', params: JSON.stringify([id]) }),
  block: (hash) => ({ method: 'eth_getBlockByHash', params: JSON.stringify([hash, false]) }),
  listed,
  watch: () => undefined,
};
