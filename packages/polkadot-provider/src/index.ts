export { type KnownChain, type KnownChainId, knownChains } from './chain/known-chains.ts';
export { type PolkadotOptions, polkadot } from './chain/polkadot.ts';
