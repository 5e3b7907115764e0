export { type ChainHeadLimits, defaultChainHeadLimits } from '../chain-head/limits.ts';
export type { HasherName } from './header.ts';
export { type KnownChain, type KnownChainId, knownChains } from './known-chains.ts';
export { type PolkadotOptions, polkadot } from './polkadot.ts';
