import { describe, expect, it } from 'vitest';
import { methodNames } from './methods.ts';
import { ParamList } from './param-list.ts';
import { paramList } from './params.ts';

const hash = `0x${'ab'.repeat(32)}`;
const fault = (method: string, ...params: readonly unknown[]) => paramList(method)?.fault(params);

describe('params that no node takes', () => {
  it.each([
    ['state_getStorage', [], 'key is missing'],
    ['state_getStorage', [null], 'key is missing'],
    ['state_getStorage', [5], 'key must be bytes in hex, not 5'],
    ['state_getStorage', ['zz'], 'key must be bytes in hex, not "zz"'],
    ['state_getStorage', [{}], 'key must be bytes in hex, not an object'],
    ['state_getStorage', ['\ud800'], 'key must be bytes in hex, not "\\ud800"'],
    ['state_getStorage', ['0x', '0x12'], 'hash must be a hash of 32 bytes in hex, not "0x12"'],
    ['state_getStorage', ['0x', `${hash}00`], 'of 68 characters'],
    ['chain_getHeader', [5], 'hash must be a hash of 32 bytes in hex, not 5'],
    ['chain_getHeader', [hash.slice(0, -1)], 'of 65 characters'],
    ['chain_getHeader', [true], 'not true'],
    ['chain_getBlockHash', [-1], 'not -1'],
    ['chain_getBlockHash', [1.5], 'not 1.5'],
    ['chain_getBlockHash', ['foo'], 'not "foo"'],
    ['chain_getBlockHash', [''], 'not ""'],
    ['chain_getBlockHash', [[0, -1]], 'not one with -1'],
    ['chain_getBlockHash', [{}], 'not an object'],
    ['state_getKeysPaged', ['0x'], 'count is missing'],
    [
      'state_getKeysPaged',
      ['0x', '1'],
      'count must be a whole number from 0 to 4294967295, not "1"',
    ],
    ['state_getKeysPaged', ['0x', 2 ** 32], 'not 4294967296'],
    ['state_getKeysPaged', ['0x', -1], 'not -1'],
    ['state_getKeysPaged', ['0x', 0.5], 'not 0.5'],
    ['state_getKeysPaged', ['0x', 1, 'zz'], 'startKey must be bytes in hex'],
    ['state_queryStorageAt', ['0x'], 'keys must be a list of keys in hex, not "0x"'],
    ['state_queryStorageAt', [['0x', 'zz']], 'not one with "zz"'],
    ['state_queryStorageAt', [[['0x']]], 'not one with a list'],
    ['state_subscribeStorage', ['x'], 'keys must be a list of keys in hex, not "x"'],
    ['state_call', ['Core_version'], 'bytes is missing'],
    ['state_call', [5, '0x'], 'name must be a string, not 5'],
    ['payment_queryInfo', ['0xzz'], 'encodedXt must be bytes in hex'],
    ['system_accountNextIndex', [5], 'account must be an address of at most 128 characters, not 5'],
    ['author_submitExtrinsic', [], 'extrinsic is missing'],
    ['author_submitExtrinsic', [[1, 2]], 'not a list'],
    ['archive_v1_hashByHeight', ['0x1'], 'height must be a whole number of at least 0, not "0x1"'],
    ['chainHead_v1_follow', ['yes'], 'withRuntime must be true or false, not "yes"'],
    ['chainHead_v1_unpin', ['id', [hash, '0x12']], 'not one with "0x12"'],
  ])('%s%j: %s', (method, params, text) => {
    expect(fault(method, ...params)).toContain(text);
  });

  it('are shown in a few characters, whatever their size', () => {
    expect(fault('chain_getHeader', 'z'.repeat(1_000_000))?.length).toBeLessThan(150);
    expect(fault('state_queryStorageAt', ['z'.repeat(1_000_000)])?.length).toBeLessThan(150);
    expect(fault('chain_getBlockHash', -1e300)?.length).toBeLessThan(200);
  });
});

describe('params that nodes take', () => {
  it.each([
    ['chain_getHeader', []],
    ['chain_getHeader', [null]],
    ['chain_getHeader', [hash]],
    // impl-serde takes hashes and bytes without 0x, in any case, and an odd number of digits.
    ['chain_getHeader', [hash.slice(2).toUpperCase()]],
    ['state_getStorage', ['0x1']],
    ['state_getStorage', ['26AA', null]],
    ['state_getStorage', ['']],
    // Params beyond the last one are not looked at.
    ['state_getStorage', ['0x', hash, 'more', {}]],
    ['system_chain', ['more', 1]],
    ['chain_getBlockHash', [0]],
    ['chain_getBlockHash', ['0x10']],
    ['chain_getBlockHash', [[0, '0x1']]],
    ['chain_getBlockHash', [2 ** 40]],
    ['state_getKeysPaged', [null, 10]],
    ['state_queryStorageAt', [[]]],
    ['state_subscribeStorage', [null]],
    ['author_submitExtrinsic', ['0x00']],
    ['chain_unsubscribeNewHeads', [5]],
    ['contracts_call', [{ gas: 1 }, hash]],
    ['chainHead_v1_unpin', ['id', hash]],
  ])('%s%j', (method, params) => {
    expect(fault(method, ...params)).toBeUndefined();
  });
});

describe('the params of a method', () => {
  it('are known of the whole table, but of no other method', () => {
    const unknown = methodNames.filter((method) => paramList(method) === undefined);
    expect(unknown).toEqual(['eth_subscribe']);
    for (const method of ['foo_bar', '__proto__', 'constructor', 'eth_call']) {
      expect(paramList(method)).toBeUndefined();
    }
  });

  it('survive any values', () => {
    const values = [undefined, null, 0, -1, Number.NaN, '', 'x', '\ud800', [], {}, [[[]]], true];
    for (const method of methodNames) {
      for (const value of values) fault(method, value, value, value, value, value);
    }
  });

  it('must be written in a way that can be read', () => {
    expect(() => new ParamList('key')).toThrow('not a param: key');
    expect(() => new ParamList('key:toString')).toThrow('not a param: key:toString');
  });
});
