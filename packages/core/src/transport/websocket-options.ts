import { type BackoffOptions, backoffLimits } from './backoff.ts';
import type { CredentialOptions } from './credentials.ts';
import { withDefaults } from './defaults.ts';
import { type LivenessOptions, livenessLimits } from './liveness.ts';
import type { TlsOptions } from './tls.ts';

/** Options of `websocket`. */
export interface WebSocketOptions extends CredentialOptions, LivenessOptions {
  /** Connections to keep open; a call goes to the open one with the fewest pending. @default 1 */
  readonly sockets?: number;
  /**
   * Time for TCP, TLS, the upgrade and the handshake together, in milliseconds. @default 5000
   */
  readonly connectTimeoutMs?: number;
  /** How long a call may take that does not say so itself, in milliseconds. @default 30000 */
  readonly requestTimeoutMs?: number;
  /** Calls in flight over all connections; past it a call is `overloaded`. @default 16384 */
  readonly maxPending?: number;
  /** Subscriptions over all connections; past it one is `overloaded`. @default 4096 */
  readonly maxSubscriptions?: number;
  /**
   * Bytes that one connection may hold back because the upstream reads too slowly; past it a call
   * is `overloaded`. @default 16777216 (16 MiB)
   */
  readonly maxBufferedBytes?: number;
  /** A longer message from the upstream ends the connection. @default 67108864 (64 MiB) */
  readonly maxMessageBytes?: number;
  /**
   * Notifications kept that arrive before the response to their subscribe call; a subscription
   * that loses one ends. @default 256
   */
  readonly maxEarlyNotifications?: number;
  /** This many messages in a row that are not JSON-RPC end the connection. @default 3 */
  readonly maxMalformed?: number;
  /** A connection that lived this long resets the backoff, in milliseconds. @default 10000 */
  readonly stableAfterMs?: number;
  /** Delays between attempts to connect. */
  readonly backoff?: BackoffOptions;
  /** @default the system's trust, no certificate of ours */
  readonly tls?: TlsOptions;
  /**
   * Offer per-message deflate. Costs much CPU and memory on both sides, so it pays only on slow or
   * metered lines. A browser decides for itself. @default false
   */
  readonly compression?: boolean;
}

/** The numeric options with their defaults filled in. */
export type WebSocketLimits = Required<
  Pick<
    WebSocketOptions,
    | 'sockets'
    | 'connectTimeoutMs'
    | 'requestTimeoutMs'
    | 'maxPending'
    | 'maxSubscriptions'
    | 'maxBufferedBytes'
    | 'maxMessageBytes'
    | 'maxEarlyNotifications'
    | 'maxMalformed'
    | 'stableAfterMs'
  >
>;

const defaults: WebSocketLimits = {
  sockets: 1,
  connectTimeoutMs: 5000,
  requestTimeoutMs: 30_000,
  // An application that asks for all it wants at once asks for ten thousand things.
  maxPending: 16_384,
  maxSubscriptions: 4096,
  maxBufferedBytes: 16 * 1024 * 1024,
  maxMessageBytes: 64 * 1024 * 1024,
  maxEarlyNotifications: 256,
  maxMalformed: 3,
  stableAfterMs: 10_000,
};

/**
 * Fills in the defaults.
 * @throws BalancerError `invalid request` for a number that makes no sense
 */
export function webSocketLimits(options: WebSocketOptions): WebSocketLimits {
  // These two are filled in where they are used: here only to refuse nonsense at once.
  backoffLimits(options.backoff);
  livenessLimits(options);
  return withDefaults(defaults, options);
}
