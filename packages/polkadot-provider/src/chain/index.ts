export { type KnownChain, type KnownChainId, knownChains } from './known-chains.ts';
export { type PolkadotOptions, polkadot } from './polkadot.ts';
