import { Agent, createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Faults } from './faults.ts';
import { answerRequest } from './http-relay.ts';
import { webSocketRelay } from './websocket-relay.ts';

/** Options of {@link startFaultProxy}. */
export interface FaultProxyOptions {
  /** Where to forward to: a URL of any scheme, or `host:port`. */
  readonly target: string;
  /** @default any free port */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
}

/** Totals since the proxy started. */
export interface FaultProxyStats {
  /** Connections accepted so far, refused ones included. */
  readonly connections: number;
  /** Connections open now. */
  readonly openConnections: number;
  readonly bytesFromClients: number;
  readonly bytesToClients: number;
}

/** A network path to one upstream that breaks on command, for HTTP and WebSocket alike. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  readonly wsUrl: string;
  readonly httpUrl: string;
  readonly stats: FaultProxyStats;
  /** Every answer, message and new WebSocket takes that much longer. 0 ends it. */
  setLatency(ms: number): void;
  /** Destroys every open connection (RST). New ones are welcome. */
  cut(): void;
  /** While on, new connections are destroyed as soon as they are accepted. */
  refuse(on: boolean): void;
  /**
   * While on, connections are accepted and stay open, and whatever either side sends is lost,
   * for good: a request swallowed is not answered later.
   */
  blackHole(on: boolean): void;
  /** While on, what the upstream says arrives as text that is not JSON. */
  garbage(on: boolean): void;
  /** While set, requests and new WebSockets get 429 with that Retry-After; `false` ends it. */
  rateLimit(retryAfterSeconds: number | false): void;
  /**
   * Calls `listener` with each message that a WebSocket client sends, before it is passed on: a
   * fault that begins there holds for that message already. Returns the function that stops it.
   */
  onMessage(listener: (message: string) => void): () => void;
  /** Destroys every connection and stops listening. */
  close(): Promise<void>;
}

/** Less than the 5 s after which a Node server closes an idle connection: no race with it. */
const IDLE_UPSTREAM_MS = 4_000;

/** Starts a proxy in front of `target`; at first it forwards faithfully. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target, port = 0, host = '127.0.0.1' } = options;
  const { host: authority } = new URL(target.includes('://') ? target : `http://${target}`);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return new LocalFaultProxy(server, host, authority);
}

class LocalFaultProxy implements FaultProxy {
  readonly port: number;
  readonly #host: string;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true, timeout: IDLE_UPSTREAM_MS });
  readonly #sockets = new Set<Socket>();
  readonly #listeners = new Set<(message: string) => void>();
  readonly #faults: Faults = {
    latencyMs: 0,
    refuse: false,
    blackHole: false,
    garbage: false,
    retryAfterSeconds: false,
    hear: (message) => {
      for (const listener of this.#listeners) listener(message);
    },
  };
  readonly #closedStats = { connections: 0, bytesFromClients: 0, bytesToClients: 0 };

  constructor(server: Server, host: string, target: string) {
    this.#server = server;
    this.#host = host;
    this.port = (server.address() as AddressInfo).port;
    // The proxy adds no fault of its own.
    server.keepAliveTimeout = 0;
    server.requestTimeout = 0;
    const relay = webSocketRelay(target, this.#faults);
    server.on('connection', (socket) => this.#accept(socket));
    server.on('request', (request, response) => {
      answerRequest(request, response, { target, agent: this.#agent, faults: this.#faults });
    });
    server.on('upgrade', relay);
  }

  get wsUrl(): string {
    return `ws://${this.#host}:${this.port}`;
  }
  get httpUrl(): string {
    return `http://${this.#host}:${this.port}`;
  }
  get stats(): FaultProxyStats {
    let { connections, bytesFromClients, bytesToClients } = this.#closedStats;
    for (const socket of this.#sockets) {
      connections += 1;
      bytesFromClients += socket.bytesRead;
      bytesToClients += socket.bytesWritten;
    }
    const openConnections = this.#sockets.size;
    return { connections, openConnections, bytesFromClients, bytesToClients };
  }

  setLatency(ms: number): void {
    this.#faults.latencyMs = ms;
  }
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
  refuse(on: boolean): void {
    this.#faults.refuse = on;
  }
  blackHole(on: boolean): void {
    this.#faults.blackHole = on;
  }
  garbage(on: boolean): void {
    this.#faults.garbage = on;
  }
  rateLimit(retryAfterSeconds: number | false): void {
    this.#faults.retryAfterSeconds = retryAfterSeconds;
  }
  onMessage(listener: (message: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    this.#agent.destroy();
    await closed;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#closedStats.connections += 1;
      this.#closedStats.bytesFromClients += socket.bytesRead;
      this.#closedStats.bytesToClients += socket.bytesWritten;
    });
    // A client that goes away is no news.
    socket.on('error', () => {});
    if (this.#faults.refuse) socket.resetAndDestroy();
  }
}
