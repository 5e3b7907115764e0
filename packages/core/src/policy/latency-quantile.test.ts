import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { LatencyQuantile, type LatencyQuantileOptions } from './latency-quantile.ts';

function setUp(options: LatencyQuantileOptions = {}) {
  const clock = new FakeClock();
  const latencies = new LatencyQuantile({ clock, ...options });
  const observe = (method: string, times: number, ms: number) => {
    for (let i = 0; i < times; i++) latencies.observe(method, ms);
  };
  return { clock, latencies, observe };
}

describe('LatencyQuantile', () => {
  it('says nothing before it has enough answers', () => {
    const { latencies, observe } = setUp();
    expect(latencies.quantile('eth_call', 0.95)).toBeUndefined();
    observe('eth_call', 19, 50);
    expect(latencies.quantile('eth_call', 0.95)).toBeUndefined();
    observe('eth_call', 1, 50);
    expect(latencies.quantile('eth_call', 0.95)).toBeGreaterThan(50 * 0.95);
    expect(latencies.quantile('eth_call', 0.95)).toBeLessThan(50 * 1.05);
  });

  it('is within 5 % of the true quantile, from a tenth of a millisecond to two minutes', () => {
    const random = seededRandom(7);
    const { latencies } = setUp();
    // Evenly spread in magnitude: 0.1 to 100 000 ms.
    const values = Array.from({ length: 20_000 }, () => 10 ** (random() * 6 - 1));
    for (const value of values) latencies.observe('m', value);
    values.sort((one, other) => one - other);
    for (const q of [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1]) {
      const truth = values[Math.floor(q * (values.length - 1))]!;
      const said = latencies.quantile('m', q)!;
      expect(Math.abs(said - truth) / truth, `q = ${q}`).toBeLessThanOrEqual(0.0501);
    }
  });

  it('knows the tail apart from the bulk', () => {
    const { latencies, observe } = setUp();
    observe('m', 90, 10);
    observe('m', 10, 1_000);
    expect(latencies.quantile('m', 0.5)).toBeCloseTo(10, 0);
    expect(latencies.quantile('m', 0.89)).toBeCloseTo(10, 0);
    expect(latencies.quantile('m', 0.95)).toBeGreaterThan(900);
  });

  it('keeps methods apart', () => {
    const { latencies, observe } = setUp();
    observe('quick', 20, 1);
    observe('slow', 20, 5_000);
    expect(latencies.quantile('quick', 0.5)).toBeLessThan(2);
    expect(latencies.quantile('slow', 0.5)).toBeGreaterThan(4_000);
  });

  it('takes what is out of its range for the nearest it knows', () => {
    const { latencies, observe } = setUp();
    observe('none', 20, 0);
    observe('long', 20, 1e9);
    expect(latencies.quantile('none', 0.5)).toBeLessThanOrEqual(0.1);
    expect(latencies.quantile('long', 0.5)).toBeGreaterThan(114_000);
    expect(latencies.quantile('long', 0.5)).toBeLessThan(126_001);
  });

  it('forgets answers after one to two windows', async () => {
    const { clock, latencies, observe } = setUp();
    observe('m', 20, 1_000);
    await clock.advance(60_000);
    expect(latencies.quantile('m', 0.5)).toBeGreaterThan(900);
    observe('m', 20, 10);
    expect(latencies.quantile('m', 0.75)).toBeGreaterThan(900);
    await clock.advance(60_000);
    expect(latencies.quantile('m', 0.99)).toBeLessThan(11);
    await clock.advance(60_000);
    expect(latencies.quantile('m', 0.5)).toBeUndefined();
  });

  it('forgets all of it after a long silence', async () => {
    const { clock, latencies, observe } = setUp();
    observe('m', 100, 1_000);
    await clock.advance(3_600_000);
    expect(latencies.quantile('m', 0.5)).toBeUndefined();
    observe('m', 19, 10);
    expect(latencies.quantile('m', 0.5)).toBeUndefined();
  });

  it('keeps a bounded number of methods and forgets the one unused for longest', () => {
    const { latencies, observe } = setUp({ maxMethods: 3 });
    for (const method of ['a', 'b', 'c']) observe(method, 20, 10);
    latencies.quantile('a', 0.5);
    observe('d', 20, 10);
    expect(latencies.size).toBe(3);
    expect(latencies.quantile('b', 0.5)).toBeUndefined();
    for (const method of ['a', 'c', 'd'])
      expect(latencies.quantile(method, 0.5), method).toBeDefined();
  });

  it('starts a new method with an empty record, also one that another left', () => {
    const { latencies, observe } = setUp({ maxMethods: 1 });
    observe('old', 1_000, 5_000);
    observe('new', 19, 10);
    expect(latencies.quantile('new', 0.5)).toBeUndefined();
    observe('new', 1, 10);
    expect(latencies.quantile('new', 1)).toBeLessThan(11);
  });

  it('stays bounded under a flood of invented methods', () => {
    const { latencies } = setUp();
    for (let i = 0; i < 5_000; i++) latencies.observe(`made_up_${i}`, 1);
    expect(latencies.size).toBe(256);
  });
});
