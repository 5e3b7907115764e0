/**
 * What went wrong, as a stable string.
 *
 * - `no eligible upstream`: nobody may serve this call now; the message counts the reasons.
 * - `timeout`: the deadline passed, or one attempt took longer than it may.
 * - `retry budget exhausted`: upstreams fail so often that repeating would only add load.
 * - `transport`: the upstream could not be talked to, or broke the protocol.
 * - `rate limited`: the upstream said so (HTTP 429, 503 with Retry-After, or its own error code).
 * - `overloaded`: one of our own bounded queues is full.
 * - `unknown outcome`: a transaction was sent, and nobody knows what became of it.
 * - `denied`: the method is switched off here.
 * - `invalid request`: the caller's input cannot be sent.
 * - `cancelled`: the caller's signal aborted.
 * - `closed`: the balancer or the part asked for is shut down.
 */
export type BalancerErrorCode =
  | 'no eligible upstream'
  | 'timeout'
  | 'retry budget exhausted'
  | 'transport'
  | 'rate limited'
  | 'overloaded'
  | 'unknown outcome'
  | 'denied'
  | 'invalid request'
  | 'cancelled'
  | 'closed';

/**
 * Who is at fault: `local` when we could not talk or would not (Envoy: locally originated),
 * `upstream` when it answered badly (429, 5xx, malformed bodies).
 */
export type ErrorOrigin = 'local' | 'upstream';

/** One try at one upstream. Holds no URL and no credential. */
export interface Attempt {
  /** The upstream's id as configured. */
  readonly upstream: string;
  /** How long the attempt took, in milliseconds. */
  readonly durationMs: number;
  /** `answered`, or why it did not: a short text without credentials. */
  readonly outcome: string;
  /** True when the attempt was a hedge. @default false */
  readonly hedge?: boolean;
}

/** Options of {@link BalancerError}. */
export interface BalancerErrorOptions {
  /** @default 'local' */
  readonly origin?: ErrorOrigin;
  readonly cause?: unknown;
  /** @default [] */
  readonly attempts?: readonly Attempt[];
}

const brand = Symbol.for('@dshackle/core/BalancerError');

/** The one error class of the engine; the message starts with its code in brackets. */
export class BalancerError extends Error {
  override readonly name: string = 'BalancerError';
  readonly code: BalancerErrorCode;
  readonly origin: ErrorOrigin;
  /** The message without the code. */
  readonly rawMessage: string;
  /** What was tried before giving up, in order. */
  readonly attempts: readonly Attempt[];
  /** @private Recognised across copies of this package; see {@link isBalancerError}. */
  readonly [brand] = true;

  constructor(code: BalancerErrorCode, message: string, options: BalancerErrorOptions = {}) {
    super(
      `[${code}] ${message}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.rawMessage = message;
    this.origin = options.origin ?? 'local';
    this.attempts = options.attempts ?? [];
  }
}

/** Nobody may serve the call now. */
export class NoEligibleUpstreamError extends BalancerError {
  override readonly name = 'NoEligibleUpstreamError';
  constructor(message: string, options?: BalancerErrorOptions) {
    super('no eligible upstream', message, options);
  }
}

/** The deadline passed. */
export class TimeoutError extends BalancerError {
  override readonly name = 'TimeoutError';
  constructor(message: string, options?: BalancerErrorOptions) {
    super('timeout', message, options);
  }
}

/** Retrying on would only add load to upstreams that already fail. */
export class RetryBudgetExhaustedError extends BalancerError {
  override readonly name = 'RetryBudgetExhaustedError';
  constructor(message: string, options?: BalancerErrorOptions) {
    super('retry budget exhausted', message, options);
  }
}

/**
 * A transaction was sent and may have taken effect, but no upstream said so in time, and it was found
 * in no pool and in no block. Look for `hash` before another one is made in its place.
 */
export class UnknownOutcomeError extends BalancerError {
  override readonly name = 'UnknownOutcomeError';
  /** The transaction's hash, computed here. */
  readonly hash: string;
  /** @param method the method that submitted it */
  constructor(method: string, hash: string, cause: BalancerError, options?: BalancerErrorOptions) {
    const message = cause.rawMessage.replace(`${method}: `, '');
    super('unknown outcome', `${method}: ${message}; what became of ${hash} is not known`, {
      origin: cause.origin,
      attempts: cause.attempts,
      cause,
      ...options,
    });
    this.hash = hash;
  }
}

/** Options of {@link TransportError}. */
export interface TransportErrorOptions extends BalancerErrorOptions {
  /**
   * Whether the request may have reached the upstream. `false` makes it safe to send even a
   * submission again. @default true
   */
  readonly sent?: boolean;
  /** How long the upstream asked us to stay away, in milliseconds (HTTP Retry-After). */
  readonly retryAfterMs?: number;
}

/** The upstream could not be talked to, or what it said is not JSON-RPC. */
export class TransportError extends BalancerError {
  override readonly name = 'TransportError';
  readonly sent: boolean;
  readonly retryAfterMs: number | undefined;
  constructor(
    message: string,
    options: TransportErrorOptions = {},
    code: BalancerErrorCode = 'transport',
  ) {
    super(code, message, options);
    this.sent = options.sent ?? true;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * A JSON-RPC error that an upstream gave as its answer, for callers that asked for a parsed value.
 * It is an answer, not a failure of the engine: code, message and data are the upstream's own.
 */
export class RpcResponseError extends Error {
  override readonly name = 'RpcResponseError';
  readonly code: number;
  readonly data: unknown;
  constructor(error: { readonly code: number; readonly message: string; readonly data?: unknown }) {
    super(error.message);
    this.code = error.code;
    this.data = error.data;
  }
}

/** True for any {@link BalancerError}, also one made by another copy of this package. */
export function isBalancerError(value: unknown): value is BalancerError {
  return typeof value === 'object' && value !== null && brand in value;
}
