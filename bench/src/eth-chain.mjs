import { ethereum } from '@dshackle/eth-provider/chain';

/** The chain of `eth-node.mjs` and `eth-moving-node.mjs`, whose hashes are made up. */
export const ethChainId = 1337;
export const ethBenchChain = (blockTimeMs = 12_000) =>
  ethereum({ chainId: ethChainId, verifyHeaders: false, blockTimeMs });
