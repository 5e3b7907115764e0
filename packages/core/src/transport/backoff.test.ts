import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.ts';
import { Backoff } from './backoff.ts';

describe('Backoff', () => {
  it('doubles its ceiling up to the longest delay', () => {
    const backoff = new Backoff(() => 1 - Number.EPSILON, { initialMs: 100, maxMs: 1000 });
    const ceilings = Array.from({ length: 6 }, () => Math.round(backoff.nextMs()));
    expect(ceilings).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  it('spreads delays over everything below the ceiling', () => {
    const random = seededRandom(1);
    const delays = Array.from({ length: 1000 }, () => new Backoff(random).nextMs());
    expect(Math.min(...delays)).toBeLessThan(10);
    expect(Math.max(...delays)).toBeGreaterThan(490);
    expect(Math.max(...delays)).toBeLessThan(500);
  });

  it('starts over after a reset', () => {
    const backoff = new Backoff(() => 0.5, { initialMs: 100, factor: 10 });
    expect([backoff.nextMs(), backoff.nextMs()]).toEqual([50, 500]);
    backoff.reset();
    expect(backoff.nextMs()).toBe(50);
  });

  it('stays bounded after years of failures', () => {
    const backoff = new Backoff(() => 1 - Number.EPSILON);
    for (let index = 0; index < 5000; index++) backoff.nextMs();
    expect(backoff.nextMs()).toBeLessThan(10_000);
  });
});
