import type { BalancerOptions, Chain } from '@dshackle/core';

/** What is the provider's own, beside the engine under it. */
export interface ClientOptions {
  /**
   * How long a call made while no upstream can serve waits for one, in milliseconds. Then the
   * engine has the last word. @default 30_000
   */
  readonly availabilityTimeoutMs?: number;
  /**
   * Results kept of calls that polkadot-js marks as cacheable, because they name a block in the
   * past. 0 keeps none. @default 1024
   */
  readonly cacheCapacity?: number;
  /** Bytes of JSON that those results came from, at most. @default 33_554_432 (32 MiB) */
  readonly cacheMaxBytes?: number;
  /**
   * How long those results are kept, in milliseconds, at most 1_800_000, which is half an hour
   * (`null` or 0: while there is room). polkadot-js takes it for its storage cache too, with its own
   * default and its own bound. @default 30_000
   */
  readonly cacheTtlMs?: number | null;
}

/** Options of a provider with an engine of its own: those of `createBalancer`, and a few more. */
export interface PolkadotProviderOptions extends Omit<BalancerOptions, 'chain'>, ClientOptions {
  /**
   * The chain, such as `polkadot({ id: 'kusama' })`.
   * @default any chain of the family; the first upstream that ever answers decides which for the
   * life of the provider and its clones, and upstreams of other chains are kept out
   */
  readonly chain?: Chain;
  /** Connect at once; otherwise `connect()` does. @default true */
  readonly autoConnect?: boolean;
}
