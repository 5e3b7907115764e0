import type { Endpoint } from '../credentials.ts';
import type { TlsOptions } from '../tls.ts';

/** What a platform is told about the endpoint to call. */
export interface FetcherOptions {
  readonly endpoint: Endpoint;
  /** Time for TCP and TLS, in milliseconds. A browser does not let us choose. */
  readonly connectTimeoutMs: number;
  /** Calls that may be under way at once, each on a connection of its own. */
  readonly connections: number;
  /** A longer body ends the call. */
  readonly maxResponseBytes: number;
  readonly tls: TlsOptions | undefined;
}

/** One HTTP response, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** The header `retry-after`. */
  readonly retryAfter: string | undefined;
  /** The header `date`. */
  readonly date: string | undefined;
}

/** Why no response came. */
export interface HttpFailure {
  /** A short text without secrets. */
  readonly reason: string;
  /** Whether the request may have reached the other end. */
  readonly sent: boolean;
  /** `connection`: there is none, or it broke. `response`: what came is too much or no HTTP. */
  readonly at: 'connection' | 'response';
}

/** What one call tells: exactly one of the two, or nothing once it was aborted. */
export interface FetchEvents {
  onAnswer(answer: HttpAnswer): void;
  onFailure(failure: HttpFailure): void;
}

/** One call under way. */
export interface FetchCall {
  /** Forgets it at once; no event follows. */
  abort(): void;
}

/** Sends POST requests with JSON bodies to one endpoint. Redirects are not followed. */
export interface Fetcher {
  post(body: string, events: FetchEvents): FetchCall;
  /** Closes every connection; calls under way end without an event. */
  close(): Promise<void>;
}

/** Throws `BalancerError` `invalid request` for what the platform cannot do. */
export type OpenFetcher = (options: FetcherOptions) => Fetcher;
