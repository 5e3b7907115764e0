export type { LogOptions } from '../service/log-options.ts';
export { type EthereumOptions, ethereum } from './ethereum.ts';
export { type Finality, type KnownChain, type KnownChainId, knownChains } from './known-chains.ts';
export { methodGroups } from './method-groups.ts';
export { methodNames } from './methods.ts';
