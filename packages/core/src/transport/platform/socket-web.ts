import { BalancerError } from '../../errors.ts';
import type { Endpoint } from '../credentials.ts';
import type { CheckSocket, OpenSocket, Socket, SocketEvents, SocketOptions } from './socket.ts';

/**
 * The platform's own WebSocket, as browsers have it: no headers, no pings, no certificates of ours.
 */
export const openSocket: OpenSocket = (options, events) => new WebSocketOfPlatform(options, events);

/** Headers and certificates are the browser's affair, but for basic authentication. */
export const checkSocket: CheckSocket = ({ endpoint, tls }) => {
  const { authorization, ...others } = endpoint.headers;
  const unsendable = authorization !== undefined && endpoint.userinfo === undefined;
  if (unsendable || Object.keys(others).length > 0) {
    const message = `${endpoint.description}: this platform sends no headers on a WebSocket`;
    throw new BalancerError('invalid request', message);
  }
  if (tls !== undefined) {
    const message = `${endpoint.description}: this platform takes no TLS options`;
    throw new BalancerError('invalid request', message);
  }
};

class WebSocketOfPlatform implements Socket {
  readonly canPing = false;
  receivedBytes = 0;
  readonly #ws: WebSocket;
  readonly #onClosed: (reason: string) => void;
  #closed = false;

  constructor(options: SocketOptions, events: SocketEvents) {
    const { endpoint } = options;
    this.#onClosed = events.onClosed;
    this.#ws = new WebSocket(address(endpoint));
    this.#ws.binaryType = 'arraybuffer';
    this.#ws.onopen = () => {
      if (!this.#closed) events.onOpen();
    };
    this.#ws.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (this.#closed) return;
      const { data } = event;
      const size = typeof data === 'string' ? data.length : data.byteLength;
      this.receivedBytes += size;
      if (size > options.maxMessageBytes) {
        this.#end(`1009 a message of ${size} bytes is over the limit`);
        this.#ws.close();
        return;
      }
      events.onText(typeof data === 'string' ? data : new TextDecoder().decode(data));
    };
    this.#ws.onclose = (event) => {
      this.#end(endpoint.redact(`${event.code} ${event.reason}`.trimEnd()));
    };
    // The reason of a failure is kept from scripts; `onclose` follows and tells the code.
    this.#ws.onerror = () => {};
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  send(text: string): boolean {
    if (this.#ws.readyState !== WebSocket.OPEN) return false;
    this.#ws.send(text);
    return true;
  }

  ping(): void {}

  close(): void {
    // How long the peer takes to agree is the browser's affair.
    this.#ws.close(1000);
    this.#end('1000');
  }

  destroy(): void {
    // There is nothing harsher than a polite close here; what still arrives is not listened to.
    this.#ws.close();
    this.#end('1006');
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed(reason);
  }
}

/** The URL, with basic authentication put back in: the one credential a browser can send here. */
function address({ url, userinfo }: Endpoint): URL {
  const full = new URL(url);
  if (userinfo !== undefined) {
    full.username = encodeURIComponent(userinfo.username);
    full.password = encodeURIComponent(userinfo.password);
  }
  return full;
}
