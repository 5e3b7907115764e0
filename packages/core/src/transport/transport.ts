import type { BalancerError } from '../errors.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import type { Clock, Random } from '../time/clock.ts';

/**
 * Where a transport stands.
 *
 * - `connecting`: a connection (and its handshake) is under way.
 * - `open`: it can carry calls. `generation` grows with every new connection.
 * - `waiting`: the last connection failed; the next try is at `retryAtMs` on the injected clock.
 * - `closed`: `close()` was called; it stays so.
 */
export type TransportState =
  | { readonly status: 'connecting' }
  | { readonly status: 'open'; readonly generation: number }
  | { readonly status: 'waiting'; readonly reason: string; readonly retryAtMs: number }
  | { readonly status: 'closed' };

/** Options of one {@link Transport.request}. */
export interface RequestOptions {
  /** Gives the call up; the transport forgets it at once and drops a late answer. */
  readonly signal?: AbortSignal;
  /** How long to wait for the answer, in milliseconds. @default the transport's `requestTimeoutMs` */
  readonly timeoutMs?: number;
}

/** Where the outcome of one call goes. One of the two is called, once, and must not throw. */
export interface ReplySink {
  /**
   * True once nobody waits for the outcome any more. Asked before a call leaves a queue of the
   * transport's: one that is over then fails with `cancelled` and is never sent. @default false
   */
  readonly isOver?: boolean;
  onReply(reply: Reply): void;
  onFail(error: BalancerError): void;
}

/** What a subscriber of one upstream subscription is told, always in this order. */
export interface SubscriptionHandlers {
  /** The upstream accepted. Called once, before anything else. */
  readonly onSubscribed: (subscription: TransportSubscription) => void;
  /** One notification: its `params.result` as raw text. */
  readonly onNotification: (result: RawJson) => void;
  /**
   * The subscription is over for a reason of the transport's: its connection went away, or its
   * buffer ran over. Called at most once, and not after `unsubscribe()`.
   */
  readonly onEnd: (reason: string) => void;
}

/** What to subscribe to. */
export interface SubscribeCall {
  readonly method: string;
  /** Raw JSON text of the params array or object. */
  readonly params: RawJson;
  /** The method that ends the subscription upstream; it is sent the subscription id. */
  readonly unsubscribe: string;
}

/** A live subscription on one connection of one upstream. */
export interface TransportSubscription {
  /** The upstream's own id as raw JSON. It never leaves the engine. */
  readonly id: RawJson;
  /**
   * Ends the subscription here at once, and tells the upstream as a courtesy: never rejects, and
   * nothing is delivered after it was called.
   */
  unsubscribe(): void;
}

/** Either a live subscription, or the JSON-RPC error with which the upstream declined. */
export type SubscribeReply = { readonly kind: 'subscribed' } | Extract<Reply, { kind: 'error' }>;

/** The few things a handshake may do on the connection it has to judge. */
export interface HandshakeConnection {
  request(method: string, params: RawJson): Promise<Reply>;
}

/**
 * Run on every new connection before it carries anything else. Rejecting closes that connection;
 * the rejection's message becomes the transport's `waiting` reason. Used for the identity check,
 * so that a node of another chain never serves, neither at start nor after a reconnect.
 */
export type Handshake = (connection: HandshakeConnection) => Promise<void>;

/**
 * A way to one upstream. It reconnects by itself, with exponential backoff and jitter, until it is
 * closed. All its queues and tables are bounded.
 */
export interface Transport extends AsyncDisposable {
  /** `websocket`, `http`, … for snapshots. */
  readonly kind: string;
  /** Where it leads: scheme, host and port of each URL, for snapshots. No path, no credentials. */
  readonly endpoints?: readonly string[];
  readonly state: TransportState;
  /** True when `subscribe` can work now. */
  readonly canSubscribe: boolean;
  /** Calls sent and not answered yet. */
  readonly pending: number;
  /** What was received and could not be used, by kind, since the start. For metrics. */
  readonly counters?: Readonly<Record<string, number>>;
  /**
   * Starts connecting. Called once, by the upstream that owns the transport.
   */
  start(handshake: Handshake): void;
  /**
   * Sends one call. `params` is spliced into the request as it is: the caller vouches that it is
   * valid JSON.
   *
   * @throws TransportError (`transport`, `rate limited`, `overloaded`, or `closed` when it was
   *   closed meanwhile) when no answer came; `sent` says whether the upstream may have seen the call
   * @throws TimeoutError when the answer took longer than `timeoutMs`
   * @throws BalancerError `cancelled` when the signal aborted; `closed` after `close()`
   */
  request(method: string, params: RawJson, options?: RequestOptions): Promise<Reply>;
  /**
   * Sends one call as `request` does, for those who make ten thousand a second: the outcome goes to
   * `sink`, possibly before this returns, and no promise is made on the way.
   */
  send(method: string, params: RawJson, timeoutMs: number, sink: ReplySink): void;
  /**
   * Subscribes. Notifications that arrive before the response are kept (bounded) and delivered in
   * order right after `onSubscribed`, in the same turn. The promise resolves after that.
   *
   * @throws like `request`; `transport` when this transport cannot subscribe
   */
  subscribe(
    call: SubscribeCall,
    handlers: SubscriptionHandlers,
    options?: RequestOptions,
  ): Promise<SubscribeReply>;
  /**
   * Calls `listener` after every change of `state` or `canSubscribe`; returns the function that
   * stops it.
   */
  onState(listener: (state: TransportState) => void): () => void;
  /**
   * Somebody waits for this upstream: while it waits to connect again it tries sooner, unless the
   * upstream itself asked for the delay. May be called as often as one likes, and must not throw.
   */
  hurry?(): void;
  /**
   * Fails what is pending with a `TransportError` of code `closed`, closes sockets and timers. Safe
   * to call twice.
   */
  close(): Promise<void>;
}

/** What a transport factory is given by the upstream that owns the transport. */
export interface TransportContext {
  /** The upstream's id, for error messages. */
  readonly upstream: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Makes the transport of one upstream; what `websocket(url)` and `http(url)` return. */
export type TransportFactory = (context: TransportContext) => Transport;
