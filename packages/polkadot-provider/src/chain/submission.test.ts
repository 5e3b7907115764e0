import { describe, expect, it } from 'vitest';
import { madeUpExtrinsic } from '../testing/extrinsic.ts';
import { substrateSubmissions } from './submission.ts';

const { read, judge, listed, watch, block } = substrateSubmissions();
const extrinsic = madeUpExtrinsic({ nonce: 5 });

describe('a submission', () => {
  it('is read of the methods that submit an extrinsic, and of no other', () => {
    for (const method of [
      'author_submitExtrinsic',
      'author_submitAndWatchExtrinsic',
      'transactionWatch_v1_submitAndWatch',
    ]) {
      expect(read(method, [extrinsic])).toMatchObject({ sender: { nonce: 5 } });
      expect(read(method, ['0xzz'])).toBeUndefined();
    }
    for (const method of ['statement_submit', 'transaction_v1_broadcast', 'state_call']) {
      expect(read(method, [extrinsic])).toBeUndefined();
    }
  });

  it('is judged by the codes of the transaction pool', () => {
    const verdicts = {
      known: [1013],
      contestable: [1010, 1012],
      'not taken': [1002, 1011, 1016, 1018, 1020, 1021, 1040, -32_603, -32_000, -32_999, 429],
      rejected: [1001, 1014, 1015, 1019, -32_602, -32_601, 4003],
    };
    for (const [verdict, codes] of Object.entries(verdicts)) {
      for (const code of codes)
        expect([code, judge({ code, message: '' })]).toEqual([code, verdict]);
    }
    const message = '{"invalid":{"stale":null}}';
    expect(judge({ code: -32_603, message })).toBe('contestable');
  });
});

describe('the transactions', () => {
  it('are those of a block, and those of a pool, in lower case', () => {
    const justifications = null;
    const body = { block: { header: {}, extrinsics: ['0xAB', '0xcd'] }, justifications };
    expect(listed(JSON.stringify(body))).toEqual(['0xab', '0xcd']);
    expect(listed('["0xAB"]')).toEqual(['0xab']);
    expect(block('0x12')).toEqual({ method: 'chain_getBlock', params: '["0x12"]' });
  });

  it('are none of an answer that is no list', () => {
    for (const result of ['null', '{}', '{"block":null}', '"0xab"', '1']) {
      expect(() => listed(result)).toThrow('no list of extrinsics');
    }
  });
});

describe('the words of a watch', () => {
  it('are statuses in author_extrinsicUpdate', () => {
    const format = watch('author_submitAndWatchExtrinsic')!;
    expect(format.accepted()).toBe('"ready"');
    expect(format.included('0x1', 2)).toBe('{"inBlock":"0x1"}');
    expect(format.retracted('0x1')).toBe('{"retracted":"0x1"}');
    expect(format.finalized('0x1', 2)).toBe('{"finalized":"0x1"}');
    expect(format.dropped('why')).toBe('"dropped"');
    expect(format.read('{"inBlock":"0xAB"}')).toMatchObject({ kind: 'included', hash: '0xab' });
    expect(format.read('{"retracted":"0x1"}')).toEqual({ kind: 'retracted' });
    for (const item of ['"ready"', '{"broadcast":["peer"]}', 'null', '{"inBlock":null}']) {
      expect(format.read(item)).toEqual({ kind: 'other' });
    }
  });

  it('are events in transactionWatch_v1_watchEvent', () => {
    const format = watch('transactionWatch_v1_submitAndWatch')!;
    const event = 'bestChainBlockIncluded';
    const place = { hash: '0x1', index: 2 };
    expect(JSON.parse(format.accepted())).toEqual({ event: 'validated' });
    expect(JSON.parse(format.included('0x1', 2))).toEqual({ event, block: place });
    expect(JSON.parse(format.retracted('0x1'))).toEqual({ event, block: null });
    expect(JSON.parse(format.finalized('0x1', 2))).toEqual({ event: 'finalized', block: place });
    expect(JSON.parse(format.dropped('why'))).toEqual({ event: 'dropped', error: 'why' });
    expect(format.read(format.included('0x1', 2))).toEqual({ kind: 'included', ...place });
    expect(format.read(format.retracted('0x1'))).toEqual({ kind: 'retracted' });
    for (const item of ['{"event":"validated"}', '"ready"', 'null']) {
      expect(format.read(item)).toEqual({ kind: 'other' });
    }
  });

  it('are those of no other method', () => {
    expect(watch('author_submitExtrinsic')).toBeUndefined();
  });
});
