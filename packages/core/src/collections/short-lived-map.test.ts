import { describe, expect, it } from 'vitest';
import { ShortLivedMap } from './short-lived-map.ts';

describe('a short-lived map', () => {
  it('holds what was added until it is taken', () => {
    const map = new ShortLivedMap<string, object>();
    const value = {};
    map.add('a', value);
    expect(map.get('a')).toBe(value);
    expect(map.size).toBe(1);
    expect(map.take('a')).toBe(value);
    expect(map.take('a')).toBeUndefined();
    expect(map.get('a')).toBeUndefined();
    expect(map.size).toBe(0);
  });

  it('takes a key again that was taken', () => {
    const map = new ShortLivedMap<string, object>();
    const value = {};
    map.add('a', {});
    map.take('a');
    map.add('a', value);
    expect(map.get('a')).toBe(value);
    expect(map.size).toBe(1);
  });

  it('keeps the live entries, in order, while thousands come and go', () => {
    const map = new ShortLivedMap<number, { key: number }>();
    for (let key = 0; key < 10_000; key += 1) {
      map.add(key, { key });
      if (key >= 3 && key !== 5_003) map.take(key - 3);
    }
    expect(map.values().map(({ key }) => key)).toEqual([5_000, 9_997, 9_998, 9_999]);
    expect(map.size).toBe(4);
    expect(map.get(5_000)).toEqual({ key: 5_000 });
    expect(map.get(4_999)).toBeUndefined();
  });

  it('grows with its live entries', () => {
    const map = new ShortLivedMap<number, { key: number }>();
    for (let key = 0; key < 5_000; key += 1) map.add(key, { key });
    expect(map.size).toBe(5_000);
    expect(map.get(4_999)).toEqual({ key: 4_999 });
  });

  it('is empty after clear', () => {
    const map = new ShortLivedMap<number, object>();
    map.add(1, {});
    map.clear();
    expect(map.size).toBe(0);
    expect(map.values()).toEqual([]);
  });
});
