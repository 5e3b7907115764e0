import { type BackoffOptions, backoffLimits } from './backoff.ts';
import type { CredentialOptions } from './credentials.ts';
import { withDefaults } from './defaults.ts';
import type { TlsOptions } from './tls.ts';

/** Options of `http`. */
export interface HttpOptions extends CredentialOptions {
  /** Calls under way at once, each on a connection of its own; the others wait. @default 64 */
  readonly connections?: number;
  /** Time to connect, and also for the whole handshake, in milliseconds. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** How long a call may take that does not say so itself, in milliseconds. @default 30000 */
  readonly requestTimeoutMs?: number;
  /** Calls under way or waiting for a connection; past it a call is `overloaded`. @default 16384 */
  readonly maxPending?: number;
  /** A longer response body fails its call. @default 67108864 (64 MiB) */
  readonly maxResponseBytes?: number;
  /** This many connection failures in a row close the transport's door until a retry. @default 3 */
  readonly maxFailures?: number;
  /** How often the handshake is repeated while open, in milliseconds. @default 60000 */
  readonly recheckMs?: number;
  /** Having been open this long resets the backoff, in milliseconds. @default 10000 */
  readonly stableAfterMs?: number;
  /** Delays between attempts to open. */
  readonly backoff?: BackoffOptions;
  /** @default the system's trust, no certificate of ours */
  readonly tls?: TlsOptions;
}

/** The numeric options with their defaults filled in. */
export type HttpLimits = Required<
  Pick<
    HttpOptions,
    | 'connections'
    | 'connectTimeoutMs'
    | 'requestTimeoutMs'
    | 'maxPending'
    | 'maxResponseBytes'
    | 'maxFailures'
    | 'recheckMs'
    | 'stableAfterMs'
  >
>;

const defaults: HttpLimits = {
  connections: 64,
  connectTimeoutMs: 5000,
  requestTimeoutMs: 30_000,
  maxPending: 16_384,
  maxResponseBytes: 64 * 1024 * 1024,
  maxFailures: 3,
  recheckMs: 60_000,
  stableAfterMs: 10_000,
};

/**
 * Fills in the defaults.
 * @throws BalancerError `invalid request` for a number that makes no sense
 */
export function httpLimits(options: HttpOptions): HttpLimits {
  // Filled in where it is used: here only to refuse nonsense at once.
  backoffLimits(options.backoff);
  return withDefaults(defaults, options);
}
