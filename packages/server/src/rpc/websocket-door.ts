import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, systemClock, type TimerHandle } from '@dshackle/core';
import { WebSocketServer } from 'ws';
import type { Logger } from '../logs/logger.ts';
import type { DoorLimits } from './limits.ts';
import type { Route } from './route.ts';
import { closeCodes, WebSocketConnection } from './websocket-connection.ts';

/** Options of {@link WebSocketDoor}. */
export interface WebSocketDoorOptions {
  readonly limits: DoorLimits;
  readonly log: Logger;
  /**
   * Origins of browser pages that may connect; `*` is any. Pages of this machine and clients without
   * an origin always may. @default none
   */
  readonly origins?: readonly string[] | undefined;
  /**
   * Time between pings, in milliseconds. A client from which nothing at all came between two of
   * them is hung up on. @default 20000
   */
  readonly pingIntervalMs?: number | undefined;
  /** @default the real one */
  readonly clock?: Clock | undefined;
}

/**
 * Connections are pinged in so many groups, one after the other, so that thousands of pings do not hold
 * up calls and heads all at once.
 */
const pingGroups = 20;

/** How long a closing client may take over its half of the handshake. */
const closeTimeoutMs = 2_000;

/** JSON-RPC over WebSocket, on the same paths as over HTTP. */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<WebSocketConnection>();
  /** The same connections, in groups. */
  readonly #groups = Array.from({ length: pingGroups }, () => new Set<WebSocketConnection>());
  /** The group that is pinged next. */
  #turn = 0;
  /** Connections taken so far, which deals them out to the groups. */
  #taken = 0;
  readonly #clock: Clock;
  readonly #pingIntervalMs: number;
  #timer: TimerHandle;
  #drained: Promise<void> | undefined;
  #allGone: (() => void) | undefined;

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#pingIntervalMs = options.pingIntervalMs ?? 20_000;
    const serverOptions = {
      noServer: true,
      clientTracking: false,
      // Compression costs more than it saves between data centres, and memory for each connection.
      perMessageDeflate: false,
      maxPayload: options.limits.maxBodyBytes,
      // The connection answers pings itself, so that a flood of them stays within its bounds.
      autoPong: false,
      closeTimeout: closeTimeoutMs,
    };
    this.#server = new WebSocketServer(serverOptions);
    this.#schedule();
  }

  /** Open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Subscriptions of all connections. */
  get subscriptions(): number {
    let sum = 0;
    for (const connection of this.#connections) sum += connection.subscriptions;
    return sum;
  }

  /** Takes over an upgraded socket, or declines with an HTTP status. */
  handle(route: Route | undefined, request: IncomingMessage, socket: Socket, head: Buffer): void {
    const refusal = this.#refusal(route, request);
    if (route === undefined || refusal !== undefined) {
      decline(socket, refusal ?? 404);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const { limits, log } = this.#options;
      const connection = new WebSocketConnection({ route, webSocket, socket, limits, log });
      const group = this.#groups[this.#taken++ % pingGroups]!;
      this.#connections.add(connection);
      group.add(connection);
      webSocket.on('close', () => {
        this.#connections.delete(connection);
        group.delete(connection);
        if (this.#connections.size === 0) this.#allGone?.();
      });
    });
  }

  /**
   * Takes no new connection or call; resolves when every connection is closed. Safe to call twice.
   */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Gives up the calls in flight, except submissions. */
  abandon(): void {
    for (const connection of this.#connections) connection.abandon();
  }

  /** Closes every connection now, without waiting for its calls. */
  closeAll(): void {
    for (const connection of this.#connections) {
      connection.close(closeCodes.serviceRestart, 'the server is shutting down');
    }
  }

  #refusal(route: Route | undefined, request: IncomingMessage): number | undefined {
    if (route === undefined) return 404;
    if (this.#drained !== undefined) return 503;
    const { origins = [] } = this.#options;
    const { origin } = request.headers;
    if (origin === undefined || isOfThisMachine(origin)) return undefined;
    return origins.includes('*') || origins.includes(origin) ? undefined : 403;
  }

  async #drain(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    if (this.#connections.size === 0) return;
    const gone = new Promise<void>((resolve) => {
      this.#allGone = resolve;
    });
    for (const connection of this.#connections) void connection.drain();
    await gone;
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => {
      for (const connection of this.#groups[this.#turn]!) connection.beat();
      this.#turn = (this.#turn + 1) % pingGroups;
      this.#schedule();
    }, this.#pingIntervalMs / pingGroups);
  }
}

function decline(socket: Socket, status: number): void {
  socket.on('error', () => {});
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    () => socket.destroy(),
  );
}

/**
 * A browser asks nobody before it opens a WebSocket, so any page could use a server that only this
 * machine reaches. Pages that this machine serves are as trusted as its programs.
 */
function isOfThisMachine(origin: string): boolean {
  return /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(origin);
}
