import { describe, expect, it } from 'vitest';
import type { Answer } from '../call.ts';
import { Coalescer } from './coalesce.ts';

/** Those who wait for executions, and what they heard. */
function setUp(maxKeys?: number) {
  const coalescer = new Coalescer(maxKeys === undefined ? {} : { maxKeys });
  const heard: string[] = [];
  const receiver = (name: string) => ({
    onAnswer: ({ upstream }: Answer) => heard.push(`${name} ${upstream}`),
    onFailure: (error: unknown) => heard.push(`${name} ${(error as Error).message}`),
  });
  /** As a call does it: joins what is in flight, else starts. */
  const call = (key: string, name = key) => {
    const running = coalescer.get(key);
    const shared = running ?? coalescer.start(key, []);
    shared.join(receiver(name));
    return { shared, started: running === undefined };
  };
  return { coalescer, heard, call };
}

const answer = (text: string): Answer => ({
  reply: { kind: 'result', result: text },
  upstream: text,
  attempts: [],
});

describe('Coalescer', () => {
  it('runs identical calls once and gives all the same answer', () => {
    const { coalescer, heard, call } = setUp();
    const calls = Array.from({ length: 100 }, (_, index) => call('eth_blockNumber', `${index}`));
    expect(calls.filter(({ started }) => started)).toHaveLength(1);
    expect(coalescer.size).toBe(1);
    calls[0]!.shared.onAnswer(answer('0x10'));
    expect(heard).toEqual(calls.map((_, index) => `${index} 0x10`));
    expect(coalescer.size).toBe(0);
  });

  it('runs different calls by themselves', () => {
    const { call } = setUp();
    expect([call('a').started, call('b').started]).toEqual([true, true]);
  });

  it('keeps no answer: whoever hears it may start the next execution at once', () => {
    const { coalescer, heard, call } = setUp();
    const shared = coalescer.start('key', []);
    shared.join({
      onAnswer: () => call('key', 'next').shared.onAnswer(answer('second')),
      onFailure: () => {},
    });
    shared.join({ onAnswer: () => heard.push('late'), onFailure: () => {} });
    shared.onAnswer(answer('first'));
    expect(heard).toEqual(['next second', 'late']);
    expect(coalescer.size).toBe(0);
  });

  it('shares a failure with those who waited, and with nobody later', () => {
    const { heard, call } = setUp();
    const { shared } = call('key', 'one');
    call('key', 'two');
    call('key', 'three');
    shared.onFailure(new Error('failed'));
    expect(heard).toEqual(['one failed', 'two failed', 'three failed']);
    expect(call('key', 'four').started).toBe(true);
  });

  it('shows those who join what was tried so far', () => {
    const { coalescer } = setUp();
    const attempts = [{ upstream: 'a', durationMs: 1, outcome: 'broken' }];
    coalescer.start('key', attempts);
    expect(coalescer.get('key')?.attempts).toBe(attempts);
  });

  it('runs calls alone past its bound', () => {
    const { coalescer, heard, call } = setUp(2);
    const first = call('a');
    call('b');
    const alone = [call('c', 'c1'), call('c', 'c2')];
    expect(alone.map(({ started }) => started)).toEqual([true, true]);
    expect(coalescer.size).toBe(2);
    expect(call('a').started).toBe(false);
    alone[1]!.shared.onAnswer(answer('answered'));
    expect(heard).toEqual(['c2 answered']);
    expect(coalescer.size).toBe(2);
    first.shared.onAnswer(answer('answered'));
    expect([call('c').started, call('c').started]).toEqual([true, false]);
  });
});
