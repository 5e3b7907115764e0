import { describe, expect, it } from 'vitest';
import { LowerBound } from './lower-bound.ts';

function bound(...found: readonly (readonly [oldest: number, head: number])[]): LowerBound {
  const made = new LowerBound();
  for (const [oldest, head] of found) made.settle(oldest, head);
  return made;
}

describe('a lower bound', () => {
  it('excludes nothing while nobody knows it, and again when it is forgotten', () => {
    const unknown = bound();
    expect([unknown.oldest(1000), unknown.excludes(0, 1000)]).toEqual([undefined, false]);
    const known = bound([700, 1000]);
    expect([known.excludes(699, 1000), known.excludes(700, 1000)]).toEqual([true, false]);
    known.forget();
    expect([known.oldest(1000), known.excludes(0, 1000)]).toEqual([undefined, false]);
  });

  it('stays at the first block when all is there', () => {
    const full = bound([0, 1000]);
    expect([full.oldest(5000), full.excludes(0, 5000)]).toEqual([0, false]);
  });

  it('moves with the head, and never back', () => {
    const moving = bound([744, 1000]);
    expect([moving.oldest(1000), moving.oldest(1010)]).toEqual([744, 754]);
    expect([moving.excludes(753, 1010), moving.excludes(754, 1010)]).toEqual([true, false]);
    expect(moving.oldest(990)).toBe(744);
  });

  it('stands still when a later search finds it where it was', () => {
    const late = bound([744, 1000], [744, 1100]);
    expect(late.oldest(2000)).toBe(744);
    // The same search made twice says nothing.
    expect(bound([744, 1000], [744, 1000]).oldest(1100)).toBe(844);
    expect(bound([744, 1000], [744, 1100], [850, 1200]).oldest(1300)).toBe(950);
  });

  it('is raised by an error to above that block, and moves on from there', () => {
    const moving = bound([744, 1000]);
    moving.raise(745, 1000);
    expect([moving.oldest(1000), moving.oldest(1001)]).toEqual([746, 747]);
    expect(moving.isDoubted).toBe(false);
    // What it says of an older block is no news.
    moving.raise(10, 1000);
    expect(moving.oldest(1000)).toBe(746);
  });

  it('is set by an error alone while no search found anything', () => {
    const unsearched = bound();
    unsearched.raise(500, 1000);
    expect([unsearched.oldest(1000), unsearched.isDoubted]).toEqual([501, false]);
    unsearched.raise(700, 1000);
    expect([unsearched.oldest(1000), unsearched.oldest(1001)]).toEqual([701, 702]);
  });

  it('never takes the last blocks before the head from an upstream', () => {
    const lied = bound();
    lied.raise(999, 1000);
    expect(lied.oldest(1000)).toBe(984);
    lied.raise(2000, 1000);
    expect(lied.oldest(1000)).toBe(984);
    const young = bound();
    young.raise(3, 5);
    expect(young.excludes(0, 5)).toBe(false);
  });

  it('is only doubted when an error contradicts it by far, until it is searched again', () => {
    const doubted = bound([0, 1000]);
    doubted.raise(500, 1000);
    expect([doubted.oldest(1000), doubted.isDoubted]).toEqual([0, true]);
    doubted.settle(501, 1010);
    expect([doubted.oldest(1010), doubted.isDoubted]).toEqual([501, false]);
    doubted.raise(700, 1010);
    doubted.acquit();
    expect([doubted.oldest(1010), doubted.isDoubted]).toEqual([501, false]);
  });
});
