/** Bounds of what one client may hold by `chainHead_v1` and `transaction_v1`. */
export interface ChainHeadLimits {
  /**
   * `chainHead_v1_follow` subscriptions of one client; one more is declined with -32800. At least 2,
   * as the interface specification asks. @default 4
   */
  readonly maxFollows?: number;
  /**
   * Blocks that one client may have pinned, over all its follows. At one more the follow that has
   * most of them gets `stop`. @default 512
   */
  readonly maxPinnedBlocks?: number;
  /**
   * How far below the finalized block a pinned one may be, in blocks. Beyond it the follow gets
   * `stop`, because nodes throw that state away (polkadot-sdk: after 256 blocks). @default 240
   */
  readonly maxPinnedDepth?: number;
  /** Operations of one follow that run at the same time; further ones wait. @default 16 */
  readonly maxOperations?: number;
  /**
   * Operations of one follow that may wait; each item of a storage operation counts as one, running
   * or waiting, and so does every 16 KiB of params beyond the first. Further ones are answered
   * `limitReached`, further items are discarded. One operation is taken in any case. @default 1024
   */
  readonly maxWaitingOperations?: number;
  /**
   * Transactions that one client may have broadcast at once; one more is answered `null`. At least 4
   * (the interface specification asks for that). @default 16
   */
  readonly maxBroadcasts?: number;
}

/** {@link ChainHeadLimits} with every default filled in. */
export type ResolvedLimits = Required<ChainHeadLimits>;

/** The defaults of {@link ChainHeadLimits}. */
export const defaultChainHeadLimits: ResolvedLimits = {
  maxFollows: 4,
  maxPinnedBlocks: 512,
  maxPinnedDepth: 240,
  maxOperations: 16,
  maxWaitingOperations: 1024,
  maxBroadcasts: 16,
};

/** The least that each may be. */
const least: ResolvedLimits = {
  maxFollows: 2,
  maxPinnedBlocks: 32,
  maxPinnedDepth: 16,
  maxOperations: 1,
  maxWaitingOperations: 16,
  maxBroadcasts: 4,
};

/**
 * Fills in the defaults.
 * @throws RangeError when a limit is not an integer of at least what is allowed
 */
export function resolveLimits(limits: ChainHeadLimits = {}): ResolvedLimits {
  const resolved = { ...defaultChainHeadLimits, ...limits };
  for (const [name, value] of Object.entries(resolved)) {
    const minimum = least[name as keyof ResolvedLimits];
    if (Number.isSafeInteger(value) && value >= minimum) continue;
    throw new RangeError(`${name} is ${value}; allowed: an integer of at least ${minimum}`);
  }
  return resolved;
}
