import type { BalancerOptions, Chain } from '@dshackle/core';
import type { Networkish } from 'ethers';

/** What is the provider's own, beside the engine under it. */
export interface ClientOptions {
  /**
   * The network as ethers knows it, with its ENS and fees. A chain with another number is then an
   * error. @default what `eth_chainId` says
   */
  readonly network?: Networkish;
  /**
   * How long a call made while no upstream can serve waits for one, in milliseconds. Then the
   * engine has the last word. @default 30_000
   */
  readonly availabilityTimeoutMs?: number;
}

/** Options of a provider with an engine of its own: those of `createBalancer`, and a few more. */
export interface EthProviderOptions extends Omit<BalancerOptions, 'chain'>, ClientOptions {
  /**
   * The chain, such as `ethereum({ id: 'sepolia' })`.
   * @default any chain; the first upstream that ever answers decides which, and upstreams of other
   * chains are kept out
   */
  readonly chain?: Chain;
}
