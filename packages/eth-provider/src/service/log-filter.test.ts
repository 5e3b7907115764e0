import { describe, expect, it } from 'vitest';
import { readLogFilter } from './log-filter.ts';

const a = `0x${'0a'.repeat(20)}`;
const b = `0x${'0b'.repeat(20)}`;
const t = `0x${'01'.repeat(32)}`;
const u = `0x${'02'.repeat(32)}`;

describe('a filter of logs', () => {
  it('has one key in all its spellings', () => {
    const key = (filter: unknown) => readLogFilter(filter).key;
    expect(key({ address: a })).toBe(key({ address: [a.toUpperCase().replace('X', 'x'), a] }));
    expect(key({ topics: [[t, u]] })).toBe(key({ topics: [[u, t]] }));
    expect(key({ topics: [null] })).toBe(key({ topics: [[]] }));
    expect(key({ topics: [[t, null]] })).toBe(key({ topics: [null] }));
    expect(key({})).toBe(key({ address: [], topics: [] }));
    // A log with fewer topics than that is another matter.
    expect(key({ topics: [null, null] })).not.toBe(key({ topics: [null] }));
    expect(key({ address: a })).not.toBe(key({ address: b }));
  });

  it.each([
    [5],
    [[]],
    [{ address: 5 }],
    [{ address: ['0x12'] }],
    [{ topics: 'x' }],
    [{ topics: ['0x12'] }],
    [{ topics: [null, null, null, null, null] }],
    [{ address: Array.from({ length: 1001 }, () => a) }],
  ])('is declined when it is %j', (filter) => {
    expect(() => readLogFilter(filter)).toThrow(/invalid argument 0|exceed max/);
  });

  it('needs one alternative of each group in a bloom', () => {
    // Whether the bits are the right ones is proven before real nodes, whose blooms leave no log out.
    const filter = readLogFilter({ address: a, topics: [null, [t, u]] });
    expect(filter.mayBeIn(new Uint8Array(256))).toBe(false);
    expect(filter.mayBeIn(new Uint8Array(256).fill(255))).toBe(true);
    expect(readLogFilter({ topics: [null] }).mayBeIn(new Uint8Array(256))).toBe(true);
  });
});
