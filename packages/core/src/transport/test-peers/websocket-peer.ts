import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { readEnvelope } from '../../json-rpc/envelope.ts';
import type { RawJson } from '../../json-rpc/message.ts';
import {
  echo,
  type PeerAction,
  type PeerCall,
  type PeerScript,
} from '../../testing/transport-contract.ts';

/** A call as the WebSocket peer sees it. */
export interface WebSocketPeerCall extends PeerCall {
  readonly id: RawJson;
  readonly socket: WebSocket;
}

/** A scripted WebSocket server on a port of its own. */
export class WebSocketPeer {
  script: PeerScript = echo;
  readonly calls: PeerCall[] = [];
  /** All that calls said, for tests that answer by hand. */
  readonly received: WebSocketPeerCall[] = [];
  /** The requests that opened connections. */
  readonly upgrades: IncomingMessage[] = [];
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => {
      this.upgrades.push(request);
      socket.on('error', () => {});
      socket.on('message', (data) => void this.#received(socket, data.toString()));
    });
  }

  /** @param port a free one unless given */
  static async listen(port = 0): Promise<WebSocketPeer> {
    const server = new WebSocketServer({ port, host: '127.0.0.1' });
    await new Promise((resolve, reject) => server.on('listening', resolve).on('error', reject));
    return new WebSocketPeer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get sockets(): WebSocket[] {
    return [...this.#server.clients];
  }

  connections(): number {
    return this.#server.clients.size;
  }

  /** Sends a text as it is to every client. */
  send(text: string | Buffer): void {
    for (const socket of this.#server.clients) socket.send(text);
  }

  notify(id: RawJson, item: RawJson): void {
    this.send(notification(id, item));
  }

  cut(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #received(socket: WebSocket, text: string): Promise<void> {
    const { id = 'null', method = '""', params = '[]' } = readEnvelope(text);
    const call = { method: JSON.parse(method) as string, params };
    this.calls.push(call);
    this.received.push({ ...call, id, socket });
    const action = await this.script(call);
    if (action.kind === 'die') socket.terminate();
    else for (const message of messagesOf(action, id)) socket.send(message);
  }
}

/** The text of a notification. */
export function notification(id: RawJson, item: RawJson): string {
  const params = `{"subscription":${id},"result":${item}}`;
  return `{"jsonrpc":"2.0","method":"item","params":${params}}`;
}

/** The text of a response with a result. */
export function response(id: RawJson, result: RawJson): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
}

function* messagesOf(action: Exclude<PeerAction, { kind: 'die' }>, id: RawJson): Generator<string> {
  if (action.kind === 'result') {
    yield response(id, action.result);
  } else if (action.kind === 'error') {
    yield `{"jsonrpc":"2.0","id":${id},"error":${action.raw}}`;
  } else {
    for (const item of action.early ?? []) yield notification(action.id, item);
    yield response(id, action.id);
  }
}
