import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { readEnvelope } from '../../json-rpc/envelope.ts';
import type { RawJson } from '../../json-rpc/message.ts';
import { echo, type PeerCall, type PeerScript } from '../../testing/transport-contract.ts';

/** A call as the HTTP peer sees it. */
export interface HttpPeerCall extends PeerCall {
  readonly id: RawJson;
  readonly path: string;
  readonly verb: string;
  readonly headers: IncomingHttpHeaders;
}

/** An HTTP response to give word for word. */
export interface HttpPeerResponse {
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** A scripted HTTP server on a port of its own. */
export class HttpPeer {
  script: PeerScript = echo;
  /** When set, it answers instead of `script`. */
  respond:
    | ((call: HttpPeerCall, response: ServerResponse) => HttpPeerResponse | undefined)
    | undefined;
  readonly calls: PeerCall[] = [];
  readonly received: HttpPeerCall[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, out) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        const { url = '', method = '', headers } = request;
        void this.#received({ path: url, verb: method, headers }, body, out);
      });
    });
  }

  /** @param port a free one unless given */
  static async listen(port = 0): Promise<HttpPeer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.on('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return new HttpPeer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  connections(): number {
    return this.#sockets.size;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #received(
    request: Pick<HttpPeerCall, 'path' | 'verb' | 'headers'>,
    body: string,
    out: ServerResponse,
  ): Promise<void> {
    const { id = 'null', method = '""', params = '[]' } = readEnvelope(body);
    const call = { method: JSON.parse(method) as string, params };
    this.calls.push(call);
    const received = { ...call, ...request, id };
    this.received.push(received);
    const given = this.respond?.(received, out);
    if (this.respond !== undefined) {
      if (given === undefined) return;
      out.writeHead(given.status ?? 200, given.headers);
      out.end(given.body);
      return;
    }
    const action = await this.script(call);
    if (action.kind === 'die') {
      out.destroy();
      return;
    }
    out.writeHead(200, { 'content-type': 'application/json' });
    if (action.kind === 'error') out.end(`{"jsonrpc":"2.0","id":${id},"error":${action.raw}}`);
    else if (action.kind === 'result') {
      out.end(`{"jsonrpc":"2.0","id":${id},"result":${action.result}}`);
    } else out.end(`{"jsonrpc":"2.0","id":${id},"result":${action.id}}`);
  }
}
