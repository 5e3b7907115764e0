import type { MethodTraits } from '@dshackle/core';
import { traitsBeyondTable } from './beyond-table.ts';
import { denialOf } from './denied.ts';
import { accountOf } from './extrinsic.ts';
import { isLastStatus, isLastWatchEvent, lastEvent } from './last-items.ts';
import {
  at,
  atHash,
  between,
  block,
  byNumber,
  command,
  constant,
  denied,
  emulated,
  head,
  headFeed,
  listing,
  local,
  once,
  read,
  readable,
  served,
  service,
  shared,
  stateAt,
  submit,
  unsubscribe,
} from './rows.ts';
import {
  shareBeefy,
  shareEthereum,
  shareGrandpa,
  shareRuntimeVersion,
  shareStorage,
} from './share-plans.ts';

const missing = { nullMeans: 'missing' } as const;
const state = { data: 'state' } as const;
const body = { data: 'block' } as const;

const newHeads = headFeed('best', 'chain_newHead', 'chain_unsubscribeNewHeads');
const finalizedHeads = headFeed(
  'finalized',
  'chain_finalizedHead',
  'chain_unsubscribeFinalizedHeads',
);
const runtimeVersion = readable(
  'state_runtimeVersion',
  'state_unsubscribeRuntimeVersion',
  shareRuntimeVersion,
);
/** All changes of the whole state, a block at a time: nodes call it unsafe, too. */
const withoutKeys = ([keys]: readonly unknown[]): string | undefined =>
  keys === undefined || keys === null || (Array.isArray(keys) && keys.length === 0)
    ? 'state_subscribeStorage is served with a list of at least one key'
    : undefined;
/** The pool's own pending transactions count, so the highest answer is the safe one. */
const nextIndex = read({
  strategy: { kind: 'maximum', width: 3 },
  nonceOf: ([account]) => accountOf(account),
});

/**
 * The methods of a Substrate node, a row a method, from the `#[method]` and `#[subscription]`
 * attributes of polkadot-sdk and the JSON-RPC interface specification (paritytech.github.io/
 * json-rpc-interface-spec). The number in `at(n)` is the position of the block hash: it is never
 * guessed from the params, because a storage key can look exactly like a hash. Rows of methods that
 * are denied by default (denied.ts) say how they are served where they are enabled.
 */
const rows: Readonly<Record<string, MethodTraits>> = {
  // Blocks.
  chain_getHeader: block(0),
  // By hash, but a block can gain justifications later: not kept longer than until the next one.
  chain_getBlock: block(0, { ...body, lifetime: 'head' }),
  chain_getBlockHash: byNumber(0),
  // In polkadot-sdk an alias of the line above; polkadot-js lists it under getHeader.
  chain_getHead: byNumber(0),
  chain_getFinalizedHead: head('finalized'),
  chain_getFinalisedHead: head('finalized'),

  // State.
  state_call: at(2),
  state_callAt: at(2),
  state_getStorage: at(1),
  state_getStorageAt: at(1),
  state_getStorageHash: at(1),
  state_getStorageHashAt: at(1),
  state_getStorageSize: at(1),
  state_getStorageSizeAt: at(1),
  state_getKeys: at(1),
  state_getKeysPaged: at(3),
  state_getKeysPagedAt: at(3),
  state_getPairs: at(1),
  state_getMetadata: at(0),
  state_getRuntimeVersion: at(0),
  chain_getRuntimeVersion: at(0),
  state_queryStorage: between(1, 2),
  state_queryStorageAt: at(1),
  state_getReadProof: at(1),
  state_getChildReadProof: at(2),
  state_getChildKeys: at(4),
  state_getChildStorage: at(4),
  state_getChildStorageHash: at(4),
  state_getChildStorageSize: at(4),
  state_traceBlock: at(0),
  state_trieMigrationStatus: at(0),
  childstate_getKeys: at(2),
  childstate_getKeysPaged: at(4),
  childstate_getKeysPagedAt: at(4),
  childstate_getStorage: at(2),
  childstate_getStorageEntries: at(2),
  childstate_getStorageHash: at(2),
  childstate_getStorageSize: at(2),

  // Runtime calls with a name of their own.
  payment_queryInfo: at(1),
  payment_queryFeeDetails: at(1),
  system_dryRun: at(1),
  system_dryRunAt: at(1),
  contracts_call: at(1),
  contracts_instantiate: at(1),
  contracts_upload_code: at(1),
  contracts_rentProjection: at(1),
  contracts_getStorage: at(2),
  mmr_root: at(0),
  mmr_generateProof: at(2),
  mmr_generateAncestryProof: at(2),
  mmr_verifyProof: head('best'),
  mmr_verifyProofStateless: constant(),
  // Executes the block on its parent's state; null without either.
  dev_getBlockStats: at(0, missing),

  // Consensus.
  grandpa_proveFinality: byNumber(0),
  grandpa_roundState: read(),
  beefy_getFinalizedHead: read({ lifetime: 'head' }),
  babe_epochAuthorship: read(),

  // The chain and the node.
  system_chain: constant(),
  system_chainType: constant(),
  system_properties: constant(),
  system_name: read(),
  system_version: read(),
  system_health: local(),
  system_syncState: read(),
  system_nodeRoles: read(),
  system_localPeerId: read(),
  system_localListenAddresses: read(),
  system_peers: read(),
  system_reservedPeers: read(),
  system_networkState: read(),
  system_unstable_networkState: read(),
  system_accountNextIndex: nextIndex,
  account_nextIndex: nextIndex,
  system_addReservedPeer: command(),
  system_removeReservedPeer: command(),
  system_addLogFilter: command(),
  system_resetLogFilter: command(),
  author_pendingExtrinsics: read(),
  author_hasKey: read(),
  author_hasSessionKeys: read(),
  author_insertKey: command(),
  author_rotateKeys: command(),
  author_rotateKeysWithOwner: command(),
  author_removeExtrinsic: command(),
  offchain_localStorageGet: read(),
  offchain_localStorageSet: command(),
  offchain_localStorageClear: command(),
  sync_state_genSyncSpec: read(),
  rpc_methods: local(),
  // The content is named by its hash, so any node's answer is the answer.
  bitswap_v1_get: read({ lifetime: 'constant' }),

  // The new interface.
  chainSpec_v1_chainName: emulated(constant()),
  chainSpec_v1_genesisHash: emulated(constant()),
  chainSpec_v1_properties: emulated(constant()),
  archive_v1_genesisHash: emulated(constant()),
  archive_v1_finalizedHeight: emulated(head('finalized')),
  // The hashes of all blocks at that height: none is as good as null.
  archive_v1_hashByHeight: emulated(byNumber(0, { isMiss: (result) => result === '[]' })),
  archive_v1_header: emulated(read({ ...atHash(0), ...missing })),
  archive_v1_body: emulated(read({ ...atHash(0), ...missing, ...body })),
  archive_v1_call: emulated(read({ ...atHash(0), ...missing, ...state })),
  archive_v1_storage: emulated(
    listing('storage', 'archive_v1_storageEvent', 'archive_v1_stopStorage', stateAt(0)),
  ),
  // Not emulated: without an upstream's help it would take all keys of both blocks.
  archive_v1_storageDiff: listing(
    'storageDiff',
    'archive_v1_storageDiffEvent',
    'archive_v1_stopStorageDiff',
    stateAt(0, 2),
  ),
  archive_v1_stopStorage: unsubscribe(),
  archive_v1_stopStorageDiff: unsubscribe(),
  // The name under which a version of polkadot-sdk registers the line above.
  archive_v1_storageDiff_stopStorageDiff: unsubscribe(),

  chainHead_v1_follow: served('chainHead_v1_followEvent', 'chainHead_v1_unfollow'),
  chainHead_v1_unfollow: unsubscribe('null'),
  chainHead_v1_header: service(),
  chainHead_v1_body: service(),
  chainHead_v1_call: service(),
  chainHead_v1_storage: service(),
  chainHead_v1_continue: service(),
  chainHead_v1_stopOperation: service(),
  chainHead_v1_unpin: service(),

  // Heads.
  chain_subscribeNewHeads: newHeads,
  chain_subscribeNewHead: newHeads,
  subscribe_newHead: newHeads,
  chain_unsubscribeNewHeads: unsubscribe(),
  chain_unsubscribeNewHead: unsubscribe(),
  unsubscribe_newHead: unsubscribe(),
  chain_subscribeFinalizedHeads: finalizedHeads,
  chain_subscribeFinalisedHeads: finalizedHeads,
  chain_unsubscribeFinalizedHeads: unsubscribe(),
  chain_unsubscribeFinalisedHeads: unsubscribe(),
  chain_subscribeAllHeads: headFeed('all', 'chain_allHead', 'chain_unsubscribeAllHeads'),
  chain_unsubscribeAllHeads: unsubscribe(),

  // Other subscriptions.
  state_subscribeRuntimeVersion: runtimeVersion,
  chain_subscribeRuntimeVersion: runtimeVersion,
  state_unsubscribeRuntimeVersion: unsubscribe(),
  chain_unsubscribeRuntimeVersion: unsubscribe(),
  state_subscribeStorage: {
    ...readable('state_storage', 'state_unsubscribeStorage', shareStorage),
    refuse: withoutKeys,
  },
  state_unsubscribeStorage: unsubscribe(),
  grandpa_subscribeJustifications: shared(
    'grandpa_justifications',
    'grandpa_unsubscribeJustifications',
    shareGrandpa,
  ),
  grandpa_unsubscribeJustifications: unsubscribe(),
  beefy_subscribeJustifications: shared(
    'beefy_justifications',
    'beefy_unsubscribeJustifications',
    shareBeefy,
  ),
  beefy_unsubscribeJustifications: unsubscribe(),
  statement_subscribeStatement: once('statement_statement', 'statement_unsubscribeStatement'),
  statement_unsubscribeStatement: unsubscribe(),
  statement_unstable_subscribe: once(
    'statement_unstable_subscribeEvent',
    'statement_unstable_unsubscribe',
    lastEvent('stop'),
  ),
  statement_unstable_unsubscribe: unsubscribe(),
  statement_unstable_add_filter: command(),
  statement_unstable_remove_filter: command(),
  // Chains with an Ethereum interface serve it on the same socket.
  eth_subscribe: shared('eth_subscription', 'eth_unsubscribe', shareEthereum),
  eth_unsubscribe: unsubscribe(),

  // Transactions.
  author_submitExtrinsic: submit(3),
  author_submitAndWatchExtrinsic: once(
    'author_extrinsicUpdate',
    'author_unwatchExtrinsic',
    isLastStatus,
  ),
  author_unwatchExtrinsic: unsubscribe(),
  transactionWatch_v1_submitAndWatch: once(
    'transactionWatch_v1_watchEvent',
    'transactionWatch_v1_unwatch',
    isLastWatchEvent,
  ),
  transactionWatch_v1_unwatch: unsubscribe(),
  transaction_v1_broadcast: service(),
  transaction_v1_stop: service(),
  statement_submit: submit(1),
  statement_unstable_submit: submit(1),
};

/** As they are where they are allowed: whole, whatever the params. */
const whole: ReadonlyMap<string, MethodTraits> = new Map(
  Object.entries(rows).map(([method, { refuse: _, ...row }]) => [method, row]),
);

/** As they are by default. */
const byDefault: ReadonlyMap<string, MethodTraits> = new Map(
  Object.entries(rows).map(([method, row]) => [
    method,
    denialOf(method) === undefined ? row : denied(row),
  ]),
);

/**
 * Traits of a method; one without a row has those of {@link traitsBeyondTable}.
 * @param allowed whether it is served though denied by default, or by default with some params
 */
export function methodTraits(method: string, allowed = false): MethodTraits {
  const row = (allowed ? whole : byDefault).get(method);
  return row ?? traitsBeyondTable(method, allowed);
}

/** Names of all methods in the table, in its order. */
export const methodNames: readonly string[] = Object.keys(rows);
