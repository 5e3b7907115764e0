import { describe, expect, it, vi } from 'vitest';
import { Coalescer, type CoalescerOptions } from './coalesce.ts';

function setUp(options?: CoalescerOptions) {
  const coalescer = new Coalescer<string, string>(options);
  const executions: Deferred<string>[] = [];
  const start = vi.fn(() => {
    const execution = deferred<string>();
    executions.push(execution);
    return execution.promise;
  });
  const run = (key: string, begin: () => Promise<string> = start) =>
    coalescer.run(key, begin, `note of ${key}`).outcome;
  return { coalescer, executions, start, run };
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
    const { coalescer, executions, start, run } = setUp();
    const answers = Array.from({ length: 100 }, () => run('eth_blockNumber'));
    expect(start).toHaveBeenCalledTimes(1);
    expect(coalescer.size).toBe(1);
    executions[0]!.resolve('0x10');
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['0x10']));
    expect(coalescer.size).toBe(0);
  });

  it('runs different calls by themselves', () => {
    const { start, run } = setUp();
    void run('a');
    void run('b');
    expect(start).toHaveBeenCalledTimes(2);
  });

  it('keeps no answer: whoever sees it may start the next run at once', async () => {
    const { executions, run } = setUp();
    const next = run('key').then(() => run('key'));
    executions[0]!.resolve('first');
    await vi.waitFor(() => expect(executions).toHaveLength(2));
    executions[1]!.resolve('second');
    expect(await next).toBe('second');
  });

  it('shares a failure with those who waited, and with nobody later', async () => {
    const { executions, run } = setUp();
    const both = [run('key'), run('key')];
    executions[0]!.reject(new Error('no answer'));
    for (const each of both) await expect(each).rejects.toThrow('no answer');
    const later = run('key');
    executions[1]!.resolve('well again');
    expect(await later).toBe('well again');
  });

  it('hands those who join the note of the caller that started', () => {
    const { coalescer, start } = setUp();
    const first = coalescer.run('key', start, 'first');
    const second = coalescer.run('key', start, 'second');
    expect([first.note, second.note]).toEqual(['first', 'first']);
    expect(second.outcome).toBe(first.outcome);
  });

  it('runs calls alone past its bound', async () => {
    const { coalescer, executions, start, run } = setUp({ maxKeys: 2 });
    const first = run('a');
    void run('b');
    void run('c');
    void run('c');
    expect(start).toHaveBeenCalledTimes(4);
    expect(coalescer.size).toBe(2);
    void run('a');
    expect(start).toHaveBeenCalledTimes(4);
    executions[0]!.resolve('answer');
    await first;
    void run('c');
    void run('c');
    expect(start).toHaveBeenCalledTimes(5);
  });

  it('keeps nothing when the execution cannot even start', () => {
    const { coalescer, run } = setUp();
    const broken = () => {
      throw new Error('cannot start');
    };
    expect(() => run('key', broken)).toThrow('cannot start');
    expect(coalescer.size).toBe(0);
  });
});
