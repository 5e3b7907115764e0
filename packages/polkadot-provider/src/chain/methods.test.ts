import { describe, expect, it } from 'vitest';
import { methodNames, methodTraits } from './methods.ts';
import { paramNames, positional } from './params.ts';

const hash = `0x${'Ab'.repeat(32)}`;
const traits = (method: string) => methodTraits(method);
const need = (method: string, ...params: unknown[]) => methodTraits(method, true).block?.(params);

/** Calls of polkadot-sdk and the new interface by the position of their block hash. */
const positions: Readonly<Record<number, string>> = {
  0: `chain_getHeader chain_getBlock state_getMetadata state_getRuntimeVersion
    chain_getRuntimeVersion mmr_root state_traceBlock state_trieMigrationStatus dev_getBlockStats`,
  1: `state_getStorage state_getStorageAt state_getStorageHash state_getStorageHashAt
    state_getStorageSize state_getStorageSizeAt state_getKeys state_getPairs state_queryStorageAt
    state_getReadProof payment_queryInfo payment_queryFeeDetails system_dryRun system_dryRunAt
    contracts_call contracts_instantiate contracts_upload_code contracts_rentProjection`,
  2: `state_call state_callAt state_queryStorage state_getChildReadProof childstate_getKeys
    childstate_getStorage childstate_getStorageEntries childstate_getStorageHash
    childstate_getStorageSize contracts_getStorage mmr_generateProof mmr_generateAncestryProof`,
  3: 'state_getKeysPaged state_getKeysPagedAt',
  4: `state_getChildKeys state_getChildStorage state_getChildStorageHash state_getChildStorageSize
    childstate_getKeysPaged childstate_getKeysPagedAt`,
};

const lifetimes: Readonly<Record<string, string>> = {
  'by-number': 'chain_getBlockHash chain_getHead archive_v1_hashByHeight grandpa_proveFinality',
  constant: `system_chain system_chainType system_properties chainSpec_v1_chainName
    chainSpec_v1_genesisHash chainSpec_v1_properties archive_v1_genesisHash mmr_verifyProofStateless
    bitswap_v1_get`,
  head: `chain_getFinalizedHead chain_getFinalisedHead archive_v1_finalizedHeight
    beefy_getFinalizedHead mmr_verifyProof chain_getBlock`,
  never: `system_name system_version system_syncState system_nodeRoles system_localPeerId
    system_localListenAddresses system_peers system_reservedPeers system_unstable_networkState
    system_networkState author_pendingExtrinsics grandpa_roundState babe_epochAuthorship
    system_accountNextIndex account_nextIndex sync_state_genSyncSpec system_health rpc_methods`,
};

const deniedByDefault = words(`
  author_insertKey author_rotateKeys author_rotateKeysWithOwner author_hasKey author_hasSessionKeys
  author_removeExtrinsic system_addReservedPeer system_removeReservedPeer system_addLogFilter
  system_resetLogFilter system_peers system_networkState system_unstable_networkState system_dryRun
  system_dryRunAt offchain_localStorageGet offchain_localStorageSet offchain_localStorageClear
  state_getPairs state_queryStorage state_traceBlock state_trieMigrationStatus state_getStorageSize
  state_getStorageSizeAt babe_epochAuthorship dev_getBlockStats sync_state_genSyncSpec
  statement_unstable_subscribe
  statement_unstable_unsubscribe statement_unstable_add_filter statement_unstable_remove_filter
`);

const withoutParams = words(`
  archive_v1_finalizedHeight archive_v1_genesisHash author_pendingExtrinsics author_rotateKeys
  babe_epochAuthorship beefy_getFinalizedHead beefy_subscribeJustifications
  chainSpec_v1_chainName chainSpec_v1_genesisHash chainSpec_v1_properties chain_getFinalisedHead
  chain_getFinalizedHead chain_subscribeAllHeads chain_subscribeFinalisedHeads
  chain_subscribeFinalizedHeads chain_subscribeNewHead chain_subscribeNewHeads
  chain_subscribeRuntimeVersion eth_subscribe grandpa_roundState grandpa_subscribeJustifications
  rpc_methods state_subscribeRuntimeVersion statement_unstable_subscribe subscribe_newHead
  system_chain system_chainType system_health system_localListenAddresses system_localPeerId
  system_name system_networkState system_nodeRoles system_peers system_properties
  system_reservedPeers system_resetLogFilter system_syncState system_unstable_networkState
  system_version
`);

function words(text: string): string[] {
  return text.trim().split(/\s+/).sort();
}

describe('the block that a call needs', () => {
  it('is the hash at the position of the method', () => {
    const lower = hash.toLowerCase();
    expect(need('chain_getHeader', hash)).toEqual({ kind: 'hash', hash: lower });
    expect(need('state_getStorage', '0x00', hash)).toEqual({ kind: 'hash', hash: lower });
    expect(need('state_getKeysPaged', '0x', 10, null, hash)).toEqual({ kind: 'hash', hash: lower });
  });

  it('is never guessed from a storage key that looks like a hash', () => {
    expect(need('state_getStorage', hash)).toEqual({ kind: 'best' });
    expect(need('state_queryStorageAt', [hash])).toEqual({ kind: 'best' });
  });

  it.each([[[]], [[null]]])('is the best one when the hash is left out: %j', (params) => {
    expect(need('chain_getHeader', ...params)).toEqual({ kind: 'best' });
    expect(need('chain_getBlockHash', ...params)).toEqual({ kind: 'best' });
    // An alias of chain_getBlockHash, not of chain_getHeader.
    expect(need('chain_getHead', ...params)).toEqual({ kind: 'best' });
    expect(traits('chain_getHead').at).toBeUndefined();
  });

  it('is the highest of the numbers asked for, and where they begin', () => {
    expect(need('chain_getBlockHash', 7)).toEqual({ kind: 'number', number: 7 });
    expect(need('chain_getBlockHash', '0x10')).toEqual({ kind: 'number', number: 16 });
    expect(need('chain_getBlockHash', [3, '0x5', 4])).toEqual({
      kind: 'number',
      number: 5,
      from: 3,
    });
    expect(need('chain_getBlockHash', 'latest')).toEqual({ kind: 'none' });
  });

  it.each([
    ['no numbers', []],
    ['an object that is no primitive', [{ toString: 1 }]],
    ['an array that is too deep to be a string', JSON.parse('['.repeat(9000) + ']'.repeat(9000))],
  ])('is any when it is asked for by %s', (_, param) => {
    expect(need('chain_getBlockHash', param)).toEqual({ kind: 'none' });
  });

  it('is the highest of more numbers than a function takes', () => {
    const many = Array.from({ length: 300_000 }, (_, i) => i);
    expect(need('chain_getBlockHash', many)).toMatchObject({ kind: 'number', number: 299_999 });
  });

  it('is both ends of a range', () => {
    const to = `0x${'cd'.repeat(32)}`;
    expect(need('state_queryStorage', ['0x'], hash, to)).toEqual({ kind: 'range', from: hash, to });
    expect(need('state_queryStorage', ['0x'], hash)).toEqual({ kind: 'best' });
    expect(traits('system_chain').block).toBeUndefined();
    const difference = need('archive_v1_storageDiff', to, [], hash);
    expect(difference).toEqual({ kind: 'range', from: hash, to });
    expect(need('archive_v1_storageDiff', to, [])).toEqual({ kind: 'hash', hash: to });
    expect(need('archive_v1_storage', to, [])).toEqual({ kind: 'hash', hash: to });
  });

  it('is any when the param is no hash: every upstream can say so', () => {
    expect(need('chain_getHeader', 12)).toEqual({ kind: 'none' });
  });
});

describe('the method table', () => {
  it('has the block hash of each call at its position, and of no other', () => {
    const expected = Object.entries(positions).flatMap(([at, methods]) =>
      words(methods).map((method) => [method, Number(at)]),
    );
    const found = methodNames.flatMap((method) => {
      const { at } = methodTraits(method, true);
      return at === undefined ? [] : [[method, at]];
    });
    expect(found.sort()).toEqual(expected.sort());
  });

  it.each(Object.keys(lifetimes))('has these answers that stay true (%s)', (lifetime) => {
    const expected = words(lifetimes[lifetime]!);
    for (const method of expected) {
      expect(methodTraits(method, true).lifetime, method).toBe(lifetime);
    }
  });

  it('serves chainHead_v1 and transaction_v1 itself', () => {
    const names = methodNames.filter((method) => /^(chainHead|transaction)_v1_/.test(method));
    expect(names).toHaveLength(11);
    for (const method of names) {
      const { kind, subscription, ended } = traits(method);
      expect(kind === 'service' || subscription?.source === 'service' || ended === 'null').toBe(
        true,
      );
    }
  });

  it('has a row for each method that is denied by name', () => {
    const denied = methodNames.filter((method) => traits(method).kind === 'denied');
    expect(denied.sort()).toEqual(deniedByDefault);
  });

  it('fills in the block only where a method takes an optional one', () => {
    expect(traits('state_call').at).toBe(2);
    expect(traits('payment_queryInfo').at).toBe(1);
    expect(traits('chain_getBlockHash').at).toBeUndefined();
    // In the new interface the hash is not optional.
    expect(traits('archive_v1_header').at).toBeUndefined();
    for (const method of methodNames) {
      const { at, block } = methodTraits(method, true);
      // Of a range it is the end that may be left out.
      const kind = method === 'state_queryStorage' ? 'none' : 'best';
      if (at !== undefined) expect(block?.([]), method).toEqual({ kind });
    }
  });

  it('says how long answers stay true', () => {
    expect(traits('state_getMetadata').lifetime).toBe('by-hash');
    expect(traits('chain_getBlockHash').lifetime).toBe('by-number');
    expect(traits('system_properties').lifetime).toBe('constant');
    expect(traits('system_health').lifetime).toBe('never');
    // A block may gain justifications.
    expect(traits('chain_getBlock').lifetime).toBe('head');
  });

  it('does not believe null where the block must exist, and nowhere else', () => {
    const unbelieved = methodNames.filter(
      (method) => methodTraits(method, true).nullMeans === 'missing',
    );
    expect(unbelieved).toEqual([
      'chain_getHeader',
      'chain_getBlock',
      'chain_getBlockHash',
      'chain_getHead',
      'dev_getBlockStats',
      'grandpa_proveFinality',
      'archive_v1_hashByHeight',
      'archive_v1_header',
      'archive_v1_body',
      'archive_v1_call',
    ]);
  });

  it('does not believe a list with nothing in it for a block either', () => {
    const isMiss = (method: string, result: string) => traits(method).isMiss?.(result);
    expect(isMiss('chain_getBlockHash', `["${hash}",null]`)).toBe(true);
    expect(isMiss('chain_getBlockHash', `["${hash}"]`)).toBe(false);
    expect(isMiss('chain_getBlockHash', `"${hash}"`)).toBe(false);
    // Asked for none.
    expect(isMiss('chain_getBlockHash', '[]')).toBe(false);
    expect(isMiss('archive_v1_hashByHeight', '[]')).toBe(true);
    expect(isMiss('archive_v1_hashByHeight', `["${hash}"]`)).toBe(false);
  });

  it('says what a node must still have of an old block', () => {
    const of = (data: unknown) =>
      methodNames.filter((method) => {
        const { block, data: needed } = methodTraits(method, true);
        return block !== undefined && needed === data;
      });
    expect(of('block')).toEqual(['chain_getBlock', 'archive_v1_body']);
    // Headers, hashes and justifications.
    expect(of(undefined)).toEqual([
      'chain_getHeader',
      'chain_getBlockHash',
      'chain_getHead',
      'chain_getFinalizedHead',
      'chain_getFinalisedHead',
      'mmr_verifyProof',
      'grandpa_proveFinality',
      'archive_v1_finalizedHeight',
      'archive_v1_hashByHeight',
      'archive_v1_header',
    ]);
    const states = of('state');
    for (const method of ['state_call', 'state_queryStorage', 'payment_queryInfo', 'mmr_root']) {
      expect(states).toContain(method);
    }
    expect(states).toContain('archive_v1_storage');
    for (const method of methodNames) {
      if (/^(state|childstate)_.*At$/.test(method)) expect(states).toContain(method);
    }
  });

  it('never repeats a submission by itself', () => {
    for (const method of [
      'author_submitExtrinsic',
      'author_submitAndWatchExtrinsic',
      'transactionWatch_v1_submitAndWatch',
      'statement_submit',
    ]) {
      const { idempotent, subscription } = traits(method);
      expect(idempotent, method).toBe(false);
      if (subscription) expect(subscription, method).toMatchObject({ resume: 'never' });
    }
    expect(traits('author_submitExtrinsic')).toMatchObject({
      kind: 'submit',
      strategy: { kind: 'broadcast', width: 3 },
    });
  });

  it('takes the highest nonce of several upstreams', () => {
    for (const method of ['system_accountNextIndex', 'account_nextIndex']) {
      expect(traits(method).strategy).toEqual({ kind: 'maximum', width: 3 });
    }
  });

  it.each([
    ['chain_subscribeNewHead', 'best', 'chain_newHead'],
    ['subscribe_newHead', 'best', 'chain_newHead'],
    ['chain_subscribeFinalisedHeads', 'finalized', 'chain_finalizedHead'],
    ['chain_subscribeAllHeads', 'all', 'chain_allHead'],
  ])('serves %s from the feed of %s blocks as %s', (method, feed, notification) => {
    expect(traits(method)).toMatchObject({
      kind: 'subscribe',
      subscription: { source: 'head', feed, notification },
    });
  });

  it('knows the notification names that clients match on', () => {
    const notification = (method: string) => traits(method).subscription?.notification;
    expect(notification('chain_subscribeRuntimeVersion')).toBe('state_runtimeVersion');
    expect(notification('author_submitAndWatchExtrinsic')).toBe('author_extrinsicUpdate');
    expect(notification('state_subscribeStorage')).toBe('state_storage');
    expect(notification('grandpa_subscribeJustifications')).toBe('grandpa_justifications');
  });

  it('knows the unsubscribe method of every subscription as one', () => {
    for (const method of methodNames) {
      const { subscription } = methodTraits(method, true);
      if (!subscription) continue;
      expect(methodTraits(subscription.unsubscribe, true).kind, method).toBe('unsubscribe');
    }
  });
});

describe('what is denied', () => {
  it.each([
    ...deniedByDefault,
    'author_foo_subscribe',
    'dev_newBlock',
    'engine_createBlock',
    'mixnet_register',
    'sudo_unstable_p2pDiscover',
    'chainHead_unstable_follow',
    'transaction_unstable_broadcast',
    'foo_subscribeBar',
  ])('%s by default', (method) => {
    expect(traits(method).kind).toBe('denied');
  });

  it('is a subscription to all storage: its keys must be named', () => {
    const { refuse } = traits('state_subscribeStorage');
    for (const params of [[], [null], [[]]]) expect(refuse?.(params)).toMatch(/at least one key/);
    expect(refuse?.([['0x26aa']])).toBeUndefined();
    expect(methodTraits('state_subscribeStorage', true).refuse).toBeUndefined();
    expect(methodTraits('state_subscribeStorage', true).subscription).toBeDefined();
  });

  it('is served with its own traits when allowed', () => {
    expect(methodTraits('state_getPairs', true)).toMatchObject({ kind: 'read', at: 1 });
    expect(methodTraits('dev_newBlock', true)).toMatchObject({ kind: 'read', idempotent: false });
    for (const method of methodNames) {
      expect(methodTraits(method, true).kind, method).not.toBe('denied');
    }
  });

  it('is not what is merely unknown: that may be sent, but not twice', () => {
    for (const method of ['foo_bar', 'toString', '__proto__', 'debug_traceBlock']) {
      expect(traits(method)).toMatchObject({ kind: 'read', idempotent: false, lifetime: 'never' });
    }
  });
});

describe('a method of the Ethereum interface', () => {
  it.each(['eth_blockNumber', 'eth_call', 'eth_getLogs', 'net_version', 'web3_clientVersion'])(
    'that reads may be asked of another upstream again: %s',
    (method) => {
      expect(traits(method)).toMatchObject({ kind: 'read', idempotent: true, lifetime: 'never' });
    },
  );

  it.each(['eth_sendRawTransaction', 'eth_sign'])(
    'that does something is sent once: %s',
    (method) => {
      expect(traits(method)).toMatchObject({ kind: 'read', idempotent: false, lifetime: 'never' });
    },
  );

  it.each(['eth_newFilter', 'eth_getFilterChanges', 'eth_uninstallFilter'])(
    'that is of a filter of one node is denied by default, and sent once when allowed: %s',
    (method) => {
      expect(traits(method).kind).toBe('denied');
      expect(methodTraits(method, true)).toMatchObject({ kind: 'read', idempotent: false });
    },
  );
});

describe('params by name', () => {
  it('are put in order, in camel and in snake case, with holes as null', () => {
    const byName = { prefix: '0x', count: 2, hash };
    expect(positional('state_getKeysPaged', byName)).toEqual(['0x', 2, null, hash]);
    expect(positional('state_getKeysPaged', { prefix: '0x', count: 1, start_key: '0x01' })).toEqual(
      ['0x', 1, '0x01'],
    );
    const call = { hash, function: 'Core_version', callParameters: '0x' };
    expect(positional('archive_v1_call', call)).toEqual([hash, 'Core_version', '0x']);
  });

  it('are left to the upstream where their names are not known', () => {
    expect(positional('foo_bar', { a: 1 })).toEqual([]);
    expect(positional('foo_bar', [1])).toEqual([1]);
    expect(positional('foo_bar', undefined)).toEqual([]);
  });

  it('are known of every method that takes any', () => {
    const without = methodNames.filter((method) => paramNames(method).length === 0);
    expect(without.sort()).toEqual(withoutParams);
  });

  it('have their block where the row says that it is', () => {
    for (const method of methodNames) {
      const { at } = methodTraits(method, true);
      if (at === undefined) continue;
      const byName = Object.fromEntries(
        ['hash', 'at', 'blockHash', 'block'].map((name) => [name, hash]),
      );
      expect(positional(method, byName)[at], method).toBe(hash);
    }
  });

  it('name the subscription that a call ends', () => {
    expect(positional('chain_unsubscribeNewHeads', { subscription: 'a' })).toEqual(['a']);
    expect(positional('transactionWatch_v1_unwatch', { subscription: 'a' })).toEqual(['a']);
    expect(positional('chainHead_v1_unfollow', { followSubscription: 'a' })).toEqual(['a']);
  });
});

describe('the last item of a subscription', () => {
  const isLast = (method: string, item: string) => {
    const { subscription } = traits(method);
    return subscription?.source === 'upstream' ? subscription.isLast?.(item) : undefined;
  };

  it.each([
    ['{"finalized":"0x01"}', true],
    ['{"finalityTimeout":"0x01"}', true],
    ['{"usurped":"0x01"}', true],
    ['"dropped"', true],
    ['"invalid"', true],
    ['"ready"', false],
    ['"future"', false],
    ['{"broadcast":["p"]}', false],
    ['{"inBlock":"0x01"}', false],
    ['{"retracted":"0x01"}', false],
  ])('of a watched transaction: %s %s', (item, last) => {
    expect(isLast('author_submitAndWatchExtrinsic', item)).toBe(last);
  });

  it.each([
    ['transactionWatch_v1_submitAndWatch', 'finalized', 'bestChainBlockIncluded'],
    ['archive_v1_storage', 'storageDone', 'storage'],
    ['archive_v1_storageDiff', 'storageDiffDone', 'storageDiff'],
  ])('of %s is %s and not %s', (method, last, other) => {
    expect(isLast(method, JSON.stringify({ event: last }))).toBe(true);
    expect(isLast(method, JSON.stringify({ event: other }))).toBe(false);
    expect(isLast(method, 'null')).toBe(false);
  });
});
