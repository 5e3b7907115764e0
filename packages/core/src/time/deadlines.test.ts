import { describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { Deadlines } from './deadlines.ts';

function setUp(startMs = 0) {
  const clock = new FakeClock(startMs);
  const deadlines = new Deadlines(clock);
  const fired: string[] = [];
  const add = (name: string, delayMs: number) =>
    deadlines.add(delayMs, () => fired.push(`${name}@${clock.now()}`));
  return { clock, deadlines, fired, add };
}

describe('Deadlines', () => {
  it('fires in order, never early, and short ones within 10 ms', async () => {
    const { clock, fired, add } = setUp(3);
    add('b', 100);
    add('a', 5);
    add('c', 600);
    await clock.advance(1_000);
    expect(fired).toEqual(['a@10', 'b@110', 'c@610']);
  });

  it('fires those that share a slot in the order they came', async () => {
    const { clock, fired, add } = setUp();
    for (const name of ['a', 'b', 'c']) add(name, 8);
    await clock.advance(10);
    expect(fired).toEqual(['a@10', 'b@10', 'c@10']);
  });

  it('is late by less than a 64th of the delay, or 10 ms', async () => {
    const random = seededRandom(3);
    const { clock, deadlines } = setUp();
    let checked = 0;
    for (let i = 0; i < 500; i++) {
      const delayMs = 10 ** (random() * 6);
      const dueAtMs = clock.now() + delayMs;
      deadlines.add(delayMs, () => {
        const lateMs = clock.now() - dueAtMs;
        expect(lateMs).toBeGreaterThanOrEqual(-1e-9);
        expect(lateMs).toBeLessThan(Math.max(10, delayMs / 64) + 1e-9);
        checked++;
      });
      await clock.advance(random() * 50);
    }
    await clock.advance(1_100_000);
    expect(checked).toBe(500);
    expect([deadlines.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('fires at most once, and not after it was cancelled', async () => {
    const { clock, deadlines, fired, add } = setUp();
    const handles = ['a', 'b', 'c', 'd'].map((name) => add(name, 30));
    deadlines.cancel(handles[1]!);
    deadlines.cancel(handles[1]!);
    deadlines.cancel(handles[3]!);
    expect(deadlines.size).toBe(2);
    await clock.advance(1_000);
    expect(fired).toEqual(['a@30', 'c@30']);
    for (const handle of handles) deadlines.cancel(handle);
    expect(deadlines.size).toBe(0);
  });

  it('never has more than one timer pending, however many deadlines there are', async () => {
    const random = seededRandom(5);
    const { clock, deadlines } = setUp();
    let most = 0;
    for (let i = 0; i < 5_000; i++) {
      const handle = deadlines.add(random() * 30_000, () => {});
      if (i % 3 > 0) deadlines.cancel(handle);
      most = Math.max(most, clock.pendingTimers);
      if (i % 50 === 0) await clock.advance(7);
    }
    expect(most).toBe(1);
    await clock.advance(40_000);
    expect([deadlines.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('sets a timer at most once in a slot for calls that are all answered in time', async () => {
    const { clock, deadlines } = setUp();
    const setTimeout = vi.spyOn(clock, 'setTimeout');
    for (let i = 0; i < 10_000; i++) {
      deadlines.cancel(deadlines.add(30_000, () => {}));
      if (i % 10 === 0) await clock.advance(60);
    }
    // A minute of calls: the timer fires for nothing each 30 s.
    expect(setTimeout.mock.calls.length).toBeLessThanOrEqual(3);
  });

  it('lets a shorter deadline overtake the timer of a longer one', async () => {
    const { clock, fired, add } = setUp();
    add('long', 60_000);
    add('short', 50);
    await clock.advance(50);
    expect(fired).toEqual(['short@50']);
    await clock.advance(61_000);
    expect(fired).toHaveLength(2);
  });

  it('lets callbacks add, cancel and add themselves again', async () => {
    const { clock, deadlines, fired, add } = setUp();
    const rounds: number[] = [];
    const again = (): void => {
      rounds.push(clock.now());
      if (rounds.length < 5) deadlines.add(0, again);
    };
    deadlines.add(0, again);
    deadlines.add(20, () => deadlines.cancel(neighbour));
    const neighbour = add('neighbour', 20);
    deadlines.add(20, () => add('child', 15));
    await clock.advance(100);
    expect(rounds).toEqual([10, 20, 30, 40, 50]);
    expect(fired).toEqual(['child@40']);
  });

  it('lets the others fire when a callback throws', async () => {
    const scheduled: (() => void)[] = [];
    const spy = vi
      .spyOn(globalThis, 'queueMicrotask')
      .mockImplementation((task) => void scheduled.push(task));
    try {
      const { clock, deadlines, fired, add } = setUp();
      deadlines.add(10, () => {
        throw new Error('broken callback');
      });
      add('next', 10);
      add('later', 50);
      await clock.advance(100);
      expect(fired).toEqual(['next@10', 'later@50']);
      expect(scheduled[0]).toThrow('broken callback');
    } finally {
      spy.mockRestore();
    }
  });

  it('waits for delays longer than a timer can', async () => {
    const { clock, fired, add } = setUp();
    const days = 24 * 3_600_000;
    add('far', 60 * days);
    await clock.advance(60 * days - 1);
    expect(fired).toEqual([]);
    await clock.advance(days);
    expect(fired).toHaveLength(1);
  });

  it('refuses a delay that is no number', () => {
    const { deadlines, add } = setUp();
    expect(() => add('never', Number.POSITIVE_INFINITY)).toThrow(RangeError);
    expect(() => add('nan', Number.NaN)).toThrow(RangeError);
    expect(deadlines.size).toBe(0);
  });

  it('calls nobody after it was closed, also when one of its callbacks closed it', async () => {
    const { clock, deadlines, fired, add } = setUp();
    deadlines.add(10, () => deadlines.close());
    add('neighbour', 10);
    add('later', 1_000);
    await clock.advance(5_000);
    add('after', 10);
    await clock.advance(5_000);
    expect(fired).toEqual([]);
    expect([deadlines.size, clock.pendingTimers]).toEqual([0, 0]);
  });
});
