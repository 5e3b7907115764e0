import { BalancerError, TimeoutError, TransportError } from '../errors.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import type { Clock, TimerHandle } from '../time/clock.ts';
import type {
  Handshake,
  ReplySink,
  RequestOptions,
  SubscribeCall,
  SubscribeReply,
  SubscriptionHandlers,
  Transport,
  TransportContext,
  TransportState,
} from '../transport/transport.ts';

/** What the other end of a {@link ScriptedTransport} does. */
export interface ScriptedPeer {
  /** Answers one call; a promise that never settles is a hung node. */
  answer(method: string, params: RawJson): Reply | Promise<Reply>;
  /** Called for each new subscription; `push` delivers a notification. */
  subscribed?(method: string, params: RawJson, id: string, push: (item: RawJson) => void): void;
  unsubscribed?(id: string): void;
}

interface Live {
  readonly handlers: SubscriptionHandlers;
}

interface Pending {
  readonly reject: (error: BalancerError) => void;
  readonly timer: TimerHandle;
}

/**
 * A transport without a network: in memory, on the engine's clock, connected and cut on command.
 */
export class ScriptedTransport implements Transport {
  readonly kind: string = 'scripted';
  readonly #peer: ScriptedPeer;
  readonly #clock: Clock;
  readonly #subscribes: boolean;
  readonly #listeners = new Set<(state: TransportState) => void>();
  readonly #pending = new Set<Pending>();
  readonly #live = new Map<string, Live>();
  #state: TransportState = { status: 'connecting' };
  #handshake: Handshake | undefined;
  #reachable: boolean;
  #generation = 0;
  #ids = 0;

  constructor(
    peer: ScriptedPeer,
    context: TransportContext,
    options: { readonly reachable?: boolean; readonly canSubscribe?: boolean } = {},
  ) {
    this.#peer = peer;
    this.#clock = context.clock;
    this.#reachable = options.reachable ?? true;
    this.#subscribes = options.canSubscribe ?? true;
  }

  get state(): TransportState {
    return this.#state;
  }

  get canSubscribe(): boolean {
    return this.#subscribes && this.#state.status === 'open';
  }

  get pending(): number {
    return this.#pending.size;
  }

  start(handshake: Handshake): void {
    this.#handshake = handshake;
    if (this.#reachable) void this.connect();
    else this.cut('connection refused');
  }

  /** Connects (again), running the handshake. */
  async connect(): Promise<void> {
    this.#reachable = true;
    if (this.#state.status === 'open' || this.#state.status === 'closed' || !this.#handshake)
      return;
    this.#set({ status: 'connecting' });
    try {
      await this.#handshake({ request: (method, params) => this.#ask(method, params, {}) });
      if (this.#state.status !== 'connecting') return;
      this.#generation += 1;
      this.#set({ status: 'open', generation: this.#generation });
    } catch (error) {
      if (this.#state.status !== 'connecting') return;
      this.#set({ status: 'waiting', reason: (error as Error).message, retryAtMs: Infinity });
    }
  }

  /** Drops the connection: what is pending fails, subscriptions end. */
  cut(reason = 'connection lost'): void {
    this.#reachable = false;
    if (this.#state.status === 'closed') return;
    this.#set({ status: 'waiting', reason, retryAtMs: Infinity });
    this.#failPending(() => new TransportError(reason, { sent: true }));
    this.#endSubscriptions(reason);
  }

  async request(method: string, params: RawJson, options: RequestOptions = {}): Promise<Reply> {
    if (this.#state.status === 'closed') throw new BalancerError('closed', 'transport is closed');
    if (this.#state.status !== 'open') throw new TransportError('not connected', { sent: false });
    return this.#ask(method, params, options);
  }

  send(method: string, params: RawJson, timeoutMs: number, sink: ReplySink): void {
    this.request(method, params, { timeoutMs }).then(
      (reply) => sink.onReply(reply),
      (error: BalancerError) => sink.onFail(error),
    );
  }

  async subscribe(
    call: SubscribeCall,
    handlers: SubscriptionHandlers,
    options: RequestOptions = {},
  ): Promise<SubscribeReply> {
    if (!this.#subscribes) throw new TransportError('cannot subscribe', { sent: false });
    const reply = await this.request(call.method, call.params, options);
    if (reply.kind === 'error') return reply;
    this.#ids += 1;
    const id = `"${this.#generation}-${this.#ids}"`;
    this.#live.set(id, { handlers });
    handlers.onSubscribed({
      id,
      unsubscribe: () => {
        if (this.#live.delete(id)) this.#peer.unsubscribed?.(id);
      },
    });
    // It may have been ended by the very handler that heard of it.
    if (!this.#live.has(id)) return { kind: 'subscribed' };
    this.#peer.subscribed?.(call.method, call.params, id, (item) => {
      this.#live.get(id)?.handlers.onNotification(item);
    });
    return { kind: 'subscribed' };
  }

  /** Ends live subscriptions without closing the connection, as a node does to a slow reader. */
  dropSubscriptions(reason = 'dropped by the node'): void {
    this.#endSubscriptions(reason);
  }

  onState(listener: (state: TransportState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#state.status === 'closed') return;
    this.#set({ status: 'closed' });
    this.#failPending(() => new TransportError('transport is closed', { sent: true }, 'closed'));
    this.#endSubscriptions('closed');
    this.#listeners.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #ask(method: string, params: RawJson, { timeoutMs, signal }: RequestOptions): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        if (!this.#pending.delete(entry)) return;
        this.#clock.clearTimeout(entry.timer);
        signal?.removeEventListener('abort', onAbort);
        then();
      };
      const fail = (error: BalancerError): void => settle(() => reject(error));
      const onAbort = (): void => fail(new BalancerError('cancelled', method));
      const entry: Pending = {
        reject: fail,
        timer:
          timeoutMs === undefined
            ? undefined
            : this.#clock.setTimeout(
                () => fail(new TimeoutError(`${method}: no answer in ${timeoutMs} ms`)),
                timeoutMs,
              ),
      };
      this.#pending.add(entry);
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      Promise.resolve()
        .then(() => this.#peer.answer(method, params))
        .then(
          (reply) => settle(() => resolve(reply)),
          (error: unknown) => settle(() => reject(error)),
        );
    });
  }

  #failPending(error: () => BalancerError): void {
    for (const entry of [...this.#pending]) entry.reject(error());
  }

  #endSubscriptions(reason: string): void {
    const live = [...this.#live];
    this.#live.clear();
    for (const [id, { handlers }] of live) {
      this.#peer.unsubscribed?.(id);
      handlers.onEnd(reason);
    }
  }

  #set(state: TransportState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }
}
