import { ethereum } from '@dshackle/eth-provider/chain';

/** The chain of `eth-node.mjs`, whose hashes are made up. */
export const ethChainId = 1337;
export const ethBenchChain = () => ethereum({ chainId: ethChainId, verifyHeaders: false });
