import { describe, expect, it } from 'vitest';
import { delay } from '../time/clock.ts';
import { FakeClock } from './fake-clock.ts';

describe('FakeClock', () => {
  it('stands still until told to go on', async () => {
    const clock = new FakeClock(500);
    let fired = false;
    clock.setTimeout(() => {
      fired = true;
    }, 10);
    await clock.advance(9);
    expect([clock.now(), fired, clock.pendingTimers]).toEqual([509, false, 1]);
    await clock.advance(1);
    expect([clock.now(), fired, clock.pendingTimers]).toEqual([510, true, 0]);
  });

  it('fires timers in time order, and those of one instant in the order they were set', async () => {
    const clock = new FakeClock();
    const fired: string[] = [];
    const set = (name: string, ms: number) =>
      clock.setTimeout(() => fired.push(`${name}@${clock.now()}`), ms);
    set('c', 30);
    set('a', 10);
    set('b1', 20);
    set('b2', 20);
    await clock.advance(100);
    expect(fired).toEqual(['a@10', 'b1@20', 'b2@20', 'c@30']);
    expect(clock.now()).toBe(100);
  });

  it('lets deep promise chains run between two timers', async () => {
    const clock = new FakeClock();
    const seen: number[] = [];
    const loop = async () => {
      for (let turn = 0; turn < 5; turn++) {
        await delay(clock, 10);
        for (let depth = 0; depth < 50; depth++) await Promise.resolve();
        seen.push(clock.now());
      }
    };
    const done = loop();
    await clock.advance(50);
    await done;
    expect(seen).toEqual([10, 20, 30, 40, 50]);
  });

  it('forgets a timer that is cleared, also by another timer of the same instant', async () => {
    const clock = new FakeClock();
    const fired: string[] = [];
    clock.setTimeout(() => clock.clearTimeout(second), 10);
    const second = clock.setTimeout(() => fired.push('second'), 10);
    await clock.advance(20);
    expect(fired).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('runs until a condition holds and stands where it began to hold', async () => {
    const clock = new FakeClock();
    let ticks = 0;
    const tick = () => {
      ticks++;
      clock.setTimeout(tick, 10);
    };
    tick();
    await clock.runUntil(() => ticks === 4, 1_000);
    expect(clock.now()).toBe(30);
    await expect(clock.runUntil(() => ticks === 1_000, 100)).rejects.toThrow('100 ms');
    expect(clock.now()).toBe(130);
  });

  it('refuses delays that a real timer would not wait for', () => {
    const clock = new FakeClock();
    expect(() => clock.setTimeout(() => {}, 2 ** 31)).toThrow(RangeError);
    expect(() => clock.setTimeout(() => {}, Number.NaN)).toThrow(RangeError);
    expect(clock.pendingTimers).toBe(0);
  });

  it('hands on the error of a callback', async () => {
    const clock = new FakeClock();
    clock.setTimeout(() => {
      throw new Error('from the timer');
    }, 5);
    await expect(clock.advance(10)).rejects.toThrow('from the timer');
    expect(clock.now()).toBe(5);
  });
});
