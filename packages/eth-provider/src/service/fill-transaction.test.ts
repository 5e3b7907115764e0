import { errorReply } from '@dshackle/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../testing/fake-host.ts';
import { fillTransaction } from './fill-transaction.ts';

const from = `0x${'Ab'.repeat(20)}`;
let host: FakeHost;

beforeEach(() => {
  host = new FakeHost();
  host.answer = (method) => ({
    kind: 'result',
    result: method === 'eth_getTransactionCount' ? '"0x3"' : '{"raw":"0x"}',
  });
});

describe('eth_fillTransaction', () => {
  it('is sent with the nonce that the pool tells', async () => {
    const reply = await fillTransaction(host, [{ from, to: from, nonce: null }, 'more'], {});
    expect(reply).toEqual({ kind: 'result', result: '{"raw":"0x"}' });
    expect(host.calls).toEqual([
      { method: 'eth_getTransactionCount', params: [from, 'pending'] },
      { method: 'eth_fillTransaction', params: [{ from, to: from, nonce: '0x3' }, 'more'] },
    ]);
  });

  it.each([
    [[{ from, nonce: '0x9' }]],
    [[{ to: from }]],
    [[{ from: 'nonsense' }]],
    [['nonsense']],
    [[null]],
    [[]],
  ])('is sent as it is written where no nonce can be told: %j', async (params) => {
    await fillTransaction(host, params, {});
    expect(host.calls).toEqual([{ method: 'eth_fillTransaction', params }]);
  });

  it('is answered by what was said of the nonce when there is none', async () => {
    const declined = errorReply({ code: -32_000, message: 'no' });
    host.answer = () => declined;
    expect(await fillTransaction(host, [{ from }], {})).toBe(declined);
    expect(host.calls).toHaveLength(1);
  });
});
