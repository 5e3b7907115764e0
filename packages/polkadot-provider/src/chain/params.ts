import { methodNames, methodTraits } from './methods.ts';
import { camelCase, ParamList } from './param-list.ts';

/**
 * The params in order: name, `?` where it may be left out, and {@link ParamKind}. Methods of the new
 * interface must accept both forms (JSON-RPC interface specification, "Parameters"); the old ones
 * accept names because jsonrpsee does, under the names of the Rust arguments. Kinds are those of the
 * Rust arguments, as far as all versions and chains agree on them; `any` otherwise.
 */
const lists: Readonly<Record<string, string>> = {
  chain_getHeader: 'hash?:hash',
  chain_getBlock: 'hash?:hash',
  chain_getBlockHash: 'hash?:height',
  chain_getHead: 'hash?:height',
  state_call: 'name:text bytes:bytes hash?:hash',
  state_callAt: 'name:text bytes:bytes hash?:hash',
  state_getStorage: 'key:bytes hash?:hash',
  state_getStorageAt: 'key:bytes hash?:hash',
  state_getStorageHash: 'key:bytes hash?:hash',
  state_getStorageHashAt: 'key:bytes hash?:hash',
  state_getStorageSize: 'key:bytes hash?:hash',
  state_getStorageSizeAt: 'key:bytes hash?:hash',
  state_getKeys: 'prefix:bytes hash?:hash',
  state_getPairs: 'prefix:bytes hash?:hash',
  state_getKeysPaged: 'prefix?:bytes count:u32 startKey?:bytes hash?:hash',
  state_getKeysPagedAt: 'prefix?:bytes count:u32 startKey?:bytes hash?:hash',
  state_getMetadata: 'hash?:hash',
  state_getRuntimeVersion: 'hash?:hash',
  chain_getRuntimeVersion: 'hash?:hash',
  state_queryStorage: 'keys:keys block:hash hash?:hash',
  state_queryStorageAt: 'keys:keys at?:hash',
  state_getReadProof: 'keys:keys hash?:hash',
  state_getChildReadProof: 'childStorageKey:bytes keys:keys hash?:hash',
  state_traceBlock: 'block:hash targets?:text storageKeys?:text methods?:text',
  state_trieMigrationStatus: 'at?:hash',
  state_subscribeStorage: 'keys?:keys',
  state_getChildKeys:
    'childStorageKey:bytes childDefinition:bytes childType:u32 key:bytes hash?:hash',
  state_getChildStorage:
    'childStorageKey:bytes childDefinition:bytes childType:u32 key:bytes hash?:hash',
  state_getChildStorageHash:
    'childStorageKey:bytes childDefinition:bytes childType:u32 key:bytes hash?:hash',
  state_getChildStorageSize:
    'childStorageKey:bytes childDefinition:bytes childType:u32 key:bytes hash?:hash',
  childstate_getKeys: 'childStorageKey:bytes prefix:bytes hash?:hash',
  childstate_getKeysPaged:
    'childStorageKey:bytes prefix?:bytes count:u32 startKey?:bytes hash?:hash',
  childstate_getKeysPagedAt:
    'childStorageKey:bytes prefix?:bytes count:u32 startKey?:bytes hash?:hash',
  childstate_getStorage: 'childStorageKey:bytes key:bytes hash?:hash',
  childstate_getStorageEntries: 'childStorageKey:bytes keys:keys hash?:hash',
  childstate_getStorageHash: 'childStorageKey:bytes key:bytes hash?:hash',
  childstate_getStorageSize: 'childStorageKey:bytes key:bytes hash?:hash',
  payment_queryInfo: 'encodedXt:bytes at?:hash',
  payment_queryFeeDetails: 'encodedXt:bytes at?:hash',
  system_dryRun: 'extrinsic:bytes at?:hash',
  system_dryRunAt: 'extrinsic:bytes at?:hash',
  system_accountNextIndex: 'account:address',
  account_nextIndex: 'account:address',
  system_addReservedPeer: 'peer:text',
  system_removeReservedPeer: 'peerId:text',
  system_addLogFilter: 'directives:text',
  sync_state_genSyncSpec: 'raw:flag',
  offchain_localStorageGet: 'kind:any key:bytes',
  offchain_localStorageSet: 'kind:any key:bytes value:bytes',
  offchain_localStorageClear: 'kind:any key:bytes',
  contracts_call: 'callRequest:any at?:hash',
  contracts_instantiate: 'instantiateRequest:any at?:hash',
  contracts_upload_code: 'uploadRequest:any at?:hash',
  contracts_rentProjection: 'address:any at?:hash',
  contracts_getStorage: 'address:any key:any at?:hash',
  mmr_root: 'at?:hash',
  mmr_verifyProof: 'proof:any',
  mmr_verifyProofStateless: 'mmrRoot:any proof:any',
  mmr_generateProof: 'blockNumbers:any bestKnownBlockNumber?:any at?:hash',
  mmr_generateAncestryProof: 'prevBlockNumber:any bestKnownBlockNumber?:any at?:hash',
  grandpa_proveFinality: 'block:number',
  dev_getBlockStats: 'blockHash:hash',
  author_submitExtrinsic: 'extrinsic:bytes',
  author_submitAndWatchExtrinsic: 'bytes:bytes',
  author_insertKey: 'keyType:text suri:text publicKey:bytes',
  author_rotateKeysWithOwner: 'owner:bytes',
  author_hasKey: 'publicKey:bytes keyType:text',
  author_hasSessionKeys: 'sessionKeys:bytes',
  author_removeExtrinsic: 'bytesOrHash:any',
  archive_v1_hashByHeight: 'height:number',
  archive_v1_header: 'hash:hash',
  archive_v1_body: 'hash:hash',
  archive_v1_call: 'hash:hash function:text callParameters:bytes',
  archive_v1_storage: 'hash:hash items:list childTrie?:bytes',
  archive_v1_storageDiff: 'hash:hash items:list previousHash?:hash',
  transactionWatch_v1_submitAndWatch: 'transaction:bytes',
  transaction_v1_broadcast: 'transaction:bytes',
  transaction_v1_stop: 'operationId:text',
  bitswap_v1_get: 'cid:text',
  statement_submit: 'encoded:bytes',
  statement_unstable_submit: 'encoded:bytes',
  statement_subscribeStatement: 'topicFilter:any',
  statement_unstable_add_filter: 'subscription:text topicFilter:any',
  statement_unstable_remove_filter: 'subscription:text filterId:any',
  chainHead_v1_follow: 'withRuntime:flag',
  chainHead_v1_unfollow: 'followSubscription:any',
  chainHead_v1_header: 'followSubscription:text hash:hash',
  chainHead_v1_body: 'followSubscription:text hash:hash',
  chainHead_v1_call: 'followSubscription:text hash:hash function:text callParameters:bytes',
  chainHead_v1_storage: 'followSubscription:text hash:hash items:list childTrie?:bytes',
  chainHead_v1_continue: 'followSubscription:text operationId:text',
  chainHead_v1_stopOperation: 'followSubscription:text operationId:text',
  chainHead_v1_unpin: 'followSubscription:text hashOrHashes:hashes',
};

/** What a call ends has this one name in the interface specification; any id may be asked for. */
const ends = methodNames.filter((method) => methodTraits(method, true).kind === 'unsubscribe');

const table: ReadonlyMap<string, ParamList> = new Map([
  ...methodNames.map((method) => [method, new ParamList('')] as const),
  ...ends.map((method) => [method, new ParamList('subscription:any')] as const),
  ...Object.entries(lists).map(([method, list]) => [method, new ParamList(list)] as const),
]);

/** Their params are those of another world. */
const foreign: ReadonlySet<string> = new Set(['eth_subscribe']);

/** The params of a method; `undefined` when they are not known. */
export function paramList(method: string): ParamList | undefined {
  return foreign.has(method) ? undefined : table.get(method);
}

/** Names of the params of a method, in order; none when they are not known or there are none. */
export function paramNames(method: string): readonly string[] {
  return paramList(method)?.names ?? [];
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
