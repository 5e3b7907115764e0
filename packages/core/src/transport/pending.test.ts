import { describe, expect, it, vi } from 'vitest';
import { BalancerError, TimeoutError } from '../errors.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { type CallHandlers, PendingCalls } from './pending.ts';

/** A table on a fake clock, and what its calls ended in. */
function table() {
  const clock = new FakeClock();
  const calls = new PendingCalls('a', clock);
  const ended: string[] = [];
  const handlers = (name: string): CallHandlers => ({
    onReply: () => ended.push(`${name} answered`),
    onFail: (error) => ended.push(`${name} ${error.code} at ${clock.now()}`),
    onGiveUp: () => ended.push(`${name} given up`),
  });
  const add = (name: string, timeoutMs: number, signal?: AbortSignal): number =>
    calls.add(name, timeoutMs, signal, handlers(name));
  return { clock, calls, ended, add };
}

describe('PendingCalls', () => {
  it('drops a call that waits, when its time is over and the timer is late', () => {
    let nowMs = 0;
    const clock = { now: () => nowMs, setTimeout: () => undefined, clearTimeout: () => {} };
    const calls = new PendingCalls('a', clock);
    const ended: string[] = [];
    const onFail = ({ code }: BalancerError): number => ended.push(code);
    const id = calls.add('get', 100, undefined, { onReply: () => {}, onFail });
    nowMs = 99;
    expect(calls.dropAbandoned(id)).toBe(false);
    nowMs = 100;
    expect(calls.dropAbandoned(id)).toBe(true);
    expect(ended).toEqual(['timeout']);
    expect(calls.size).toBe(0);
  });

  it('gives every call an id of its own', () => {
    const { add } = table();
    const ids = Array.from({ length: 100 }, () => add('get', 10));
    expect(new Set(ids).size).toBe(100);
  });

  it('fails each call at its own deadline, whatever the order they were made in', async () => {
    const { clock, calls, ended, add } = table();
    for (const timeoutMs of [300, 100, 200, 100]) add(`${timeoutMs}`, timeoutMs);
    await clock.advance(1000);
    const failures = ended.filter((event) => event.includes('timeout'));
    expect(failures).toEqual([
      '100 timeout at 100',
      '100 timeout at 100',
      '200 timeout at 200',
      '300 timeout at 300',
    ]);
    expect(calls.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('needs one timer for any number of calls', () => {
    const { clock, calls, add } = table();
    for (let index = 0; index < 1000; index++) add('get', 1000 - (index % 7));
    expect(clock.pendingTimers).toBe(1);
    expect(calls.size).toBe(1000);
  });

  it('waits for ever, or for years, without a timer that fires at once', async () => {
    const { clock, ended, add } = table();
    add('ever', Number.POSITIVE_INFINITY);
    expect(clock.pendingTimers).toBe(0);
    add('years', 2 ** 40);
    await clock.advance(2 ** 40 - 1);
    expect(ended).toEqual([]);
    await clock.advance(1);
    expect(ended.at(-1)).toBe(`years timeout at ${2 ** 40}`);
    expect(clock.pendingTimers).toBe(0);
  });

  it('says which call took too long, at which upstream', async () => {
    const { clock, calls } = table();
    const failed = vi.fn();
    calls.add('state_call', 250, undefined, { onReply: () => {}, onFail: failed });
    await clock.advance(250);
    const error = failed.mock.lastCall?.[0] as TimeoutError;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toBe('[timeout] a: no answer to state_call within 250 ms');
  });

  it('tells the owner of a call it gives up before it fails it', async () => {
    const { clock, ended, add } = table();
    const controller = new AbortController();
    add('aborted', 100, controller.signal);
    add('late', 50);
    controller.abort();
    await clock.advance(50);
    expect(ended).toEqual([
      'aborted given up',
      'aborted cancelled at 0',
      'late given up',
      'late timeout at 50',
    ]);
  });

  it('leaves alone a call that ended, when its deadline or signal comes', async () => {
    const { clock, calls, ended, add } = table();
    const controller = new AbortController();
    const id = add('get', 100, controller.signal);
    calls.take(id)?.onReply({ kind: 'result', result: '1' });
    controller.abort();
    await clock.advance(1000);
    expect(ended).toEqual(['get answered']);
    expect(calls.take(id)).toBeUndefined();
  });

  it('hands out the only call, and none of several', () => {
    const { calls, add } = table();
    expect(calls.takeOnly()).toBeUndefined();
    add('first', 10);
    const second = add('second', 10);
    expect(calls.takeOnly()).toBeUndefined();
    calls.take(second);
    expect(calls.takeOnly()).toBeDefined();
    expect(calls.size).toBe(0);
  });

  it('fails all at once and can be used again', async () => {
    const { clock, calls, ended, add } = table();
    add('one', 10);
    add('two', 20);
    calls.failAll(() => new BalancerError('closed', 'over'));
    expect(ended).toEqual(['one closed at 0', 'two closed at 0']);
    expect(clock.pendingTimers).toBe(0);
    add('three', 30);
    await clock.advance(30);
    expect(ended.at(-1)).toBe('three timeout at 30');
  });

  it('survives calls made and ended while it fails them', async () => {
    const { clock, calls, add, ended } = table();
    let second = 0;
    calls.add('first', 10, undefined, {
      onReply: () => {},
      onFail: () => {
        calls.take(second);
        add('third', 10);
      },
    });
    second = add('second', 10);
    await clock.advance(10);
    expect(ended).toEqual([]);
    expect(calls.size).toBe(1);
    await clock.advance(10);
    expect(ended.at(-1)).toBe('third timeout at 20');
  });
});
