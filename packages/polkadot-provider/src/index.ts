export type { JsonRpcEngine } from '@dshackle/core';
export {
  asJsonRpcProvider,
  type JsonRpcConnection,
  type JsonRpcId,
  type JsonRpcMessage,
  type JsonRpcProvider,
  type JsonRpcRequest,
} from './as-json-rpc-provider.ts';
export { type KnownChain, type KnownChainId, knownChains } from './chain/known-chains.ts';
export { type PolkadotOptions, polkadot } from './chain/polkadot.ts';
export {
  type DedotEvent,
  DedotProvider,
  DedotProviderError,
  type DedotStatus,
  type DedotSubscription,
  type DedotSubscriptionInput,
} from './dedot-provider.ts';
export { PolkadotProvider } from './provider.ts';
export type { ClientOptions, PolkadotProviderOptions } from './provider-options.ts';
