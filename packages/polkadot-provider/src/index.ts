export { type KnownChain, type KnownChainId, knownChains } from './chain/known-chains.ts';
export { type PolkadotOptions, polkadot } from './chain/polkadot.ts';
export { PolkadotProvider } from './provider.ts';
export type { ClientOptions, PolkadotProviderOptions } from './provider-options.ts';
