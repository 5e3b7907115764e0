/** Why a method is switched off unless the options enable it. */
export type Denial = 'unsafe' | 'costly' | 'not served yet';

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
  // What they name is bound to one connection to one node, and not carried over yet.
  'not served yet': [
    'statement_unstable_add_filter',
    'statement_unstable_remove_filter',
    'statement_unstable_subscribe',
    'statement_unstable_unsubscribe',
  ],
};

/** What every name that begins so is denied for. */
export const deniedFamilies: ReadonlyMap<string, Denial> = new Map([
  ['chainHead_', 'not served yet'],
  ['transaction_', 'not served yet'],
  ['dev_', 'unsafe'],
  ['engine_', 'unsafe'],
  ['mixnet_', 'unsafe'],
  ['sudo_', 'unsafe'],
]);

const byName: ReadonlyMap<string, Denial> = new Map(
  Object.entries(names).flatMap(([why, methods]) =>
    methods.map((method) => [method, why as Denial] as const),
  ),
);

/** Why a method is denied by default; `undefined` when it is not. */
export function denialOf(method: string): Denial | undefined {
  return byName.get(method) ?? deniedFamilies.get(method.slice(0, method.indexOf('_') + 1));
}
