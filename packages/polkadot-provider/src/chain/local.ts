import type { ChainView, RawJson } from '@dshackle/core';

/**
 * Answers what the pool's own head decides, so that no upstream's different head can contradict
 * the heads that the client was told. Nothing else: a node's facts come from a node.
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
