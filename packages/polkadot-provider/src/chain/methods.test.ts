import { describe, expect, it } from 'vitest';
import { methodNames, methodTraits } from './methods.ts';
import { namedMethods, positional } from './params.ts';

const hash = `0x${'Ab'.repeat(32)}`;
const none = new Set<string>();
const all = new Set(methodNames);
const traits = (method: string) => methodTraits(method, none);
const need = (method: string, ...params: unknown[]) => methodTraits(method, all).block?.(params);

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

  it('is the highest of the numbers asked for', () => {
    expect(need('chain_getBlockHash', 7)).toEqual({ kind: 'number', number: 7 });
    expect(need('chain_getBlockHash', '0x10')).toEqual({ kind: 'number', number: 16 });
    expect(need('chain_getBlockHash', [3, '0x5', 4])).toEqual({ kind: 'number', number: 5 });
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
    expect(need('chain_getBlockHash', many)).toEqual({ kind: 'number', number: 299_999 });
  });

  it('is both ends of a range', () => {
    const to = `0x${'cd'.repeat(32)}`;
    expect(need('state_queryStorage', ['0x'], hash, to)).toEqual({ kind: 'range', from: hash, to });
    expect(need('state_queryStorage', ['0x'], hash)).toEqual({ kind: 'best' });
    expect(traits('system_chain').block).toBeUndefined();
  });

  it('is any when the param is no hash: every upstream can say so', () => {
    expect(need('chain_getHeader', 12)).toEqual({ kind: 'none' });
  });
});

describe('the method table', () => {
  it('fills in the block only where a method takes an optional one', () => {
    expect(traits('state_call').at).toBe(2);
    expect(traits('payment_queryInfo').at).toBe(1);
    expect(traits('chain_getBlockHash').at).toBeUndefined();
    // In the new interface the hash is not optional.
    expect(traits('archive_v1_header').at).toBeUndefined();
    for (const method of methodNames) {
      const { at, block } = methodTraits(method, all);
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

  it('does not believe null where the block must exist', () => {
    for (const method of ['chain_getHeader', 'chain_getBlock', 'chain_getBlockHash']) {
      expect(traits(method).nullMeans).toBe('missing');
    }
    expect(traits('state_getStorage').nullMeans).toBe('value');
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
      const { subscription } = methodTraits(method, all);
      if (subscription) expect(traits(subscription.unsubscribe).kind, method).toBe('unsubscribe');
    }
  });
});

describe('what is denied', () => {
  it.each([
    'author_insertKey',
    'author_rotateKeys',
    'state_getPairs',
    'system_addReservedPeer',
    'dev_newBlock',
    'engine_createBlock',
    'chainHead_v1_follow',
    'foo_subscribeBar',
  ])('%s by default', (method) => {
    expect(traits(method).kind).toBe('denied');
  });

  it('is a subscription to all storage: its keys must be named', () => {
    const { refuse } = traits('state_subscribeStorage');
    for (const params of [[], [null], [[]]]) expect(refuse?.(params)).toMatch(/at least one key/);
    expect(refuse?.([['0x26aa']])).toBeUndefined();
    const allowed = new Set(['state_subscribeStorage']);
    expect(methodTraits('state_subscribeStorage', allowed).refuse).toBeUndefined();
    expect(methodTraits('state_subscribeStorage', allowed).subscription).toBeDefined();
  });

  it('is served with its own traits when allowed', () => {
    const allowed = new Set(['state_getPairs', 'dev_newBlock']);
    expect(methodTraits('state_getPairs', allowed)).toMatchObject({ kind: 'read', at: 1 });
    expect(methodTraits('dev_newBlock', allowed)).toMatchObject({
      kind: 'read',
      idempotent: false,
    });
    expect(methodTraits('dev_setHead', allowed).kind).toBe('denied');
  });

  it('is not what is merely unknown: that may be sent, but not twice', () => {
    for (const method of ['foo_bar', 'toString', '__proto__', 'eth_blockNumber']) {
      expect(traits(method)).toMatchObject({ kind: 'read', idempotent: false, lifetime: 'never' });
    }
  });
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

  it('have a name for the block wherever one can be filled in', () => {
    const filled = methodNames.filter((method) => methodTraits(method, all).at !== undefined);
    const old = /^(contracts_|state_getChild(?!ReadProof))/;
    expect(filled.filter((method) => !old.test(method) && !namedMethods.includes(method))).toEqual(
      [],
    );
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
