import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { SlowStart } from './slow-start.ts';

describe('SlowStart', () => {
  it('does nothing before it began', () => {
    expect(new SlowStart({ clock: new FakeClock() }).weight()).toBe(1);
  });

  it('begins with the minimum and grows evenly to 1', async () => {
    const clock = new FakeClock(5_000);
    const slowStart = new SlowStart({ clock });
    slowStart.begin();
    const weights: number[] = [];
    for (const stepMs of [0, 500, 1_500, 3_000, 4_999, 1, 60_000]) {
      await clock.advance(stepMs);
      weights.push(slowStart.weight());
    }
    expect(weights).toEqual([0.1, 0.1, 0.2, 0.5, 0.9999, 1, 1]);
  });

  it('begins anew when the upstream leaves and comes back', async () => {
    const clock = new FakeClock();
    const slowStart = new SlowStart({ clock, windowMs: 1_000, minWeight: 0.2 });
    slowStart.begin();
    await clock.advance(900);
    slowStart.begin();
    expect(slowStart.weight()).toBe(0.2);
    expect(slowStart.weight(clock.now() + 500)).toBe(0.5);
  });

  it('is off with no window', () => {
    const slowStart = new SlowStart({ clock: new FakeClock(), windowMs: 0 });
    slowStart.begin();
    expect(slowStart.weight()).toBe(1);
  });
});
