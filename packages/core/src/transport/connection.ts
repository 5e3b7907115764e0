import { openSocket } from '#socket';
import { type BalancerError, TransportError } from '../errors.ts';
import { type Envelope, isBatch, readEnvelope, splitBatch } from '../json-rpc/envelope.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import { readNotification, subscriptionId } from '../json-rpc/notification.ts';
import { readReply } from '../json-rpc/reply.ts';
import { encodeRequest } from '../json-rpc/request.ts';
import type { Clock } from '../time/clock.ts';
import type { Endpoint } from './credentials.ts';
import { Liveness, type LivenessTarget } from './liveness.ts';
import { namedError } from './named-error.ts';
import { type CallHandlers, cancelled, PendingCalls } from './pending.ts';
import type { Socket } from './platform/socket.ts';
import { RecentMap } from './recent-map.ts';
import { ConnectionSubscriptions } from './subscriptions.ts';
import type {
  ReplySink,
  RequestOptions,
  SubscribeCall,
  SubscribeReply,
  SubscriptionHandlers,
} from './transport.ts';
import type { WebSocketLimits, WebSocketOptions } from './websocket-options.ts';

/** What all connections of one transport share. */
export interface ConnectionContext {
  readonly upstream: string;
  readonly clock: Clock;
  readonly endpoint: Endpoint;
  readonly limits: WebSocketLimits;
  readonly options: WebSocketOptions;
  readonly counters: WebSocketCounters;
}

/** What was received and could not be used, since the transport was made. */
export type WebSocketCounters = {
  /** Messages that are not JSON-RPC. */
  malformedMessages: number;
  /** Responses to calls that are not in flight: repeated, late, or with an id never sent. */
  unknownResponses: number;
  /** Notifications for subscriptions that nobody holds. */
  unknownNotifications: number;
};

/** What a connection tells its owner. */
export interface ConnectionEvents {
  /** The socket is open; nothing is promised of who is at the other end. */
  readonly onOpen: () => void;
  /**
   * It is over, and everything on it has failed. Called once.
   * @param retryAfterMs how long the upstream asked us to stay away
   */
  readonly onClosed: (reason: string, retryAfterMs: number | undefined) => void;
}

/**
 * One WebSocket from its opening to its end: calls and subscriptions share it. It never comes back;
 * its owner makes another.
 */
export class Connection implements LivenessTarget {
  readonly #context: ConnectionContext;
  readonly #events: ConnectionEvents;
  readonly #calls: PendingCalls;
  readonly #subscriptions: ConnectionSubscriptions;
  readonly #liveness: Liveness;
  /** Subscribe calls given up, which the upstream may accept yet: id → unsubscribe method. */
  readonly #givenUp: RecentMap<number, string>;
  readonly #socket: Socket;
  #open = false;
  #over = false;
  #malformedInARow = 0;
  /** Resolves when the platform has let go of the socket. */
  readonly gone: Promise<void>;

  constructor(context: ConnectionContext, events: ConnectionEvents) {
    this.#context = context;
    this.#events = events;
    const { clock, endpoint, limits, options } = context;
    this.#calls = new PendingCalls(context.upstream, clock);
    this.#givenUp = new RecentMap(limits.maxPending);
    this.#subscriptions = new ConnectionSubscriptions(limits.maxEarlyNotifications, (method, id) =>
      this.#tell(method, `[${id}]`),
    );
    let socketGone = (): void => {};
    this.gone = new Promise((resolve) => {
      socketGone = resolve;
    });
    this.#socket = openSocket(
      {
        endpoint,
        maxMessageBytes: limits.maxMessageBytes,
        compression: options.compression ?? false,
        tls: options.tls,
      },
      {
        onOpen: () => this.#opened(),
        onText: (text) => this.#received(text),
        onClosed: (reason, retryAfterMs) => {
          socketGone();
          const what = this.#open ? 'disconnected' : 'cannot connect';
          this.#end(`${what}: ${reason}`, retryAfterMs);
        },
      },
    );
    this.#liveness = new Liveness(clock, this, options);
  }

  get canPing(): boolean {
    return this.#socket.canPing;
  }

  get receivedBytes(): number {
    return this.#socket.receivedBytes;
  }

  get busy(): boolean {
    return this.#calls.size > 0;
  }

  ping(): void {
    this.#socket.ping();
  }

  onDead(reason: string): void {
    this.destroy(`disconnected: ${reason}`);
  }

  /** Calls sent and not answered yet. */
  get pending(): number {
    return this.#calls.size;
  }

  /** Subscriptions held or asked for. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Sends one call; see `Transport.request`. */
  request(method: string, params: RawJson, options: RequestOptions = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? this.#context.limits.requestTimeoutMs;
      this.#send(method, params, timeoutMs, options.signal, { onReply: resolve, onFail: reject });
    });
  }

  /** Sends one call; see `Transport.send`. */
  send(method: string, params: RawJson, timeoutMs: number, sink: ReplySink): void {
    this.#send(method, params, timeoutMs, undefined, sink);
  }

  /** Subscribes; see `Transport.subscribe`. */
  subscribe(
    call: SubscribeCall,
    handlers: SubscriptionHandlers,
    options: RequestOptions = {},
  ): Promise<SubscribeReply> {
    return new Promise((resolve, reject) => {
      this.#subscriptions.expect();
      const timeoutMs = options.timeoutMs ?? this.#context.limits.requestTimeoutMs;
      this.#send(call.method, call.params, timeoutMs, options.signal, {
        onReply: (reply) => {
          if (reply.kind === 'error') resolve(reply);
          else this.#accept(call, handlers, reply.result, resolve, reject);
          this.#subscriptions.settled();
        },
        onFail: (error) => {
          this.#subscriptions.settled();
          reject(error);
        },
        onGiveUp: (id) => this.#givenUp.set(id, call.unsubscribe),
      });
    });
  }

  /** Ends it at once, without waiting for the peer. */
  destroy(reason: string): void {
    this.#end(reason);
    this.#socket.destroy();
  }

  /** Says goodbye to the peer; everything on it fails at once with `closed`, as possibly sent. */
  close(): void {
    const message = `${this.#context.upstream}: the transport is closed`;
    // As with any end: what was written may have arrived.
    this.#finish('closed', () => new TransportError(message, { sent: true }, 'closed'));
    this.#socket.close();
  }

  #send(
    method: string,
    params: RawJson,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    handlers: CallHandlers,
  ): void {
    const { limits, upstream } = this.#context;
    if (signal?.aborted) {
      handlers.onFail(cancelled(upstream, method, signal));
      return;
    }
    if (this.#over) {
      handlers.onFail(this.#notSent('not connected'));
      return;
    }
    if (this.#socket.bufferedBytes > limits.maxBufferedBytes) {
      const message = `${upstream}: the upstream reads too slowly`;
      handlers.onFail(new TransportError(message, { sent: false }, 'overloaded'));
      return;
    }
    const id = this.#calls.add(method, timeoutMs, signal, handlers);
    if (this.#socket.send(encodeRequest(id, method, params))) return;
    this.#calls.take(id);
    handlers.onFail(this.#notSent('the connection is closing'));
  }

  /** Sends a call whose answer nobody needs. */
  #tell(method: string, params: RawJson): void {
    if (this.#over) return;
    const ignore = (): void => {};
    const { requestTimeoutMs } = this.#context.limits;
    this.#send(method, params, requestTimeoutMs, undefined, { onReply: ignore, onFail: ignore });
  }

  #opened(): void {
    if (this.#over) return;
    this.#open = true;
    this.#liveness.start();
    this.#events.onOpen();
  }

  #received(text: string): void {
    if (this.#over) return;
    try {
      if (isBatch(text)) {
        for (const item of splitBatch(text, this.#context.limits.maxPending)) this.#message(item);
      } else {
        this.#message(text);
      }
      this.#malformedInARow = 0;
    } catch (error) {
      // Only the readers of json-rpc throw here: all that consumers throw is guarded.
      this.#malformed((error as Error).message);
    }
  }

  #message(text: string): void {
    const envelope = readEnvelope(text);
    if (envelope.method !== undefined) this.#notification(envelope);
    else if (envelope.id !== undefined) this.#response(envelope, envelope.id);
    else if (envelope.error !== undefined) this.#response(envelope, 'null');
    else throw new SyntaxError('neither a response nor a notification');
  }

  #response(envelope: Envelope, id: RawJson): void {
    // An error without an id answers a request the peer could not read: ours, if it is the only one.
    const anonymous = id === 'null' && envelope.error !== undefined;
    const call = anonymous ? this.#calls.takeOnly() : this.#calls.take(Number(id));
    if (call === undefined) {
      this.#unknownResponse(envelope, Number(id));
      return;
    }
    let reply: Reply;
    try {
      reply = readReply(envelope);
    } catch (error) {
      call.onFail(namedError(this.#context.upstream, error as TransportError));
      return;
    }
    call.onReply(reply);
  }

  #unknownResponse(envelope: Envelope, id: number): void {
    const unsubscribe = this.#givenUp.take(id);
    const subscription = envelope.result && subscriptionId(envelope.result);
    if (unsubscribe === undefined) this.#context.counters.unknownResponses++;
    else if (subscription !== undefined) this.#subscriptions.decline(subscription, unsubscribe);
  }

  #notification(envelope: Envelope): void {
    // A request of the upstream's to us has an id as well: there is none we know.
    const params = envelope.id === undefined ? envelope.params : undefined;
    const delivered =
      params?.startsWith('{') === true && this.#subscriptions.deliver(readNotification(params));
    if (!delivered) this.#context.counters.unknownNotifications++;
  }

  #accept(
    call: SubscribeCall,
    handlers: SubscriptionHandlers,
    result: RawJson,
    resolve: (reply: SubscribeReply) => void,
    reject: (error: BalancerError) => void,
  ): void {
    const id = subscriptionId(result);
    if (id === undefined) {
      const message = `${call.method} was answered with no subscription id`;
      reject(this.#upstreamError(message));
      return;
    }
    if (this.#subscriptions.has(id)) {
      // From here on nobody can tell the two apart, nor end only one of them.
      const message = `${call.method} was answered with a subscription id in use`;
      reject(this.#upstreamError(message));
      this.destroy(`disconnected: ${message}`);
      return;
    }
    this.#subscriptions.accept(id, call.unsubscribe, handlers);
    resolve({ kind: 'subscribed' });
  }

  #malformed(what: string): void {
    this.#context.counters.malformedMessages++;
    this.#malformedInARow++;
    if (this.#malformedInARow < this.#context.limits.maxMalformed) return;
    this.destroy(`disconnected: ${this.#malformedInARow} malformed messages, the last: ${what}`);
  }

  #end(reason: string, retryAfterMs?: number): void {
    const message = `${this.#context.upstream}: ${reason}`;
    // What was written may have arrived, even if the answer did not.
    this.#finish(reason, () => new TransportError(message, { sent: true }), retryAfterMs);
  }

  #finish(reason: string, error: () => BalancerError, retryAfterMs?: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#liveness.stop();
    this.#calls.failAll(error);
    this.#subscriptions.endAll(reason);
    this.#events.onClosed(reason, retryAfterMs);
  }

  #notSent(message: string): TransportError {
    return new TransportError(`${this.#context.upstream}: ${message}`, { sent: false });
  }

  #upstreamError(message: string): TransportError {
    return new TransportError(`${this.#context.upstream}: ${message}`, { origin: 'upstream' });
  }
}
