import type { Socket } from 'node:net';
import { endingReply, type Session } from '@dshackle/core';
import type { RawData, WebSocket } from 'ws';
import type { Logger } from '../logs/logger.ts';
import { answer, type Response } from './answer.ts';
import { answerBatch } from './batch.ts';
import { ClientScope } from './client-scope.ts';
import { ClientSubscriptions, type SubscriptionOutlet } from './client-subscriptions.ts';
import { balancerErrorCodes, doorErrorCodes, limitError } from './errors.ts';
import { Gate } from './gate.ts';
import { InFlight } from './in-flight.ts';
import type { DoorLimits } from './limits.ts';
import { type Item, readMessage } from './request.ts';
import { errorResponse, resultResponse } from './response.ts';
import type { Route } from './route.ts';

/** Close codes of RFC 6455 that this server uses. Never 1000: dedot would not come back. */
export const closeCodes = {
  policyViolation: 1008,
  internalError: 1011,
  serviceRestart: 1012,
} as const;

/** Notifications held back while the batch that subscribed to them is answered. */
const maxHeldNotifications = 1024;

/**
 * Answers may fill the buffer this many times as far as notifications: their number is bounded by
 * the calls in flight, and whoever asked on a slow line should get them.
 */
const answerHeadroom = 4;

/** Options of {@link WebSocketConnection}. */
export interface WebSocketConnectionOptions {
  readonly route: Route;
  readonly webSocket: WebSocket;
  /** The socket below, for corking. */
  readonly socket: Socket;
  readonly limits: DoorLimits;
  readonly log: Logger;
}

/** One client on a WebSocket: its session, its calls and its subscriptions. */
export class WebSocketConnection {
  readonly #options: WebSocketConnectionOptions;
  readonly #session: Session;
  readonly #scope: ClientScope;
  readonly #subscriptions: ClientSubscriptions;
  /** Messages not answered yet. */
  readonly #messages = new InFlight();
  /** Calls not answered yet. */
  #calls = 0;
  #draining = false;
  #over = false;
  #corked = false;
  #paused = false;
  /** Something came from the client since the last beat. */
  #heard = true;
  #bufferedAtBeat = 0;
  /** Bytes of messages that are being worked on. */
  #pendingBytes = 0;

  constructor(options: WebSocketConnectionOptions) {
    const { route, webSocket, limits, log } = options;
    this.#options = options;
    this.#session = route.balancer.session();
    this.#scope = new ClientScope(this.#session);
    this.#subscriptions = new ClientSubscriptions({
      balancer: route.balancer,
      scope: this.#scope,
      limit: limits.maxSubscriptionsPerConnection,
      log,
    });
    webSocket.on('message', (data) => this.#onMessage(data));
    webSocket.on('pong', () => {
      this.#heard = true;
    });
    webSocket.on('ping', (data) => {
      this.#heard = true;
      if (this.#canWrite(1)) webSocket.pong(data);
    });
    // A broken frame; `ws` closes the connection with the right code by itself.
    webSocket.on('error', () => {});
    webSocket.on('close', () => this.#end());
  }

  /** Subscriptions the client holds. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Asks the client for a sign of life, and hangs up when it gave none since the last time. */
  beat(): void {
    const { webSocket } = this.#options;
    // While we do not read we cannot hear: then it lives as long as it reads, or waits for us.
    const reading = webSocket.bufferedAmount < this.#bufferedAtBeat;
    const waiting = webSocket.bufferedAmount === 0;
    const silent = !this.#heard && !(this.#paused && (reading || waiting));
    if (silent) {
      webSocket.terminate();
      return;
    }
    this.#heard = false;
    this.#bufferedAtBeat = webSocket.bufferedAmount;
    if (this.#canWrite(1)) webSocket.ping();
  }

  /** Takes no new call; closes the connection once those in flight are answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    await this.#messages.idle();
    this.close(closeCodes.serviceRestart, 'the server is shutting down');
  }

  /** Gives up the calls in flight, except submissions. */
  abandon(): void {
    this.#scope.abandon();
  }

  /** Closes the connection; nothing more is sent. */
  close(code: number, reason: string): void {
    this.#options.webSocket.close(code, reason);
    // A paused socket would not see the client's half of the handshake.
    this.#resume();
    this.#end();
  }

  #onMessage(data: RawData): void {
    this.#heard = true;
    if (this.#over) return;
    const { limits } = this.#options;
    const text = String(data);
    const message = readMessage(text, limits.maxBatchItems);
    this.#messages.enter();
    this.#pendingBytes += text.length;
    this.#pace();
    const done = (): void => {
      this.#messages.leave();
      this.#pendingBytes -= text.length;
      this.#pace();
    };
    if (message.kind === 'single') {
      this.#serve(message.item, done);
      return;
    }
    this.#serveBatch(message.items)
      .catch((error: unknown) => this.#failed(error))
      .finally(done);
  }

  #serve(item: Item, done: () => void): void {
    const respond = (response: Response): void => {
      try {
        if (response !== undefined) this.#respond(response);
      } catch (error) {
        this.#failed(error);
      }
      done();
    };
    try {
      this.#answer(item, this.#outlet, respond);
    } catch (error) {
      this.#failed(error);
      done();
    }
  }

  async #serveBatch(items: readonly Item[]): Promise<void> {
    const { limits } = this.#options;
    const gate = new Gate(this.#notify, maxHeldNotifications, () => this.#tooSlow());
    /** Ids of subscriptions that its items made. */
    const made = new Map<Item, string>();
    const answerItem = (item: Item, respond: (response: Response) => void): void => {
      let subscribed: Response;
      const outlet = {
        respond: (text: string, id?: string): void => {
          subscribed = text;
          if (id !== undefined) made.set(item, id);
        },
        notify: (frame: string): void => gate.send(frame, item),
      };
      this.#answer(item, outlet, (response) => respond(response ?? subscribed));
    };
    // A subscription of which the client does not learn the id could never be ended by it.
    const endUntold = (item: Item): void => {
      if (this.#subscriptions.unsubscribe(made.get(item))) gate.drop(item);
    };
    const response = await answerBatch(items, answerItem, limits, endUntold);
    if (response !== undefined) this.#respond(response);
    gate.open();
  }

  /** `respond` gets the response to an item, unless it went to the outlet: that of a subscribe does. */
  #answer(item: Item, outlet: SubscriptionOutlet, respond: (response: Response) => void): void {
    if (item.kind === 'invalid') {
      respond(errorResponse(item.id, item.error));
      return;
    }
    const { route, limits, log } = this.#options;
    const { kind } = route.balancer.chain.traits(item.call.method);
    // Never refused: it only takes load away.
    if (kind === 'unsubscribe') {
      respond(this.#unsubscribe(item));
      return;
    }
    const refusal = this.#refusal(limits);
    if (refusal !== undefined) {
      respond(item.kind === 'call' ? errorResponse(item.id, refusal) : undefined);
      return;
    }
    this.#calls++;
    const settle = (response: Response): void => {
      this.#calls--;
      respond(response);
    };
    if (kind !== 'subscribe') {
      const options = kind === 'submit' ? this.#scope.submitOptions : this.#scope.options;
      answer(route.balancer, item, options, log, settle);
    } else if (item.kind === 'call') {
      void this.#subscriptions.subscribe(item, outlet).then(() => settle(undefined));
    } else {
      // A subscription nobody knows the id of can never be ended: not made.
      settle(undefined);
    }
  }

  /** A bug of ours: the client must not wait for ever because of it. */
  #failed(error: unknown): void {
    const { route, log } = this.#options;
    log.error('message failed unexpectedly', { route: route.id, error });
    this.close(closeCodes.internalError, 'internal error');
  }

  #refusal(limits: DoorLimits) {
    if (this.#draining) {
      return { code: balancerErrorCodes.closed, message: 'The server is shutting down' };
    }
    const limit = limits.maxCallsPerConnection;
    if (this.#calls < limit) return undefined;
    return limitError(doorErrorCodes.busy, 'Too many calls on the connection', limit);
  }

  #unsubscribe(item: Exclude<Item, { kind: 'invalid' }>): Response {
    const { chain } = this.#options.route.balancer;
    const { method, params } = item.call;
    const [id] = chain.positional(method, JSON.parse(params));
    const reply = endingReply(chain.traits(method), this.#subscriptions.unsubscribe(id));
    if (item.kind !== 'call') return undefined;
    return reply.kind === 'result'
      ? resultResponse(item.id, reply.result)
      : errorResponse(item.id, reply.error);
  }

  readonly #respond = (response: string): void => this.#write(response, answerHeadroom);

  readonly #notify = (frame: string): void => this.#write(frame, 1);

  readonly #outlet: SubscriptionOutlet = { respond: this.#respond, notify: this.#notify };

  /** Sends one frame, within bounds. */
  #write(frame: string, headroom: number): void {
    if (this.#over) return;
    if (!this.#canWrite(headroom)) {
      this.#tooSlow();
      return;
    }
    this.#cork();
    this.#options.webSocket.send(frame, this.#pace);
    this.#pace();
  }

  /**
   * Lets the answers of one turn of the event loop leave in one write: 40 % less CPU for a client
   * with ten calls under way. One that waits for each answer would only pay for it.
   */
  #cork(): void {
    if (this.#corked || this.#calls === 0) return;
    this.#corked = true;
    this.#options.socket.cork();
    setImmediate(this.#uncork);
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#options.socket.uncork();
  };

  /**
   * Stops reading while much waits in either direction, so that a client that asks faster than it
   * reads is slowed down by its own TCP connection before it has to be hung up on.
   */
  readonly #pace = (): void => {
    const { webSocket, limits } = this.#options;
    const { bufferedAmount } = webSocket;
    const resumeBelow = limits.maxBufferedBytes / 8;
    if (this.#paused) {
      if (bufferedAmount <= resumeBelow && this.#pendingBytes <= resumeBelow) this.#resume();
      return;
    }
    if (bufferedAmount <= 2 * resumeBelow && this.#pendingBytes <= limits.maxBufferedBytes) return;
    this.#paused = true;
    webSocket.pause();
  };

  #resume(): void {
    this.#paused = false;
    this.#options.webSocket.resume();
  }

  /** Looks at what waits already, so that one answer of any size can always be sent. */
  #canWrite(headroom: number): boolean {
    const { webSocket, limits } = this.#options;
    return webSocket.bufferedAmount <= headroom * limits.maxBufferedBytes;
  }

  #tooSlow(): void {
    const { route, log } = this.#options;
    log.warn('closed a client that reads too slowly', { route: route.id });
    this.close(closeCodes.policyViolation, 'too slow: too much is waiting to be read');
    // The close frame is behind all that waits: it would hold the memory until it times out.
    this.#options.webSocket.terminate();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#subscriptions.end();
    this.#scope.abandon();
    this.#session.close();
  }
}
