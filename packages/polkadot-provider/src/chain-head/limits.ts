/** Bounds of what one client may hold by `chainHead_v1` and `transaction_v1`. */
export interface ChainHeadLimits {
  /**
   * `chainHead_v1_follow` subscriptions of one client; one more is declined with -32800. At least 2
   * (the interface specification asks for that). @default 4
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
   * or waiting. Further ones are answered `limitReached`, further items are discarded. @default 1024
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

/**
 * Fills in the defaults.
 * @throws RangeError when a limit is not an integer of at least what is allowed
 */
export function resolveLimits(limits: ChainHeadLimits = {}): ResolvedLimits {
  return {
    maxFollows: atLeast(2, 'maxFollows', limits.maxFollows ?? 4),
    maxPinnedBlocks: atLeast(32, 'maxPinnedBlocks', limits.maxPinnedBlocks ?? 512),
    maxPinnedDepth: atLeast(16, 'maxPinnedDepth', limits.maxPinnedDepth ?? 240),
    maxOperations: atLeast(1, 'maxOperations', limits.maxOperations ?? 16),
    maxWaitingOperations: atLeast(16, 'maxWaitingOperations', limits.maxWaitingOperations ?? 1024),
    maxBroadcasts: atLeast(4, 'maxBroadcasts', limits.maxBroadcasts ?? 16),
  };
}

function atLeast(least: number, name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`${name} is ${value}; allowed: an integer of at least ${least}`);
}
