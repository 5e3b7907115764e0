/** Bounds of what the balancer does for logs; of each there is a default. */
export interface LogOptions {
  /**
   * Calls that one wide `eth_getLogs` is split into at most, the refused ones included; 1 to 100,000.
   * Past it the caller is told to narrow the range. @default 1000
   */
  readonly maxCalls?: number;
  /** How many of them run at a time; 1 to 64. @default 4 */
  readonly parallel?: number;
  /** Characters of the joined answer at most; past it the caller is told. @default 134,217,728 */
  readonly maxChars?: number;
  /** Time for all of them together, in milliseconds; after it the call fails. @default 60,000 */
  readonly deadlineMs?: number;
}

/** {@link LogOptions}, complete. */
export type ResolvedLogOptions = Required<LogOptions>;

/** @throws Error when one is out of range */
export function resolveLogOptions(options: LogOptions = {}): ResolvedLogOptions {
  const resolved = {
    maxCalls: 1000,
    parallel: 4,
    maxChars: 2 ** 27,
    deadlineMs: 60_000,
    ...options,
  };
  check('maxCalls', resolved.maxCalls, 100_000);
  check('parallel', resolved.parallel, 64);
  check('maxChars', resolved.maxChars, Number.MAX_SAFE_INTEGER);
  check('deadlineMs', resolved.deadlineMs, 2 ** 31 - 1);
  return resolved;
}

function check(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new Error(`logs.${name} is ${value}: it must be a whole number from 1 to ${most}`);
}
