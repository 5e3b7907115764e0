import { describe, expect, it } from 'vitest';
import { errorReply } from '../json-rpc/message.ts';
import { equalAnswers, firstResult, largestNumber, type Vote } from './tally.ts';

const votes = (...results: string[]): Vote[] =>
  results.map((result, i) => ({ upstream: String(i), reply: { kind: 'result', result } }));
const refusal = (code: number, message = 'no'): Vote => ({
  upstream: 'refusing',
  reply: errorReply({ code, message }),
});

describe('firstResult', () => {
  it('prefers any result to an error, and believes an error only when nobody is left', () => {
    const no = refusal(1);
    expect(firstResult([no], 1)).toBeUndefined();
    expect(firstResult([no, ...votes('1')], 1)?.upstream).toBe('0');
    expect(firstResult([no, refusal(2)], 0)).toBe(no);
    expect(firstResult([], 0)).toBeUndefined();
  });
});

describe('largestNumber', () => {
  it('compares numbers by value, in whichever form they come and however large', () => {
    expect(largestNumber(votes('9', '"0x10"', '15'), 0)?.upstream).toBe('1');
    expect(largestNumber(votes('9007199254740993', '9007199254740992'), 0)?.upstream).toBe('0');
    expect(largestNumber(votes('1', '2'), 1)).toBeUndefined();
  });

  it('passes over what is no number, unless there is nothing else', () => {
    expect(largestNumber([refusal(1), ...votes('null', '3')], 0)?.upstream).toBe('1');
    const no = refusal(1);
    expect(largestNumber([no, ...votes('null')], 0)).toBe(no);
    expect(largestNumber([], 0)).toBeUndefined();
  });
});

describe('equalAnswers', () => {
  it('does not mind spacing and the order of keys, but the order of items', () => {
    const two = equalAnswers(2);
    expect(
      two(votes('{"a":1,"b":[{"c":2,"d":3}]}', '{ "b":[{"d":3,"c":2}], "a":1 }'), 0),
    ).toBeDefined();
    expect(two(votes('[1,2]', '[2,1]'), 0)).toBeUndefined();
  });

  it('takes the first answer that enough gave, whatever the others say', () => {
    const two = equalAnswers(2);
    expect(two(votes('1', '2'), 1)).toBeUndefined();
    expect(two(votes('1', '2', '1'), 0)?.upstream).toBe('2');
    expect(two([refusal(3, 'one'), refusal(3, 'other')], 0)?.reply.kind).toBe('error');
    expect(two([refusal(3), refusal(4)], 0)).toBeUndefined();
  });
});
