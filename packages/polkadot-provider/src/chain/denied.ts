/** Why a method is switched off unless the options enable it. */
export type Denial = 'unsafe' | 'costly' | 'bound to a node';

/** Of chains with Frontier or revive: two nodes may have two filters of one id. */
export const ethereumFilters: readonly string[] = [
  'eth_getFilterChanges',
  'eth_getFilterLogs',
  'eth_newBlockFilter',
  'eth_newFilter',
  'eth_newPendingTransactionFilter',
  'eth_uninstallFilter',
];

const names: Readonly<Record<Denial, readonly string[]>> = {
  // They change a node, or show what is inside it.
  unsafe: [
    'author_hasKey',
    'author_hasSessionKeys',
    'author_insertKey',
    'author_removeExtrinsic',
    'author_rotateKeys',
    'author_rotateKeysWithOwner',
    'babe_epochAuthorship',
    'offchain_localStorageClear',
    'offchain_localStorageGet',
    'offchain_localStorageSet',
    'system_addLogFilter',
    'system_addReservedPeer',
    'system_dryRun',
    'system_dryRunAt',
    'system_networkState',
    'system_peers',
    'system_removeReservedPeer',
    'system_resetLogFilter',
    'system_unstable_networkState',
  ],
  // One call keeps a node busy for seconds, or answers with megabytes.
  costly: [
    'state_getPairs',
    'state_getStorageSize',
    'state_getStorageSizeAt',
    'state_queryStorage',
    'state_traceBlock',
    'state_trieMigrationStatus',
    'sync_state_genSyncSpec',
  ],
  // What they name is bound to one connection to one node.
  'bound to a node': [
    ...ethereumFilters,
    'statement_unstable_add_filter',
    'statement_unstable_remove_filter',
    'statement_unstable_subscribe',
    'statement_unstable_unsubscribe',
  ],
};

/** What every name that begins so is denied for, unless the table has a row for it. */
export const deniedFamilies: ReadonlyMap<string, Denial> = new Map([
  ['chainHead_', 'bound to a node'],
  ['transaction_', 'bound to a node'],
  ['dev_', 'unsafe'],
  ['engine_', 'unsafe'],
  ['mixnet_', 'unsafe'],
  ['sudo_', 'unsafe'],
]);

/** Of these families, but served by the balancer itself for whatever node is behind it. */
const served: ReadonlySet<string> = new Set([
  'chainHead_v1_body',
  'chainHead_v1_call',
  'chainHead_v1_continue',
  'chainHead_v1_follow',
  'chainHead_v1_header',
  'chainHead_v1_stopOperation',
  'chainHead_v1_storage',
  'chainHead_v1_unfollow',
  'chainHead_v1_unpin',
  'transaction_v1_broadcast',
  'transaction_v1_stop',
]);

const byName: ReadonlyMap<string, Denial> = new Map(
  Object.entries(names).flatMap(([why, methods]) =>
    methods.map((method) => [method, why as Denial] as const),
  ),
);

/** Why a method is denied by default; `undefined` when it is not. */
export function denialOf(method: string): Denial | undefined {
  if (served.has(method)) return undefined;
  return byName.get(method) ?? deniedFamilies.get(method.slice(0, method.indexOf('_') + 1));
}
