export { type EthereumOptions, ethereum } from './chain/ethereum.ts';
export {
  type Finality,
  type KnownChain,
  type KnownChainId,
  knownChains,
} from './chain/known-chains.ts';
export {
  Eip1193Error,
  type Eip1193Events,
  type Eip1193Message,
  Eip1193Provider,
  type Eip1193Request,
  eip1193,
} from './eip1193.ts';
export { EthProvider } from './eth-provider.ts';
export type { ClientOptions, EthProviderOptions } from './provider-options.ts';
