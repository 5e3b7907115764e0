import { polkadot } from '@dshackle/polkadot-provider/chain';

/** Of `native/upstream.c` and of `moving-node.mjs`. */
export const genesisHash = `0x${'91'.repeat(32)}`;

/** The chain of the bench's nodes. `blockTimeMs`: the pace at which they announce blocks. */
export const benchChain = (blockTimeMs = 6000) =>
  polkadot({ id: 'bench', genesisHash, blockTimeMs });
