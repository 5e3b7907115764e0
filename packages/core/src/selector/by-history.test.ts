import { describe, expect, it } from 'vitest';
import { UpstreamState } from '../upstream/state.ts';
import { likelyToHave, withLongestHistory } from './by-history.ts';

/** An upstream at height 1000 whose states go back to that block, if anybody knows. */
function upstream(id: string, oldest?: number) {
  const state = new UpstreamState();
  state.best = { number: 1000, hash: '0x1000' };
  if (oldest !== undefined) state.lowerBounds.state.settle(oldest, 1000);
  return { id, state };
}

const ids = (upstreams: readonly { readonly id: string }[]): string =>
  upstreams.map(({ id }) => id).join(' ');
const archive = upstream('archive', 0);
const late = upstream('late', 200);
const unknown = upstream('unknown');
const wide = upstream('wide', 700);
const pruned = upstream('pruned', 744);
const narrow = upstream('narrow', 980);
const all = [narrow, pruned, wide, unknown, late, archive];

describe('who may have a block of which only the hash is known', () => {
  it('is nobody that keeps only what the pool knows itself, unless there is nobody else', () => {
    const need = { data: 'state', oldest: 699, isGuess: true } as const;
    expect(ids(likelyToHave(all, need))).toBe('unknown late archive');
    expect(ids(likelyToHave([pruned, narrow], need))).toBe('pruned narrow');
    expect(likelyToHave(all, { ...need, oldest: undefined })).toEqual(all);
  });

  it('is most likely the one with the longest history, or another that is nearly as long', () => {
    const need = { data: 'state', isGuess: true } as const;
    expect(ids(withLongestHistory(all, need))).toBe('late archive');
    expect(ids(withLongestHistory([narrow, unknown, wide], need))).toBe('unknown');
    expect(ids(withLongestHistory([narrow, pruned, wide], need))).toBe('pruned wide');
    expect(ids(withLongestHistory([narrow], need))).toBe('narrow');
    expect(withLongestHistory([], need)).toEqual([]);
    // Nothing is known of bodies.
    expect(withLongestHistory(all, { data: 'block' })).toEqual(all);
    expect(withLongestHistory(all, {})).toEqual(all);
  });
});
