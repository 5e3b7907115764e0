import { describe, expect, it } from 'vitest';
import { findOutliers, type OutlierRule } from './outliers.ts';

const rule: OutlierRule = { minCalls: 100, minUpstreams: 5, stdevFactor: 1.9, acceptableRatio: 1 };

/** Upstreams with a hundred calls each, that many of them good. */
function upstreams(...successes: number[]) {
  return successes.map((count) => ({ calls: 100, successes: count }));
}

describe('findOutliers', () => {
  it('finds the one that lies far below the rest, and says what it should have reached', () => {
    const pool = upstreams(100, 100, 100, 100, 50);
    const { outliers, threshold } = findOutliers(pool, rule);
    expect(outliers).toEqual([pool[4]]);
    // mean 0.9, standard deviation 0.2
    expect(threshold).toBeCloseTo(0.9 - 1.9 * 0.2, 9);
  });

  it('finds nobody where all do the same, well or badly', () => {
    for (const same of [100, 97, 0]) {
      expect(findOutliers(upstreams(same, same, same, same, same), rule).outliers).toEqual([]);
    }
  });

  it('finds nobody where failures are spread', () => {
    expect(findOutliers(upstreams(90, 80, 70, 60, 50), rule).outliers).toEqual([]);
  });

  it('gives the worst first', () => {
    const pool = upstreams(10, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 5);
    expect(findOutliers(pool, rule).outliers).toEqual([pool[11], pool[0]]);
  });

  it('does not judge who had too few calls, nor anybody when too few can be judged', () => {
    const quiet = { calls: 99, successes: 0 };
    expect(findOutliers([...upstreams(100, 100, 100, 100), quiet], rule).outliers).toEqual([]);
    expect(findOutliers([...upstreams(100, 100, 100, 100, 99), quiet], rule).outliers).toHaveLength(
      1,
    );
  });

  it('judges nobody among fewer upstreams than configured', () => {
    const pool = upstreams(100, 100, 100, 0);
    const lenient = { ...rule, stdevFactor: 1 };
    expect(findOutliers(pool, lenient).outliers).toEqual([]);
    expect(findOutliers(pool, { ...lenient, minUpstreams: 4 }).outliers).toEqual([pool[3]]);
  });

  it('never minds an upstream that does acceptably', () => {
    const pool = upstreams(100, 100, 100, 100, 91);
    expect(findOutliers(pool, rule).outliers).toHaveLength(1);
    expect(findOutliers(pool, { ...rule, acceptableRatio: 0.9 }).outliers).toEqual([]);
  });

  it('finds nobody among none', () => {
    expect(findOutliers([], { ...rule, minCalls: 0, minUpstreams: 0 }).outliers).toEqual([]);
    const silent = [{ calls: 0, successes: 0 }];
    expect(findOutliers(silent, { ...rule, minCalls: 0, minUpstreams: 0 }).outliers).toEqual([]);
  });
});
