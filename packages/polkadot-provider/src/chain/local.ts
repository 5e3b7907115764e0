import type { ChainView, RawJson } from '@dshackle/core';
import { methodList } from './method-list.ts';

/**
 * Answers what the pool's own head decides, so that no upstream's different head can contradict
 * the heads that the client was told, and what is asked of the pool as a whole. Nothing else: a
 * node's facts come from a node.
 */
export function answer(
  method: string,
  params: readonly unknown[],
  view: ChainView,
): RawJson | undefined {
  switch (method) {
    case 'chain_getFinalizedHead':
    case 'chain_getFinalisedHead':
      return text(view.finalized?.hash);
    // chain_getHead is an alias of chain_getBlockHash in polkadot-sdk.
    case 'chain_getBlockHash':
    case 'chain_getHead':
      return text(blockHash(params[0], view));
    case 'chainSpec_v1_genesisHash':
    case 'archive_v1_genesisHash':
      return text(view.genesisHash);
    case 'archive_v1_finalizedHeight':
      return view.finalized && String(view.finalized.number);
    case 'rpc_methods':
      return methodList(view);
    case 'system_health':
      return poolHealth(view);
    default:
      return undefined;
  }
}

function blockHash(number: unknown, view: ChainView): string | undefined {
  if (number === undefined || number === null) return view.best?.hash;
  return number === 0 || number === '0x0' ? view.genesisHash : undefined;
}

function text(hash: string | undefined): RawJson | undefined {
  return hash === undefined ? undefined : JSON.stringify(hash);
}

/**
 * The pool is as well as the upstreams that serve, and syncs when none does though some are
 * connected. `peers` is the highest that one of them tells; one that hides it counts as none.
 */
function poolHealth(view: ChainView): RawJson | undefined {
  const all = view.health();
  if (all.length === 0) return undefined;
  const serving = all.filter((upstream) => upstream.serving);
  let peers = 0;
  let shouldHavePeers = false;
  for (const { report } of serving.length > 0 ? serving : all) {
    peers = Math.max(peers, report.peers ?? 0);
    shouldHavePeers ||= report.shouldHavePeers ?? false;
  }
  return JSON.stringify({ peers, isSyncing: serving.length === 0, shouldHavePeers });
}
