import { describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { delay } from '../time/clock.ts';
import { type LimitsOptions, limits } from './limits.ts';

function setUp(options?: LimitsOptions) {
  const clock = new FakeClock();
  const limited = limits(options, { clock });
  const began: string[] = [];
  /** A call that takes `ms` and says when it began. */
  const call = (name: string, ms: number) => async () => {
    began.push(`${name}@${clock.now()}`);
    await delay(clock, ms);
    return name;
  };
  return { clock, limited, began, call };
}

describe('limits', () => {
  it('passes calls through untouched when nothing is bounded', () => {
    const { limited } = setUp();
    const answer = Promise.resolve('answer');
    expect(limited.run(() => answer)).toBe(answer);
    expect([limited.running, limited.queued]).toEqual([0, 0]);
  });

  it('runs no more calls at once than allowed, the others in order', async () => {
    const { clock, limited, began, call } = setUp({ concurrency: 2 });
    const all = Promise.all(['a', 'b', 'c', 'd'].map((name) => limited.run(call(name, 10))));
    expect([limited.running, limited.queued]).toEqual([2, 2]);
    await clock.advance(20);
    expect(await all).toEqual(['a', 'b', 'c', 'd']);
    expect(began).toEqual(['a@0', 'b@0', 'c@10', 'd@10']);
    expect([limited.running, limited.queued]).toEqual([0, 0]);
  });

  it('begins a call in the same turn when nothing is in the way', () => {
    const { limited, began, call } = setUp({ concurrency: 1 });
    void limited.run(call('now', 10));
    expect(began).toEqual(['now@0']);
    const rated = setUp({ rate: { calls: 2, intervalMs: 1_000 } });
    for (const name of ['a', 'b', 'late']) void rated.limited.run(rated.call(name, 10));
    expect(rated.began).toEqual(['a@0', 'b@0']);
  });

  it('lets probes go ahead of traffic', async () => {
    const { clock, limited, began, call } = setUp({ concurrency: 1 });
    void limited.run(call('running', 10));
    void limited.run(call('traffic', 10));
    void limited.run(call('probe', 10), { priority: 1 });
    await clock.advance(30);
    expect(began).toEqual(['running@0', 'probe@10', 'traffic@20']);
  });

  it('begins no more than the allowed calls in any interval, wherever it is laid', async () => {
    const { clock, limited, began, call } = setUp({ rate: { calls: 3, intervalMs: 1_000 } });
    void limited.run(call('first', 1));
    await clock.advance(900);
    for (let i = 0; i < 7; i++) void limited.run(call(`${i}`, 1));
    await clock.advance(5_000);
    expect(began).toEqual([
      'first@0',
      '0@900',
      '1@900',
      '2@1000',
      '3@1900',
      '4@1900',
      '5@2000',
      '6@2900',
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('holds both bounds at once', async () => {
    const { clock, limited, began, call } = setUp({
      concurrency: 1,
      rate: { calls: 2, intervalMs: 100 },
    });
    for (const name of ['a', 'b', 'c']) void limited.run(call(name, 30));
    await clock.advance(200);
    expect(began).toEqual(['a@0', 'b@30', 'c@100']);
  });

  it('hands on what a call throws, and goes on', async () => {
    const { clock, limited, call } = setUp({ concurrency: 1 });
    const broken = limited.run(() => Promise.reject(new Error('no answer')));
    const next = limited.run(call('next', 10));
    await expect(broken).rejects.toThrow('no answer');
    await clock.advance(10);
    expect(await next).toBe('next');
  });

  it('refuses at once when the queue is full, but keeps a few places for probes', async () => {
    const { clock, limited, call } = setUp({ concurrency: 1, maxQueue: 2 });
    const traffic = [1, 2, 3].map((n) => limited.run(call(`traffic ${n}`, 10)));
    await expect(limited.run(call('one more', 10))).rejects.toMatchObject({ code: 'overloaded' });
    const probes = Array.from({ length: 16 }, (_, n) =>
      limited.run(call(`probe ${n}`, 1), { priority: 1 }),
    );
    await expect(limited.run(call('flood', 10), { priority: 1 })).rejects.toMatchObject({
      code: 'overloaded',
    });
    await clock.advance(100);
    await Promise.all([...traffic, ...probes]);
  });

  it('lets a caller leave the queue, and gives the place to the next', async () => {
    const { clock, limited, began, call } = setUp({ concurrency: 1, maxQueue: 1 });
    const controller = new AbortController();
    void limited.run(call('running', 10));
    const waiting = limited.run(call('gone', 10), { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(waiting).rejects.toMatchObject({
      code: 'cancelled',
      cause: { message: 'changed my mind' },
    });
    expect(limited.queued).toBe(0);
    void limited.run(call('next', 10));
    await clock.advance(20);
    expect(began).toEqual(['running@0', 'next@10']);
    await expect(limited.run(call('late', 1), { signal: controller.signal })).rejects.toMatchObject(
      {
        code: 'cancelled',
      },
    );
  });

  it('passes over those whose asker is over, at no cost to the rate', async () => {
    const { clock, limited, began, call } = setUp({ rate: { calls: 1, intervalMs: 1_000 } });
    const askers = [0, 1, 2].map(() => ({ isOver: false }));
    const [running, left, waits] = askers.map((asker, i) =>
      limited.run(call(`${i}`, 10), { asker }).catch((error: { code: string }) => error.code),
    );
    askers[1]!.isOver = true;
    await clock.advance(1_010);
    expect(await Promise.all([running, left, waits])).toEqual(['0', 'cancelled', '2']);
    expect(began).toEqual(['0@0', '2@1000']);
  });

  it('leaves a running call and its place alone when its signal aborts', async () => {
    const { clock, limited, call } = setUp({ concurrency: 1 });
    const controller = new AbortController();
    void limited.run(call('first', 10));
    const second = limited.run(call('second', 10), { signal: controller.signal });
    await clock.advance(10);
    controller.abort();
    expect(limited.running).toBe(1);
    await clock.advance(10);
    expect(await second).toBe('second');
  });

  it('holds on to no signal of a call that ended', async () => {
    const { clock, limited, call } = setUp({ concurrency: 1 });
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    void limited.run(call('first', 10), { signal });
    void limited.run(call('second', 10), { signal });
    await clock.advance(20);
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed).toHaveBeenCalledWith('abort', added.mock.calls[0]?.[1]);
  });

  it('fails what waits when it closes, lets what runs end, and leaves nothing', async () => {
    const { clock, limited, began, call } = setUp({
      concurrency: 2,
      rate: { calls: 1, intervalMs: 60_000 },
    });
    const running = limited.run(call('running', 10));
    const waiting = limited.run(call('waiting', 10));
    expect(clock.pendingTimers).toBe(2);
    limited.close();
    limited.close();
    await expect(waiting).rejects.toMatchObject({ code: 'closed' });
    await expect(limited.run(call('late', 10))).rejects.toMatchObject({ code: 'closed' });
    await clock.advance(10);
    expect(await running).toBe('running');
    expect([limited.running, limited.queued, clock.pendingTimers]).toEqual([0, 0, 0]);
    expect(began).toEqual(['running@0']);
  });

  it('closes also when nothing is bounded', async () => {
    const { limited, call } = setUp();
    limited.close();
    await expect(limited.run(call('late', 10))).rejects.toMatchObject({ code: 'closed' });
  });
});
