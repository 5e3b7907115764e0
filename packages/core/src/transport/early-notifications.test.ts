import { describe, expect, it } from 'vitest';
import { EarlyNotificationBuffer } from './early-notifications.ts';
import { RecentMap } from './recent-map.ts';

describe('EarlyNotificationBuffer', () => {
  it('hands over what came for an id, in order, once', () => {
    const buffer = new EarlyNotificationBuffer(10);
    for (const [id, item] of ['a1', 'b1', 'a2'].map((text) => [text[0]!, text])) {
      buffer.keep(id!, item!);
    }
    expect(buffer.take('a')).toEqual({ items: ['a1', 'a2'], lost: false });
    expect(buffer.take('a')).toEqual({ items: [], lost: false });
    expect(buffer.take('b')).toEqual({ items: ['b1'], lost: false });
  });

  it('remembers whose notifications it had no room for', () => {
    const buffer = new EarlyNotificationBuffer(3);
    for (const item of ['1', '2', '3', '4']) buffer.keep('a', item);
    buffer.keep('b', '1');
    expect(buffer.take('c')).toEqual({ items: [], lost: false });
    expect(buffer.take('b')).toEqual({ items: [], lost: true });
    expect(buffer.take('a')).toEqual({ items: ['1', '2', '3'], lost: true });
  });

  it('counts a loss for every id when there are too many of them to remember', () => {
    const buffer = new EarlyNotificationBuffer(2);
    for (const id of ['a', 'b', 'c']) buffer.keep(id, '1');
    expect(buffer.take('z').lost).toBe(true);
    expect(buffer.take('a')).toEqual({ items: ['1'], lost: true });
    buffer.clear();
    expect(buffer.take('b')).toEqual({ items: [], lost: false });
  });

  it('has room again for what was taken', () => {
    const buffer = new EarlyNotificationBuffer(1);
    for (let round = 0; round < 5; round++) {
      buffer.keep('a', `${round}`);
      expect(buffer.take('a')).toEqual({ items: [`${round}`], lost: false });
    }
  });
});

describe('RecentMap', () => {
  it('forgets the oldest entry first', () => {
    const recent = new RecentMap<string, number>(2);
    recent.set('a', 1);
    recent.set('b', 2);
    recent.set('a', 3);
    recent.set('c', 4);
    expect(recent.has('b')).toBe(false);
    expect(recent.take('a')).toBe(3);
    expect(recent.take('a')).toBeUndefined();
    expect(recent.size).toBe(1);
  });
});
