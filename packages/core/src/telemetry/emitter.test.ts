import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { Emitter } from './emitter.ts';

interface TestEvents {
  readonly retry: { readonly attempt: number };
  readonly close: undefined;
}

describe('Emitter', () => {
  it('tells every listener of that event, in order, at once', () => {
    const emitter = new Emitter<TestEvents>();
    const seen: string[] = [];
    emitter.on('retry', ({ attempt }) => seen.push(`first ${attempt}`));
    emitter.on('retry', ({ attempt }) => seen.push(`second ${attempt}`));
    emitter.on('close', () => seen.push('close'));
    emitter.emit('retry', { attempt: 1 });
    expect(seen).toEqual(['first 1', 'second 1']);
  });

  it('stops telling a listener that left, and leaving twice harms no other', () => {
    const emitter = new Emitter<TestEvents>();
    const listener = vi.fn();
    const stop = emitter.on('close', listener);
    const stopOther = emitter.on('close', listener);
    stop();
    stop();
    emitter.emit('close', undefined);
    expect(listener).toHaveBeenCalledTimes(1);
    stopOther();
    emitter.emit('close', undefined);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('knows whether anybody listens', () => {
    const emitter = new Emitter<TestEvents>();
    expect(emitter.has('retry')).toBe(false);
    const stop = emitter.on('retry', () => {});
    expect([emitter.has('retry'), emitter.has('close')]).toEqual([true, false]);
    stop();
    expect(emitter.has('retry')).toBe(false);
    emitter.on('close', () => {});
    emitter.clear();
    expect(emitter.has('close')).toBe(false);
  });

  it('lets listeners come and go while it emits', () => {
    const emitter = new Emitter<TestEvents>();
    const seen: string[] = [];
    const stop = emitter.on('close', () => {
      seen.push('once');
      stop();
      emitter.on('close', () => seen.push('late'));
    });
    emitter.on('close', () => seen.push('always'));
    emitter.emit('close', undefined);
    expect(seen).toEqual(['once', 'always']);
    emitter.emit('close', undefined);
    expect(seen).toEqual(['once', 'always', 'always', 'late']);
  });

  it('tells a listener nothing after it was stopped by one before it', () => {
    const emitter = new Emitter<TestEvents>();
    const second = vi.fn();
    emitter.on('close', () => stopSecond());
    const stopSecond = emitter.on('close', second);
    emitter.emit('close', undefined);
    expect(second).not.toHaveBeenCalled();
  });

  it('reports what a listener throws and goes on with the next', () => {
    const onError = vi.fn();
    const emitter = new Emitter<TestEvents>({ onError });
    const listener = vi.fn();
    const error = new Error('broken listener');
    emitter.on('retry', () => {
      throw error;
    });
    emitter.on('retry', listener);
    emitter.emit('retry', { attempt: 2 });
    expect(onError.mock.calls).toEqual([[error, 'retry']]);
    expect(listener).toHaveBeenCalledWith({ attempt: 2 });
  });

  it('throws it in a microtask of its own when nobody asked for errors', () => {
    const scheduled: (() => void)[] = [];
    const spy = vi
      .spyOn(globalThis, 'queueMicrotask')
      .mockImplementation((task) => void scheduled.push(task));
    try {
      const emitter = new Emitter<TestEvents>();
      emitter.on('close', () => {
        throw new Error('broken listener');
      });
      emitter.emit('close', undefined);
      expect(scheduled).toHaveLength(1);
      expect(scheduled[0]).toThrow('broken listener');
    } finally {
      spy.mockRestore();
    }
  });

  it('types the payload by the name', () => {
    const emitter = new Emitter<TestEvents>();
    emitter.on('retry', (payload) =>
      expectTypeOf(payload).toEqualTypeOf<{ readonly attempt: number }>(),
    );
    // @ts-expect-error no such event
    emitter.has('open');
    // @ts-expect-error the wrong payload
    emitter.emit('retry', { attempt: 'one' });
  });
});
