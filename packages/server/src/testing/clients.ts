import { once } from 'node:events';
import { request } from 'undici';
import { type ClientOptions, WebSocket } from 'ws';

/** What came back over HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Posts a body as it is. */
export async function post(
  url: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
): Promise<HttpAnswer> {
  const response = await request(url, { method: 'POST', body, headers });
  return {
    status: response.statusCode,
    headers: response.headers,
    text: await response.body.text(),
  };
}

/** A WebSocket client that hands out what it received, one frame at a time, in order. */
export class FrameClient {
  readonly webSocket: WebSocket;
  /** Resolves with the close code and reason. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #frames: string[] = [];
  #wake: (() => void) | undefined;

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on('message', (data) => {
      this.#frames.push(String(data));
      this.#wake?.();
    });
    webSocket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake?.();
      });
    });
  }

  /** Connects to the WebSocket at an HTTP URL; rejects when the server declines. */
  static async open(url: string, options: ClientOptions = {}): Promise<FrameClient> {
    const webSocket = new WebSocket(url.replace(/^http/, 'ws'), options);
    const client = new FrameClient(webSocket);
    await new Promise((resolve, reject) => {
      webSocket.once('open', resolve);
      webSocket.once('error', reject);
    });
    return client;
  }

  /** Frames received and not taken yet. */
  get waiting(): number {
    return this.#frames.length;
  }

  send(message: unknown): void {
    this.webSocket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next frame as text. Rejects when the connection closes first. */
  async next(): Promise<string> {
    while (this.#frames.length === 0) {
      if (this.webSocket.readyState === WebSocket.CLOSED) throw new Error('the connection closed');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift()!;
  }

  /** Sends one message and takes one frame. */
  async ask(message: unknown): Promise<string> {
    this.send(message);
    return this.next();
  }

  async close(): Promise<void> {
    if (this.webSocket.readyState === WebSocket.CLOSED) return;
    this.webSocket.close();
    await once(this.webSocket, 'close');
  }
}

/** A request with an id of 1 unless told otherwise. */
export function call(method: string, params: unknown = [], id: unknown = 1): object {
  return { jsonrpc: '2.0', id, method, params };
}
