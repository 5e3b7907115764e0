import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, delay, systemClock } from '@dshackle/core';
import { createApp } from './app.ts';
import type { Cors } from './http/cors.ts';
import { declineUpgrade } from './http/decline-upgrade.ts';
import { type Logger, silentLogger } from './logs/logger.ts';
import { HttpDoor } from './rpc/http-door.ts';
import { type DoorLimits, defaultDoorLimits } from './rpc/limits.ts';
import { type Route, RouteTable } from './rpc/route.ts';
import { WebSocketDoor } from './rpc/websocket-door.ts';

/** Options of {@link startServer}. */
export interface ServerOptions {
  /** What is served where. The balancers stay the caller's: closing the server leaves them open. */
  readonly routes: readonly Route[];
  /** @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** 0 takes any free port. @default 8080 */
  readonly port?: number | undefined;
  /** Whether WebSocket connections are taken. @default true */
  readonly webSocket?: boolean | undefined;
  /** Browsers of other origins that may call over HTTP. @default none */
  readonly cors?: Cors | undefined;
  /** Origins of browser pages, beside this machine's own, that may open a WebSocket. @default none */
  readonly webSocketOrigins?: readonly string[] | undefined;
  /** @default defaultDoorLimits, member by member */
  readonly limits?: Partial<DoorLimits> | undefined;
  /**
   * How long an HTTP client may leave its answer unread before it is hung up on, in milliseconds.
   * @default 60000
   */
  readonly stallTimeoutMs?: number | undefined;
  /** Time between WebSocket pings, in milliseconds. @default 20000 */
  readonly pingIntervalMs?: number | undefined;
  /**
   * Called at shutdown when the drain time is over: what still runs is to fail now.
   * @default nothing
   */
  readonly onGiveUp?: (() => Promise<void>) | undefined;
  /** @default silent */
  readonly log?: Logger | undefined;
  /** @default the real one */
  readonly clock?: Clock | undefined;
}

/** Options of {@link Server.close}. */
export interface CloseOptions {
  /** How long calls in flight may take to finish, in milliseconds. @default 0 */
  readonly drainMs?: number | undefined;
}

/** A listening server. */
export interface Server extends AsyncDisposable {
  /** `http://host:port`, without a final slash. */
  readonly url: string;
  readonly port: number;
  /** Open WebSocket connections and their subscriptions, and HTTP requests without an answer. */
  readonly load: {
    readonly webSockets: number;
    readonly subscriptions: number;
    readonly requests: number;
  };
  /**
   * Stops taking calls, lets those in flight finish for `drainMs`, gives up the rest, and closes
   * every socket (WebSockets with 1012, "service restart"). Safe to call twice.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** Idle keep-alive connections are closed after this; longer than the 60 s of common proxies. */
const keepAliveTimeoutMs = 75_000;
/** A request must have arrived whole within this. */
const requestTimeoutMs = 30_000;
/** What a client whose call was given up has to fetch the error. */
const farewellMs = 1_000;

/** Starts listening. Does not wait for any upstream. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const limits: DoorLimits = { ...defaultDoorLimits, ...options.limits };
  const log = options.log ?? silentLogger;
  const clock = options.clock ?? systemClock;
  const routes = new RouteTable(options.routes);
  const { cors } = options;
  const http = new HttpDoor({ limits, log, cors, stallTimeoutMs: options.stallTimeoutMs });
  const webSocket = new WebSocketDoor({
    limits,
    log,
    clock,
    origins: options.webSocketOrigins,
    pingIntervalMs: options.pingIntervalMs,
  });
  const app = createApp({ routes, cors });

  const httpOptions = {
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: requestTimeoutMs,
    noDelay: true,
    // Newer Nodes ask before they take an offer for an upgrade; older ones need `declineUpgrade`.
    shouldUpgradeCallback: offersWebSocket,
  };
  const server = createServer(httpOptions, (request, response) => {
    const route = request.method === 'POST' ? routes.find(request.url) : undefined;
    if (route === undefined) app(request, response);
    else http.handle(route, request, response);
  });
  server.maxConnections = limits.maxConnections;
  server.on('upgrade', (request, socket, head) => {
    if (!offersWebSocket(request)) {
      declineUpgrade(server, request, socket as Socket, head);
      return;
    }
    const route = options.webSocket === false ? undefined : routes.find(request.url);
    webSocket.handle(route, request, socket as Socket, head);
  });
  try {
    await listen(server, options.host ?? '127.0.0.1', options.port ?? 8080);
  } catch (error) {
    // It pings whom it has, again and again.
    await webSocket.drain();
    throw error;
  }

  const close = async (drainMs: number): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    const drained = Promise.all([http.drain(), webSocket.drain()]);
    const within = (ms: number): Promise<unknown> => {
      const timeout = new AbortController();
      const wait = delay(clock, ms, timeout.signal).catch(() => {});
      return Promise.race([drained.then(() => timeout.abort()), wait]);
    };
    await within(drainMs);
    http.abandon();
    webSocket.abandon();
    await options.onGiveUp?.();
    await within(farewellMs);
    webSocket.closeAll();
    server.closeAllConnections();
    await webSocket.drain();
    await closed;
  };

  let closing: Promise<void> | undefined;
  const { address, family, port } = server.address() as AddressInfo;
  const started: Server = {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    port,
    get load() {
      return {
        webSockets: webSocket.connections,
        subscriptions: webSocket.subscriptions,
        requests: http.inFlight,
      };
    },
    close: ({ drainMs = 0 } = {}) => {
      closing ??= close(drainMs);
      return closing;
    },
    [Symbol.asyncDispose]: () => started.close(),
  };
  return started;
}

function listen(server: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${host}:${port}`;
      reject(new Error(`cannot listen on ${where}: ${reasonOf(error)}`, { cause: error }));
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is in use';
    case 'EACCES':
      return 'no permission for this port';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address';
    default:
      return error.message;
  }
}

function offersWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
