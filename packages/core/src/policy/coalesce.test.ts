import { describe, expect, it, vi } from 'vitest';
import { Coalescer, type CoalescerOptions } from './coalesce.ts';

function setUp(options?: CoalescerOptions) {
  const coalescer = new Coalescer<string>(options);
  const executions: Deferred<string>[] = [];
  const start = vi.fn(() => {
    const execution = deferred<string>();
    executions.push(execution);
    return execution.promise;
  });
  return { coalescer, executions, start };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

describe('Coalescer', () => {
  it('runs identical calls once and gives all the same answer', async () => {
    const { coalescer, executions, start } = setUp();
    const answers = Array.from({ length: 100 }, () => coalescer.run('eth_blockNumber', start));
    expect(start).toHaveBeenCalledTimes(1);
    expect(coalescer.size).toBe(1);
    executions[0]!.resolve('0x10');
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['0x10']));
    expect(coalescer.size).toBe(0);
  });

  it('runs different calls by themselves', () => {
    const { coalescer, start } = setUp();
    void coalescer.run('a', start);
    void coalescer.run('b', start);
    expect(start).toHaveBeenCalledTimes(2);
  });

  it('keeps no answer: whoever sees it may start the next run at once', async () => {
    const { coalescer, executions, start } = setUp();
    const next = coalescer.run('key', start).then(() => coalescer.run('key', start));
    executions[0]!.resolve('first');
    await vi.waitFor(() => expect(executions).toHaveLength(2));
    executions[1]!.resolve('second');
    expect(await next).toBe('second');
  });

  it('shares a failure with those who waited, and with nobody later', async () => {
    const { coalescer, executions, start } = setUp();
    const both = [coalescer.run('key', start), coalescer.run('key', start)];
    executions[0]!.reject(new Error('no answer'));
    for (const each of both) await expect(each).rejects.toThrow('no answer');
    const later = coalescer.run('key', start);
    executions[1]!.resolve('well again');
    expect(await later).toBe('well again');
  });

  it('lets a caller leave without cancelling the others', async () => {
    const { coalescer, executions, start } = setUp();
    const controller = new AbortController();
    const leaves = coalescer.run('key', start, controller.signal);
    const stays = coalescer.run('key', start);
    controller.abort(new Error('gone'));
    await expect(leaves).rejects.toThrow('gone');
    executions[0]!.resolve('answer');
    expect(await stays).toBe('answer');
    expect(start).toHaveBeenCalledTimes(1);
    await expect(coalescer.run('key', start, controller.signal)).rejects.toThrow('gone');
  });

  it('bothers nobody with a failure after all callers left', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const { coalescer, executions, start } = setUp();
      const controller = new AbortController();
      const only = coalescer.run('key', start, controller.signal);
      controller.abort(new Error('gone'));
      await expect(only).rejects.toThrow('gone');
      executions[0]!.reject(new Error('no answer'));
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });

  it('holds on to no signal once the execution has settled', async () => {
    const { coalescer, executions, start } = setUp();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    const answer = coalescer.run('key', start, signal);
    executions[0]!.resolve('answer');
    await answer;
    await Promise.resolve();
    expect(removed).toHaveBeenCalledTimes(1);
  });

  it('runs calls alone past its bound', async () => {
    const { coalescer, executions, start } = setUp({ maxKeys: 2 });
    const first = coalescer.run('a', start);
    void coalescer.run('b', start);
    void coalescer.run('c', start);
    void coalescer.run('c', start);
    expect(start).toHaveBeenCalledTimes(4);
    expect(coalescer.size).toBe(2);
    void coalescer.run('a', start);
    expect(start).toHaveBeenCalledTimes(4);
    executions[0]!.resolve('answer');
    await first;
    void coalescer.run('c', start);
    void coalescer.run('c', start);
    expect(start).toHaveBeenCalledTimes(5);
  });

  it('keeps nothing when the execution cannot even start', () => {
    const { coalescer } = setUp();
    const broken = () => {
      throw new Error('cannot start');
    };
    expect(() => coalescer.run('key', broken)).toThrow('cannot start');
    expect(coalescer.size).toBe(0);
  });
});
