import { describe, expect, it } from 'vitest';
import { ShortLivedMap } from './short-lived-map.ts';

describe('a short-lived map', () => {
  it('holds what was set until it is deleted', () => {
    const map = new ShortLivedMap<string, object>();
    const value = {};
    map.set('a', value);
    expect(map.get('a')).toBe(value);
    expect(map.size).toBe(1);
    expect(map.delete('a')).toBe(true);
    expect(map.delete('a')).toBe(false);
    expect(map.get('a')).toBeUndefined();
    expect(map.size).toBe(0);
  });

  it('counts a key once that is set twice', () => {
    const map = new ShortLivedMap<string, object>();
    const value = {};
    map.set('a', {});
    map.set('a', value);
    expect(map.size).toBe(1);
    expect(map.values()).toEqual([value]);
  });

  it('takes a key back that was deleted', () => {
    const map = new ShortLivedMap<string, object>();
    const value = {};
    map.set('a', {});
    map.delete('a');
    map.set('a', value);
    expect(map.get('a')).toBe(value);
    expect(map.size).toBe(1);
  });

  it('keeps the live entries, in order, while thousands come and go', () => {
    const map = new ShortLivedMap<number, { key: number }>();
    for (let key = 0; key < 10_000; key += 1) {
      map.set(key, { key });
      if (key >= 3 && key !== 5_003) map.delete(key - 3);
    }
    expect(map.values().map(({ key }) => key)).toEqual([5_000, 9_997, 9_998, 9_999]);
    expect(map.size).toBe(4);
    expect(map.get(5_000)).toEqual({ key: 5_000 });
    expect(map.get(4_999)).toBeUndefined();
  });

  it('grows with its live entries', () => {
    const map = new ShortLivedMap<number, { key: number }>();
    for (let key = 0; key < 5_000; key += 1) map.set(key, { key });
    expect(map.size).toBe(5_000);
    expect(map.get(4_999)).toEqual({ key: 4_999 });
  });

  it('is empty after clear', () => {
    const map = new ShortLivedMap<number, object>();
    map.set(1, {});
    map.clear();
    expect(map.size).toBe(0);
    expect(map.values()).toEqual([]);
  });
});
