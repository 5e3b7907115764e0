import type { ChainView, RawJson } from '@dshackle/core';
import { toQuantity } from './header.ts';

/**
 * Answers what the pool's own head decides, so that no upstream's different head can contradict the
 * heads that the client was told, and what is asked of the pool as a whole. None of it takes params:
 * what is wrong with any is left to a node to say.
 */
export function answer(
  method: string,
  params: readonly unknown[],
  view: ChainView,
  chainId: number | undefined,
): RawJson | undefined {
  // The keys of a node are not the callers', however they ask.
  if (method === 'eth_accounts') return '[]';
  if (params.length > 0) return undefined;
  switch (method) {
    case 'eth_blockNumber':
      return view.best && `"${toQuantity(view.best.number)}"`;
    case 'eth_chainId':
      return chainId === undefined ? undefined : `"${toQuantity(chainId)}"`;
    case 'net_version':
      return chainId === undefined ? undefined : `"${chainId}"`;
    case 'net_listening':
      return 'true';
    case 'eth_syncing':
      return syncing(view);
    default:
      return undefined;
  }
}

/** The pool syncs when no upstream serves though some are connected. */
function syncing(view: ChainView): RawJson | undefined {
  const all = view.health();
  if (all.length === 0) return undefined;
  if (all.some(({ serving }) => serving)) return 'false';
  const best = toQuantity(view.best?.number ?? 0);
  return JSON.stringify({ startingBlock: best, currentBlock: best, highestBlock: best });
}
