import type { MethodTraits } from '@dshackle/core';
import { denialOf } from './denied.ts';
import {
  blockAt,
  blockBy,
  constant,
  denied,
  local,
  logs,
  ofBest,
  read,
  service,
  stateAt,
  submit,
  transaction,
} from './rows.ts';
import { subscribe, unsubscribe } from './subscriptions.ts';
import { toldByBlock, toldByHeight, toldByItem } from './told-block.ts';
import { accountOf } from './transaction.ts';

const value = { nullMeans: 'value' } as const;
/** The answer is a block or its header. */
const ofBlock = { tells: toldByBlock } as const;
/** The answer names its block in each item. */
const ofItems = { tells: toldByItem } as const;
/** A block that is there may have no transaction at that index. */
const unsure = { nullMeans: 'unsure', tells: toldByItem } as const;
/**
 * The pool's own pending transactions count, so the highest answer is the safe one; and so do the
 * caller's, where it asks for what comes after them.
 */
const nonce: Partial<MethodTraits> = {
  strategy: { kind: 'maximum', width: 3 },
  nonceOf: ([account, block]) => (block === 'pending' ? accountOf(account) : undefined),
};

/**
 * The methods of an Ethereum node, a row a method (Ethereum execution APIs, github.com/ethereum/
 * execution-apis, and the documentation of geth, Erigon and Nethermind for `debug_` and `trace_`). The
 * number in `stateAt(n)` and `blockAt(n)` is the position of the block param. Rows of methods that are
 * denied by default (denied.ts) say how they are served where they are enabled.
 */
const rows: Readonly<Record<string, MethodTraits>> = {
  // The chain and its heads.
  eth_chainId: constant(),
  net_version: constant(),
  eth_blockNumber: { ...ofBest(), tells: toldByHeight },
  eth_syncing: local(),
  eth_accounts: local(),
  net_listening: local(),
  net_peerCount: read(),
  web3_clientVersion: read(),
  web3_sha3: constant(),
  eth_protocolVersion: read(),
  eth_coinbase: read(),
  eth_mining: read(),
  eth_hashrate: read(),
  eth_config: read(),
  rpc_modules: read(),

  // Blocks.
  eth_getBlockByNumber: blockAt(0, ofBlock),
  eth_getBlockByHash: blockBy(0, ofBlock),
  eth_getHeaderByNumber: blockAt(0, ofBlock),
  eth_getHeaderByHash: blockBy(0, ofBlock),
  eth_getBlockTransactionCountByNumber: blockAt(0),
  eth_getBlockTransactionCountByHash: blockBy(0),
  eth_getBlockReceipts: blockAt(0, ofItems),
  eth_getUncleCountByBlockNumber: blockAt(0),
  eth_getUncleCountByBlockHash: blockBy(0),
  // A block without uncles is answered by null, and so are all since proof of stake.
  eth_getUncleByBlockNumberAndIndex: blockAt(0, value),
  eth_getUncleByBlockHashAndIndex: blockBy(0, value),

  // Transactions.
  eth_getTransactionByHash: transaction(ofItems),
  eth_getRawTransactionByHash: transaction(),
  eth_getTransactionReceipt: transaction(ofItems),
  eth_getTransactionByBlockNumberAndIndex: blockAt(0, unsure),
  eth_getTransactionByBlockHashAndIndex: blockBy(0, unsure),
  eth_getRawTransactionByBlockNumberAndIndex: blockAt(0, unsure),
  eth_getRawTransactionByBlockHashAndIndex: blockBy(0, unsure),
  eth_pendingTransactions: read(),
  eth_getTransactionBySenderAndNonce: transaction(ofItems),

  // State.
  eth_getBalance: stateAt(1),
  eth_getCode: stateAt(1),
  eth_getStorageAt: stateAt(2),
  eth_getStorageValues: stateAt(1),
  eth_getTransactionCount: stateAt(1, nonce),
  eth_getProof: stateAt(2),
  eth_getAccount: stateAt(1),
  eth_call: stateAt(1),
  eth_estimateGas: stateAt(1),
  eth_createAccessList: stateAt(1),
  eth_simulateV1: stateAt(1),
  eth_callMany: read(),
  // One node fills it in, but the nonce is that of the pool.
  eth_fillTransaction: { ...read(), kind: 'service' },

  // Fees.
  eth_gasPrice: ofBest(),
  eth_maxPriorityFeePerGas: ofBest(),
  eth_blobBaseFee: ofBest(),
  eth_baseFee: ofBest(),
  eth_feeHistory: blockAt(1, value),

  // Logs.
  eth_getLogs: logs(),

  // Filters.
  eth_newFilter: service(),
  eth_newBlockFilter: service(),
  eth_newPendingTransactionFilter: service(),
  eth_getFilterChanges: service(),
  eth_getFilterLogs: { ...service(), tells: toldByItem },
  eth_uninstallFilter: service(),

  // Subscriptions.
  eth_subscribe: subscribe(),
  eth_unsubscribe: unsubscribe(),

  // Submission.
  eth_sendRawTransaction: submit(3),
  // Waits for the receipt: sent again it would wait again.
  eth_sendRawTransactionSync: { ...submit(1), tells: toldByItem },

  // What one node's pool holds.
  txpool_status: read(),
  txpool_inspect: read(),
  txpool_content: read(),
  txpool_contentFrom: read(),

  // Traces, as geth tells them.
  debug_traceTransaction: transaction(),
  debug_traceCall: stateAt(1),
  debug_traceBlockByNumber: blockAt(0, { data: 'state' }),
  debug_traceBlockByHash: blockBy(0, { data: 'state' }),
  debug_getRawBlock: blockAt(0),
  debug_getRawHeader: blockAt(0),
  debug_getRawReceipts: blockAt(0),
  debug_getRawTransaction: transaction(),
  debug_getBadBlocks: read(),
  debug_storageRangeAt: blockBy(0, { data: 'state' }),
  debug_accountRange: read(),
  debug_getModifiedAccountsByNumber: read(),
  debug_getModifiedAccountsByHash: read(),
  debug_intermediateRoots: blockBy(0, { data: 'state' }),
  debug_executionWitness: blockAt(0, { data: 'state' }),

  // Traces, as OpenEthereum told them, and Erigon, Nethermind and Reth do.
  trace_block: blockAt(0, { data: 'state' }),
  trace_call: stateAt(2),
  trace_callMany: stateAt(1),
  trace_rawTransaction: read(),
  trace_transaction: transaction(ofItems),
  trace_get: transaction(),
  trace_replayTransaction: transaction(),
  trace_replayBlockTransactions: blockAt(0, { data: 'state' }),
  trace_filter: read(ofItems),
};

/** As they are where they are allowed. */
const whole: ReadonlyMap<string, MethodTraits> = new Map(Object.entries(rows));

/** As they are by default. */
const byDefault: ReadonlyMap<string, MethodTraits> = new Map(
  Object.entries(rows).map(([method, row]) => [
    method,
    denialOf(method) === undefined ? row : denied(row),
  ]),
);

/**
 * Nothing is known: taken for a read that must not be repeated once it may have been seen, as it could
 * be a submission.
 */
const unknown = read({ idempotent: false });
const unknownDenied = denied(unknown);

/**
 * A filter or a subscription that the table does not know is bound to one node and one connection:
 * nothing that it names could be delivered.
 */
const bound = /subscribe|filter/i;

/**
 * Traits of a method; one without a row goes to any upstream as it is.
 * @param allowed whether it is served though denied by default
 */
export function methodTraits(method: string, allowed = false): MethodTraits {
  const row = (allowed ? whole : byDefault).get(method);
  if (row) return row;
  if (allowed) return unknown;
  return denialOf(method) !== undefined || bound.test(method) ? unknownDenied : unknown;
}

/** Names of all methods in the table, in its order. */
export const methodNames: readonly string[] = Object.keys(rows);
