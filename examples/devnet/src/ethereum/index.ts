export { devPhrase } from './accounts.ts';
export { chainId } from './anvil.ts';
export { type EthDevnet, type EthDevnetOptions, startEthDevnet } from './eth-devnet.ts';
export type { EthBlock, EthBlockContent, EthNode, EthNodeStatus } from './eth-node.ts';
export { HardhatNode } from './hardhat-node.ts';
