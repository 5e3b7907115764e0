import { checkSocket } from '#socket';
import { BalancerError, TransportError } from '../errors.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import { Backoff } from './backoff.ts';
import type { Connection, ConnectionContext, WebSocketCounters } from './connection.ts';
import { resolveEndpoint } from './credentials.ts';
import { Lane } from './lane.ts';
import { StateCell } from './state-cell.ts';
import type {
  Handshake,
  ReplySink,
  RequestOptions,
  SubscribeCall,
  SubscribeReply,
  SubscriptionHandlers,
  Transport,
  TransportFactory,
  TransportState,
} from './transport.ts';
import { unavailable } from './unavailable.ts';
import { type WebSocketOptions, webSocketLimits } from './websocket-options.ts';

/**
 * A way to an upstream over WebSocket: many calls and subscriptions share few connections.
 *
 * @param url `ws://` or `wss://`; userinfo in it is sent as basic authentication
 * @throws BalancerError `invalid request` when URL or options make no sense; it shows no secret
 */
export function websocket(url: string, options: WebSocketOptions = {}): TransportFactory {
  const endpoint = resolveEndpoint(url, ['ws', 'wss'], options);
  const limits = webSocketLimits(options);
  checkSocket({ endpoint, tls: options.tls });
  return ({ upstream, clock, random }) => {
    const counters = { malformedMessages: 0, unknownResponses: 0, unknownNotifications: 0 };
    const context = { upstream, clock, endpoint, limits, options, counters };
    return new WebSocketTransport(context, () => new Backoff(random, options.backoff));
  };
}

class WebSocketTransport implements Transport {
  readonly kind = 'websocket';
  readonly #context: ConnectionContext;
  readonly #newBackoff: () => Backoff;
  readonly #cell = new StateCell();
  #lanes: readonly Lane[] = [];
  /** The connections that serve now. */
  #open: readonly Connection[] = [];
  #generation = 0;
  #closing: Promise<void> | undefined;

  constructor(context: ConnectionContext, newBackoff: () => Backoff) {
    this.#context = context;
    this.#newBackoff = newBackoff;
  }

  get endpoints(): readonly string[] {
    return [this.#context.endpoint.description];
  }

  get state(): TransportState {
    return this.#cell.state;
  }

  get canSubscribe(): boolean {
    return this.#open.length > 0;
  }

  get pending(): number {
    let pending = 0;
    for (const connection of this.#open) pending += connection.pending;
    return pending;
  }

  get counters(): Readonly<WebSocketCounters> {
    return this.#context.counters;
  }

  start(handshake: Handshake): void {
    if (this.#lanes.length > 0 || this.state.status === 'closed') return;
    const lanes = Array.from(
      { length: this.#context.limits.sockets },
      () => new Lane(this.#context, this.#newBackoff(), handshake, () => this.#laneChanged()),
    );
    this.#lanes = lanes;
    for (const lane of lanes) lane.connect();
  }

  request(method: string, params: RawJson, options?: RequestOptions): Promise<Reply> {
    const connection = this.#pick();
    return connection instanceof BalancerError
      ? Promise.reject(connection)
      : connection.request(method, params, options);
  }

  send(method: string, params: RawJson, timeoutMs: number, sink: ReplySink): void {
    const connection = this.#pick();
    if (connection instanceof BalancerError) sink.onFail(connection);
    else connection.send(method, params, timeoutMs, sink);
  }

  subscribe(
    call: SubscribeCall,
    handlers: SubscriptionHandlers,
    options?: RequestOptions,
  ): Promise<SubscribeReply> {
    let subscriptions = 0;
    for (const connection of this.#open) subscriptions += connection.subscriptions;
    if (subscriptions >= this.#context.limits.maxSubscriptions) {
      return Promise.reject(this.#overloaded(`${subscriptions} subscriptions`));
    }
    const connection = this.#pick();
    return connection instanceof BalancerError
      ? Promise.reject(connection)
      : connection.subscribe(call, handlers, options);
  }

  hurry(): void {
    for (const lane of this.#lanes) lane.hurry();
  }

  onState(listener: (state: TransportState) => void): () => void {
    return this.#cell.onState(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The open connection with the fewest calls, or why there is none for one more. */
  #pick(): Connection | BalancerError {
    let best: Connection | undefined;
    let pending = 0;
    for (const connection of this.#open) {
      pending += connection.pending;
      if (best === undefined || connection.pending < best.pending) best = connection;
    }
    if (best === undefined) return unavailable(this.#context.upstream, this.state);
    if (pending >= this.#context.limits.maxPending) return this.#overloaded(`${pending} calls`);
    return best;
  }

  #overloaded(what: string): TransportError {
    const message = `${this.#context.upstream}: ${what} are in flight already`;
    return new TransportError(message, { sent: false }, 'overloaded');
  }

  /** Works out the state of the whole from its lanes'. */
  #laneChanged(): void {
    if (this.state.status === 'closed') return;
    const open: Connection[] = [];
    let connecting = false;
    let next: Extract<TransportState, { status: 'waiting' }> | undefined;
    for (const { state } of this.#lanes) {
      if (state.status === 'open') open.push(state.connection);
      else if (state.status === 'connecting') connecting = true;
      else if (state.status === 'waiting' && !(next && next.retryAtMs < state.retryAtMs)) {
        next = state;
      }
    }
    const before = this.#open;
    this.#open = open;
    if (open.length > 0) {
      if (open.some((connection) => !before.includes(connection))) this.#generation++;
      else if (open.length === before.length) return;
      this.#cell.set({ status: 'open', generation: this.#generation });
    } else if (connecting || next === undefined) {
      if (this.state.status !== 'connecting') this.#cell.set({ status: 'connecting' });
    } else {
      this.#cell.set(next);
    }
  }

  async #close(): Promise<void> {
    this.#open = [];
    // First of all, so that nothing that fails below can find this transport open.
    this.#cell.set({ status: 'closed' });
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }
}
