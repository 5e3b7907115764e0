import type { Block } from '../chain/chain.ts';
import type { UpstreamState } from '../upstream/state.ts';
import type { BlockTree } from './block-tree.ts';

/**
 * The safe head of a pool: the highest block that `quorum` voters hold for safe and that lies on the
 * best chain. It goes back only when the best chain has left it.
 */
export function chooseSafe(
  tree: BlockTree,
  voters: readonly UpstreamState[],
  quorum: number,
  best: Block | undefined,
  held: Block | undefined,
): Block | undefined {
  if (!best) return undefined;
  const isOnBest = (block: Block): boolean => tree.isAncestor(block.hash, best.hash);
  let chosen = held && isOnBest(held) ? held : undefined;
  const claims = voters.flatMap(({ safe }) => tree.get(safe?.hash ?? '') ?? []);
  for (const claim of claims) {
    if (claim.number <= (chosen?.number ?? -1) || !isOnBest(claim)) continue;
    const support = claims.filter((other) => tree.isAncestor(claim.hash, other.hash));
    if (support.length >= quorum) chosen = claim;
  }
  return chosen;
}
