import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { PeakEwma } from './peak-ewma.ts';

function setUp() {
  const clock = new FakeClock();
  return { clock, ewma: new PeakEwma({ clock }) };
}

describe('PeakEwma', () => {
  it('asks for one first call, and no flood of them, before anything is known', () => {
    const { ewma } = setUp();
    expect(ewma.load(0)).toBe(0);
    expect(ewma.load(1)).toBe(2_000);
    expect(ewma.value).toBe(1_000);
  });

  it('costs the average for each call it holds and the one to come', () => {
    const { ewma } = setUp();
    ewma.observe(50);
    expect([ewma.load(0), ewma.load(1), ewma.load(9)]).toEqual([50, 100, 500]);
  });

  it('takes the first answer as it is, not blended with the default', () => {
    const { ewma } = setUp();
    ewma.observe(3);
    expect(ewma.value).toBe(3);
  });

  it('jumps to a peak at once', () => {
    const { ewma } = setUp();
    ewma.observe(50);
    ewma.observe(2_000);
    expect(ewma.value).toBe(2_000);
  });

  it('recovers slowly: after one decay time the peak still weighs 1/e', async () => {
    const { clock, ewma } = setUp();
    ewma.observe(1_000);
    ewma.observe(10);
    expect(ewma.value).toBe(1_000);
    await clock.advance(10_000);
    ewma.observe(10);
    expect(ewma.value).toBeCloseTo(1_000 / Math.E + 10 * (1 - 1 / Math.E), 9);
  });

  it('fades while nobody calls, so that a slow upstream is tried again', async () => {
    const { clock, ewma } = setUp();
    ewma.observe(2_000);
    await clock.advance(53_000);
    expect(ewma.load(0)).toBeLessThan(10);
  });

  it('is not changed by being read', async () => {
    const [read, unread] = [setUp(), setUp()];
    for (const { ewma } of [read, unread]) ewma.observe(1_000);
    for (let second = 0; second < 5; second++) {
      await read.clock.advance(1_000);
      read.ewma.load(3);
    }
    await unread.clock.advance(5_000);
    for (const { ewma } of [read, unread]) ewma.observe(100);
    expect(read.ewma.value).toBe(unread.ewma.value);
  });

  it('counts an attempt that is still out once it is slower than the average', () => {
    const { ewma } = setUp();
    ewma.observe(50);
    ewma.observeAtLeast(20);
    expect(ewma.value).toBe(50);
    ewma.observeAtLeast(400);
    expect(ewma.value).toBe(400);
  });

  it('does not take a quick failure for a quick answer', async () => {
    const { clock, ewma } = setUp();
    ewma.observeAtLeast(1);
    expect(ewma.load(0)).toBe(1_000);
    ewma.observe(100);
    await clock.advance(1_000);
    const faded = ewma.value;
    ewma.observeAtLeast(1);
    expect(ewma.value).toBe(faded);
  });

  it('weighs a bound above the faded average like an answer of that length', async () => {
    const [answered, hanging] = [setUp(), setUp()];
    for (const { clock, ewma } of [answered, hanging]) {
      ewma.observe(1_000);
      await clock.advance(10_000);
    }
    answered.ewma.observe(500);
    hanging.ewma.observeAtLeast(500);
    expect(hanging.ewma.value).toBe(answered.ewma.value);
    expect(hanging.ewma.value).toBeGreaterThan(500);
  });
});
