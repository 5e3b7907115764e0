import { methodNames, methodTraits } from './methods.ts';

/**
 * Names of the params in order. Methods of the new interface must accept both forms
 * (JSON-RPC interface specification, "Parameters"); the old ones accept names because jsonrpsee
 * does, under the names of the Rust arguments.
 */
const names: Readonly<Record<string, string>> = {
  chain_getHeader: 'hash',
  chain_getBlock: 'hash',
  chain_getBlockHash: 'hash',
  chain_getHead: 'hash',
  state_call: 'name bytes hash',
  state_callAt: 'name bytes hash',
  state_getStorage: 'key hash',
  state_getStorageAt: 'key hash',
  state_getStorageHash: 'key hash',
  state_getStorageHashAt: 'key hash',
  state_getStorageSize: 'key hash',
  state_getStorageSizeAt: 'key hash',
  state_getKeys: 'prefix hash',
  state_getPairs: 'prefix hash',
  state_getKeysPaged: 'prefix count startKey hash',
  state_getKeysPagedAt: 'prefix count startKey hash',
  state_getMetadata: 'hash',
  state_getRuntimeVersion: 'hash',
  chain_getRuntimeVersion: 'hash',
  state_queryStorage: 'keys block hash',
  state_queryStorageAt: 'keys at',
  state_getReadProof: 'keys hash',
  state_getChildReadProof: 'childStorageKey keys hash',
  state_traceBlock: 'block targets storageKeys methods',
  state_trieMigrationStatus: 'at',
  state_subscribeStorage: 'keys',
  state_getChildKeys: 'childStorageKey childDefinition childType key hash',
  state_getChildStorage: 'childStorageKey childDefinition childType key hash',
  state_getChildStorageHash: 'childStorageKey childDefinition childType key hash',
  state_getChildStorageSize: 'childStorageKey childDefinition childType key hash',
  childstate_getKeys: 'childStorageKey prefix hash',
  childstate_getKeysPaged: 'childStorageKey prefix count startKey hash',
  childstate_getKeysPagedAt: 'childStorageKey prefix count startKey hash',
  childstate_getStorage: 'childStorageKey key hash',
  childstate_getStorageEntries: 'childStorageKey keys hash',
  childstate_getStorageHash: 'childStorageKey key hash',
  childstate_getStorageSize: 'childStorageKey key hash',
  payment_queryInfo: 'encodedXt at',
  payment_queryFeeDetails: 'encodedXt at',
  system_dryRun: 'extrinsic at',
  system_dryRunAt: 'extrinsic at',
  system_accountNextIndex: 'account',
  account_nextIndex: 'account',
  system_addReservedPeer: 'peer',
  system_removeReservedPeer: 'peerId',
  system_addLogFilter: 'directives',
  sync_state_genSyncSpec: 'raw',
  offchain_localStorageGet: 'kind key',
  offchain_localStorageSet: 'kind key value',
  offchain_localStorageClear: 'kind key',
  contracts_call: 'callRequest at',
  contracts_instantiate: 'instantiateRequest at',
  contracts_upload_code: 'uploadRequest at',
  contracts_rentProjection: 'address at',
  contracts_getStorage: 'address key at',
  mmr_root: 'at',
  mmr_verifyProof: 'proof',
  mmr_verifyProofStateless: 'mmrRoot proof',
  mmr_generateProof: 'blockNumbers bestKnownBlockNumber at',
  mmr_generateAncestryProof: 'prevBlockNumber bestKnownBlockNumber at',
  grandpa_proveFinality: 'block',
  dev_getBlockStats: 'blockHash',
  author_submitExtrinsic: 'extrinsic',
  author_submitAndWatchExtrinsic: 'bytes',
  author_insertKey: 'keyType suri publicKey',
  author_rotateKeysWithOwner: 'owner',
  author_hasKey: 'publicKey keyType',
  author_hasSessionKeys: 'sessionKeys',
  author_removeExtrinsic: 'bytesOrHash',
  archive_v1_hashByHeight: 'height',
  archive_v1_header: 'hash',
  archive_v1_body: 'hash',
  archive_v1_call: 'hash function callParameters',
  archive_v1_storage: 'hash items childTrie',
  archive_v1_storageDiff: 'hash items previousHash',
  transactionWatch_v1_submitAndWatch: 'transaction',
  transaction_v1_broadcast: 'transaction',
  transaction_v1_stop: 'operationId',
  bitswap_v1_get: 'cid',
  statement_submit: 'encoded',
  statement_unstable_submit: 'encoded',
  statement_subscribeStatement: 'topicFilter',
  statement_unstable_add_filter: 'subscription topicFilter',
  statement_unstable_remove_filter: 'subscription filterId',
  chainHead_v1_follow: 'withRuntime',
  chainHead_v1_unfollow: 'followSubscription',
  chainHead_v1_header: 'followSubscription hash',
  chainHead_v1_body: 'followSubscription hash',
  chainHead_v1_call: 'followSubscription hash function callParameters',
  chainHead_v1_storage: 'followSubscription hash items childTrie',
  chainHead_v1_continue: 'followSubscription operationId',
  chainHead_v1_stopOperation: 'followSubscription operationId',
  chainHead_v1_unpin: 'followSubscription hashOrHashes',
};

/** What a call ends has this one name in the interface specification. */
const ends = methodNames.filter((method) => methodTraits(method, true).kind === 'unsubscribe');

const table = new Map<string, readonly string[]>([
  ...ends.map((method) => [method, ['subscription']] as const),
  ...Object.entries(names).map(([method, list]) => [method, list.split(' ')] as const),
]);

/** Names of the params of a method, in order; none when they are not known or there are none. */
export function paramNames(method: string): readonly string[] {
  return table.get(method) ?? [];
}

/**
 * Params by position. Names may be in camel or in snake case, as jsonrpsee takes both; trailing
 * params that were left out stay out. An object for a method without known names gives `[]`: it is
 * for the upstream to read.
 */
export function positional(method: string, params: unknown): readonly unknown[] {
  if (Array.isArray(params)) return params;
  if (typeof params !== 'object' || params === null) return [];
  const given = new Map(Object.entries(params).map(([name, value]) => [camelCase(name), value]));
  const values = paramNames(method).map((name) => given.get(name));
  // A hole in the middle must be null: JSON has no other way to say it.
  const length = values.findLastIndex((value) => value !== undefined) + 1;
  return values.slice(0, length).map((value) => value ?? null);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
