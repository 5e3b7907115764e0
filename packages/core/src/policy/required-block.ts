import type { BlockData, BlockNeed } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { Requirement } from '../selector/eligibility.ts';
import type { HistoryNeed } from '../upstream/lower-bound.ts';

/** Adds the block that a call's params name to what the call asks of its upstream. */
export function requireNamed(
  head: ChainHead,
  named: BlockNeed,
  data: BlockData | undefined,
  need: Requirement,
): void {
  switch (named.kind) {
    case 'hash':
      need.hash = named.hash.toLowerCase();
      requireHistory(need, sinceHash(head, data, need.hash));
      break;
    case 'range':
      need.hash = named.to.toLowerCase();
      requireHistory(need, sinceHash(head, data, named.from.toLowerCase()));
      break;
    case 'number':
      need.blocks = named.blocks;
      if (head.best === undefined || named.number > head.best.number) break;
      need.height = named.number;
      requireHistory(need, sinceHeight(head, data, named.from ?? named.number));
      break;
    default:
  }
}

function requireHistory(need: Requirement, { data, oldest, isGuess }: HistoryNeed): void {
  need.data = data;
  need.oldest = oldest;
  need.isGuess = isGuess;
}

/** No question of history: of blocks that are not final yet every upstream has all that it can have. */
const recent: HistoryNeed = {};

function sinceHeight(head: ChainHead, data: BlockData | undefined, height: number): HistoryNeed {
  if (data === undefined || head.finalized === undefined) return recent;
  return height <= head.finalized.number ? { data, oldest: height } : recent;
}

function sinceHash(head: ChainHead, data: BlockData | undefined, hash: string): HistoryNeed {
  if (data === undefined) return recent;
  const height = head.finalHeights.get(hash);
  if (height !== undefined) return { data, oldest: height };
  if (head.numberOf(hash) !== undefined) return recent;
  // Most likely older than all that the pool has been told of.
  const { lowest } = head.finalHeights;
  return { data, oldest: lowest === undefined ? undefined : lowest - 1, isGuess: true };
}
