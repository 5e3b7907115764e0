import { describe, expect, it } from 'vitest';
import { BalancerError } from '../errors.ts';
import { type RunningCall, RunningCalls } from './running-calls.ts';

const call = (): RunningCall => ({ abandon: () => {} });

describe('running calls', () => {
  it('are those that were added and not deleted', () => {
    const calls = new RunningCalls();
    const [a, b, c] = [call(), call(), call()];
    for (const each of [a, b, c]) calls.add(each);
    expect([...calls]).toEqual([c, b, a]);
    calls.delete(b);
    expect([...calls]).toEqual([c, a]);
    calls.delete(c);
    calls.delete(a);
    expect([...calls]).toEqual([]);
  });

  it('may be added and deleted twice', () => {
    const calls = new RunningCalls();
    const [a, b] = [call(), call()];
    calls.add(a);
    calls.add(b);
    calls.add(a);
    expect([...calls]).toHaveLength(2);
    calls.delete(a);
    calls.delete(a);
    expect([...calls]).toEqual([b]);
    calls.add(a);
    expect([...calls]).toHaveLength(2);
  });

  it('let go of each other when they end', () => {
    const calls = new RunningCalls();
    const [a, b, c] = [call(), call(), call()];
    for (const each of [a, b, c]) calls.add(each);
    calls.delete(b);
    expect(b.previousRunning).toBeUndefined();
    expect(b.nextRunning).toBeUndefined();
  });

  it('all end when they are abandoned, those too that begin later', () => {
    const calls = new RunningCalls();
    const ended: string[] = [];
    const named = (name: string): RunningCall => {
      const each: RunningCall = {
        abandon: ({ code }) => {
          ended.push(`${name} ${code}`);
          calls.delete(each);
        },
      };
      return each;
    };
    calls.add(named('a'));
    calls.add(named('b'));
    calls.abandonAll(new BalancerError('closed', 'over'));
    calls.add(named('c'));
    expect(ended).toEqual(['b closed', 'a closed', 'c closed']);
    expect([...calls]).toEqual([]);
  });
});
