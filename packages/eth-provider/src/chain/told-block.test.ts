import { describe, expect, it } from 'vitest';
import { methodTraits } from './methods.ts';

const told = (method: string, result: unknown, params: readonly unknown[] = []) =>
  methodTraits(method, true).tells?.(
    typeof result === 'string' ? result : JSON.stringify(result),
    params,
  );
const log = (blockNumber: unknown) => ({ address: '0x1', blockNumber, data: '0x' });

describe('the block of an answer', () => {
  it.each([
    ['eth_getTransactionReceipt', { status: '0x1', blockNumber: '0x1f', logs: [] }],
    ['eth_getTransactionReceipt', { blockNumber: '0x1f', logs: [log('0x1f')] }],
    ['eth_getTransactionReceipt', '{ "blockNumber" : "0x1F" }'],
    ['eth_getTransactionByHash', { hash: '0x2', blockNumber: '0x1f' }],
    ['eth_getTransactionByBlockHashAndIndex', { blockNumber: '0x1f' }],
    ['eth_getLogs', [log('0x3'), log('0x1f')]],
    ['eth_getFilterLogs', [log('0x3'), log('0x1f')]],
    ['eth_getBlockReceipts', [{ blockNumber: '0x1f' }, { blockNumber: '0x1f' }]],
    ['eth_getBlockByHash', { hash: '0x2', number: '0x1f', transactions: [] }],
    ['eth_getBlockByNumber', { number: '0x1f', transactions: [{ blockNumber: '0x1f' }] }],
    ['eth_sendRawTransactionSync', { blockNumber: '0x1f' }],
    ['eth_blockNumber', '"0x1f"'],
    ['trace_transaction', [{ action: {}, blockNumber: 31, type: 'call' }]],
  ])('of %s is found: %j', (method, result) => {
    expect(told(method, result)).toBe(31);
  });

  it.each([
    ['eth_getTransactionReceipt', null],
    ['eth_getTransactionByHash', { blockNumber: null }],
    ['eth_getTransactionByHash', { l1BlockNumber: '0x1f' }],
    ['eth_getTransactionByHash', { input: '"blockNumber":"0x1f"' }],
    ['eth_getTransactionByHash', { blockNumber: `0x${'f'.repeat(20)}` }],
    ['eth_getLogs', []],
    ['eth_getLogs', [{ blockNumber: 'latest' }]],
    ['eth_getBlockByNumber', { number: null, hash: null }],
    ['eth_blockNumber', '31'],
  ])('of %s is not made up: %j', (method, result) => {
    expect(told(method, result)).toBeUndefined();
  });

  it.each([
    ['eth_getBlockByNumber', { number: '0x1f' }, 'pending'],
    ['eth_getTransactionByBlockNumberAndIndex', { blockNumber: '0x1f' }, 'pending'],
    ['eth_getBlockReceipts', [{ blockNumber: '0x1f' }], { blockNumber: 'pending' }],
    ['eth_getLogs', [log('0x1f')], { fromBlock: '0x1', toBlock: 'pending' }],
  ])('of %s is not one that is yet to come', (method, result, param) => {
    expect(told(method, result, [param])).toBeUndefined();
    expect(told(method, result, ['0x1f'])).toBe(31);
  });

  it('is looked for in no answer that may be large and names none', () => {
    for (const method of ['eth_call', 'eth_getCode', 'eth_getProof', 'debug_traceTransaction']) {
      expect(told(method, [log('0x1f')])).toBeUndefined();
    }
  });
});
