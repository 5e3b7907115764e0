import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { retryAfterMs } from '../retry-after.ts';
import type { CheckSocket, OpenSocket, Socket, SocketEvents, SocketOptions } from './socket.ts';

/**
 * How long `ws` waits for the rest of a closing handshake that the peer began, in milliseconds.
 * Calls in flight fail only then, so it is short.
 */
const closeTimeoutMs = 1000;

/** More than this is not held back for a common write. */
const maxCorkedChars = 64 * 1024;

/** A WebSocket of the `ws` package. */
export const openSocket: OpenSocket = (options, events) => new NodeSocket(options, events);

/** Node can do all that can be asked for. */
export const checkSocket: CheckSocket = () => {};

class NodeSocket implements Socket {
  readonly canPing = true;
  readonly #ws: WebSocket;
  #tcp: TcpSocket | undefined;
  #corked = false;
  #corkedChars = 0;

  constructor(options: SocketOptions, events: SocketEvents) {
    const { endpoint, tls } = options;
    // The type of `ws` does not know `closeTimeout` yet.
    const settings: ClientOptions & { readonly closeTimeout: number } = {
      headers: { ...endpoint.headers },
      maxPayload: options.maxMessageBytes,
      perMessageDeflate: options.compression,
      closeTimeout: closeTimeoutMs,
      ...tls,
    };
    let stayAwayMs: number | undefined;
    // The one hook that shows the response and leaves its handling to `ws`.
    settings.finishRequest = (request) => {
      request.on('response', (refusal) => {
        stayAwayMs = refusalMs(refusal);
      });
      request.end();
    };
    this.#ws = new WebSocket(endpoint.url, settings);
    let failure = '';
    this.#ws.on('upgrade', (response: IncomingMessage) => {
      this.#tcp = response.socket;
    });
    this.#ws.on('open', events.onOpen);
    this.#ws.on('message', (data: Buffer) => events.onText(data.toString()));
    this.#ws.on('error', (error: NodeJS.ErrnoException) => {
      // Trying several addresses ends in an AggregateError, which has a code and no message.
      failure = error.message || error.code || error.name;
    });
    this.#ws.on('close', (code, reason) => {
      const why = endpoint.redact(`${code} ${reason.toString() || failure}`.trimEnd());
      events.onClosed(why, stayAwayMs);
    });
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  get receivedBytes(): number {
    return this.#tcp?.bytesRead ?? 0;
  }

  send(text: string): boolean {
    if (this.#ws.readyState !== WebSocket.OPEN) return false;
    if (!this.#corked && this.#tcp) {
      // All that is sent in one round of the event loop leaves in one write. Not `nextTick`: that
      // comes after each socket that was read, which is one write for each client's call.
      this.#corked = true;
      this.#tcp.cork();
      setImmediate(uncork, this);
    }
    this.#ws.send(text);
    this.#corkedChars += text.length;
    // Of thousands made at once the peer should not wait for the last to begin with the first.
    if (this.#corkedChars > maxCorkedChars && this.#corked) this.#flush();
    return true;
  }

  #flush(): void {
    this.#corkedChars = 0;
    this.#tcp?.uncork();
    this.#tcp?.cork();
  }

  ping(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping();
  }

  close(): void {
    this.#ws.close(1000);
  }

  destroy(): void {
    this.#ws.terminate();
  }

  /** @private For the one function that all sockets pass to `setImmediate`. */
  uncork(): void {
    this.#corked = false;
    this.#corkedChars = 0;
    this.#tcp?.uncork();
  }
}

/** How long a server that refuses to upgrade asks us to stay away. */
function refusalMs({ statusCode, headers }: IncomingMessage): number | undefined {
  if (statusCode !== 429 && statusCode !== 503) return undefined;
  return retryAfterMs(headers['retry-after'], headers.date);
}

function uncork(socket: NodeSocket): void {
  socket.uncork();
}
