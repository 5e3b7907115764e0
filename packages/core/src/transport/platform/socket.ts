import type { Endpoint } from '../credentials.ts';
import type { TlsOptions } from '../tls.ts';

/** What a platform is told about the socket to open. */
export interface SocketOptions {
  readonly endpoint: Endpoint;
  /** A longer message ends the connection. */
  readonly maxMessageBytes: number;
  /** Offer per-message deflate. */
  readonly compression: boolean;
  readonly tls: TlsOptions | undefined;
}

/** What a socket tells, always in this order: `onOpen`, any number of `onText`, `onClosed`. */
export interface SocketEvents {
  readonly onOpen: () => void;
  /** One message, text or binary, as text. */
  readonly onText: (text: string) => void;
  /**
   * It is gone, or could not be opened. Called once, also after `close` and `destroy`.
   * @param reason the close code and what else is known, without secrets
   * @param retryAfterMs how long the server that refused it asked us to stay away; a browser does not
   *   tell
   */
  readonly onClosed: (reason: string, retryAfterMs?: number) => void;
}

/** One WebSocket of the platform. */
export interface Socket {
  /** Bytes accepted by `send` that have not left the process. */
  readonly bufferedBytes: number;
  /** Grows whenever something arrives from the peer, a pong included. */
  readonly receivedBytes: number;
  /** Whether `ping` does anything. */
  readonly canPing: boolean;
  /** Returns false when the socket is not open: then nothing was sent. */
  send(text: string): boolean;
  ping(): void;
  /** Says goodbye and waits for the peer to do so. */
  close(): void;
  /** Ends it without waiting for the peer, which may be frozen. */
  destroy(): void;
}

/** Opens one WebSocket. */
export type OpenSocket = (options: SocketOptions, events: SocketEvents) => Socket;

/** Throws `BalancerError` `invalid request` for options that the platform cannot honour. */
export type CheckSocket = (options: Pick<SocketOptions, 'endpoint' | 'tls'>) => void;
