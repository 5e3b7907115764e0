import { describe, expect, it } from 'vitest';
import { FinalHeights } from './final-heights.ts';

const blocks = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ number: from + i, hash: `0x${from + i}` }));

describe('the heights of final blocks', () => {
  it('are known by hash, the last so many of them', () => {
    const heights = new FinalHeights(4);
    expect([heights.lowest, heights.get('0x1')]).toEqual([undefined, undefined]);
    heights.add(blocks(1, 3));
    expect([heights.lowest, heights.get('0x1'), heights.has('0x4')]).toEqual([1, 1, false]);
    heights.add(blocks(4, 6));
    expect([heights.lowest, heights.get('0x2'), heights.get('0x6')]).toEqual([3, undefined, 6]);
  });

  it('are forgotten when another chain is taken', () => {
    const heights = new FinalHeights();
    heights.add(blocks(1, 3));
    heights.clear();
    expect([heights.lowest, heights.has('0x1')]).toEqual([undefined, false]);
  });
});
