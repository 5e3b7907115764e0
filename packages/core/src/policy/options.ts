/** How calls are made. All durations in milliseconds. */
export interface PolicyOptions {
  /** Time for one call with all its attempts. @default 30_000 */
  readonly deadlineMs?: number;
  /** Time for one attempt of a call that may be repeated. @default 10_000 */
  readonly attemptTimeoutMs?: number;
  /** Attempts for one call at most, hedges included; at least 1. @default 6 */
  readonly maxAttempts?: number;
  /**
   * How long a call waits for an upstream when none may serve it, for example while the only one
   * reconnects. 0 fails at once. It is also the time that an upstream has to be connected to at first:
   * one that took longer is not waited for by calls of a method that all others lack. @default 5_000
   */
  readonly upstreamWaitMs?: number;
  /** Calls that may wait so at once; further ones fail with `overloaded`. @default 10_000 */
  readonly maxWaiting?: number;
  /**
   * To how many upstreams a transaction is submitted at once; at least 1. Does nothing for calls
   * with a strategy of their own. @default what the chain says of the method
   */
  readonly submitWidth?: number;
  /** A second upstream is raced after the method's usual time (Finagle: backup requests). */
  readonly hedge?: HedgeOptions;
  /** Bounds retries beyond the first failover of a call (Finagle: retry budget). */
  readonly retryBudget?: {
    /** Retries per call, 0–1 and more. @default 0.2 */
    readonly ratio?: number;
    /** Retries per second that are always allowed. @default 10 */
    readonly minPerSecond?: number;
  };
}

/** When and how often a call is hedged. */
export interface HedgeOptions {
  /** 0 switches hedging off. @default 2 */
  readonly maxHedges?: number;
  /** The latency quantile (0–1) of the method after which to hedge. @default 0.95 */
  readonly quantile?: number;
  /** Never hedge sooner. @default 20 */
  readonly minDelayMs?: number;
  /** Never hedge later, so that a hung upstream costs no more than this. @default 1_000 */
  readonly maxDelayMs?: number;
  /** Delay while too little is known of a method. @default 500 */
  readonly defaultDelayMs?: number;
}

/** {@link PolicyOptions} with every default filled in. */
export type ResolvedPolicyOptions = Required<
  Omit<PolicyOptions, 'hedge' | 'retryBudget' | 'submitWidth'>
> & {
  readonly submitWidth: number | undefined;
  readonly hedge: Required<HedgeOptions>;
};

/** Fills in the defaults. */
export function resolvePolicyOptions(options: PolicyOptions = {}): ResolvedPolicyOptions {
  return {
    deadlineMs: options.deadlineMs ?? 30_000,
    attemptTimeoutMs: options.attemptTimeoutMs ?? 10_000,
    maxAttempts: Math.max(1, options.maxAttempts ?? 6),
    upstreamWaitMs: options.upstreamWaitMs ?? 5_000,
    maxWaiting: options.maxWaiting ?? 10_000,
    submitWidth: options.submitWidth && Math.max(1, options.submitWidth),
    hedge: {
      maxHedges: options.hedge?.maxHedges ?? 2,
      quantile: options.hedge?.quantile ?? 0.95,
      minDelayMs: options.hedge?.minDelayMs ?? 20,
      maxDelayMs: options.hedge?.maxDelayMs ?? 1_000,
      defaultDelayMs: options.hedge?.defaultDelayMs ?? 500,
    },
  };
}
