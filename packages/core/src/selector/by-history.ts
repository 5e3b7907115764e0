import type { HistoryNeed } from '../upstream/lower-bound.ts';
import type { UpstreamState } from '../upstream/state.ts';

/** The part of an upstream that history is about. */
interface WithHistory {
  readonly state: UpstreamState;
}

/**
 * Share (0–1) of the longest history that counts as equally long: two that prune alike take turns,
 * and one that began a little later than genesis is as good as a full one.
 */
const asLong = 0.75;

/**
 * For a block that nobody could place: leaves out those who keep only what the pool knows as well,
 * unless they are all there is. The pool does not know this block, so it is older.
 */
export function likelyToHave<U extends WithHistory>(
  upstreams: readonly U[],
  need: HistoryNeed,
): readonly U[] {
  const likely = upstreams.filter(({ state }) => !state.hasPruned(need));
  return likely.length > 0 ? likely : upstreams;
}

/** For a block that nobody could place: those whose history is longest. */
export function withLongestHistory<U extends WithHistory>(
  upstreams: readonly U[],
  { data }: HistoryNeed,
): readonly U[] {
  if (data === undefined || upstreams.length < 2) return upstreams;
  const lengths = upstreams.map(({ state }) => {
    const head = state.historyHead ?? 0;
    // Of whom nothing is known, half the chain: between those that keep all and those that prune.
    return head - (state.lowerBounds[data].oldest(head) ?? head / 2);
  });
  const enough = asLong * Math.max(...lengths);
  return upstreams.filter((_, i) => (lengths[i] as number) >= enough);
}
