import { BalancerError, TransportError } from '../errors.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import { StateCell } from './state-cell.ts';
import type {
  Handshake,
  ReplySink,
  RequestOptions,
  SubscribeCall,
  SubscribeReply,
  SubscriptionHandlers,
  Transport,
  TransportContext,
  TransportFactory,
  TransportState,
} from './transport.ts';
import { unavailable } from './unavailable.ts';

/**
 * Several ways to one upstream, best first: `combined([websocket(a), http(b)])`. A call takes the
 * first that is open, and goes on to the next when that one could not send it. A subscription takes
 * the first that can carry it.
 *
 * Open while one of them is. Listeners are told also when `canSubscribe` changes and the state does
 * not, so that whoever polls meanwhile knows that it can subscribe again.
 *
 * @throws BalancerError `invalid request` when the list is empty
 */
export function combined(factories: readonly TransportFactory[]): TransportFactory {
  if (factories.length === 0) {
    throw new BalancerError('invalid request', 'an upstream needs at least one transport');
  }
  return (context) => {
    const members = factories.map((factory) => factory(context));
    return new CombinedTransport(context, members);
  };
}

class CombinedTransport implements Transport {
  readonly kind: string;
  readonly #context: TransportContext;
  readonly #members: readonly Transport[];
  readonly #cell = new StateCell();
  /** The generation of each member that is open, as last seen. */
  readonly #generations = new Map<Transport, number>();
  #generation = 0;
  #couldSubscribe = false;
  #started = false;
  #closing: Promise<void> | undefined;

  constructor(context: TransportContext, members: readonly Transport[]) {
    this.#context = context;
    this.#members = members;
    this.kind = members.map((member) => member.kind).join('+');
    for (const member of members) member.onState(() => this.#changed());
  }

  get endpoints(): readonly string[] {
    return this.#members.flatMap(({ endpoints = [] }) => endpoints);
  }

  get state(): TransportState {
    return this.#cell.state;
  }

  get canSubscribe(): boolean {
    return this.state.status === 'open' && this.#members.some((member) => member.canSubscribe);
  }

  get pending(): number {
    return this.#members.reduce((sum, member) => sum + member.pending, 0);
  }

  get counters(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { counters = {} } of this.#members) {
      for (const [name, count] of Object.entries(counters)) sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }

  start(handshake: Handshake): void {
    if (this.#started || this.state.status === 'closed') return;
    this.#started = true;
    for (const member of this.#members) member.start(handshake);
  }

  request(method: string, params: RawJson, options?: RequestOptions): Promise<Reply> {
    const first = this.#openFrom(0);
    const member = this.#members[first];
    if (member === undefined)
      return Promise.reject(unavailable(this.#context.upstream, this.state));
    const reply = member.request(method, params, options);
    const next = this.#openFrom(first + 1);
    // The handler below costs nothing in the common case of one open way.
    return next < this.#members.length ? this.#orNext(reply, next, method, params, options) : reply;
  }

  send(method: string, params: RawJson, timeoutMs: number, sink: ReplySink): void {
    const first = this.#openFrom(0);
    if (first === this.#members.length)
      sink.onFail(unavailable(this.#context.upstream, this.state));
    else this.#sendBy(first, method, params, timeoutMs, sink);
  }

  subscribe(
    call: SubscribeCall,
    handlers: SubscriptionHandlers,
    options?: RequestOptions,
  ): Promise<SubscribeReply> {
    if (this.state.status === 'open') {
      const member = this.#members.find(({ canSubscribe }) => canSubscribe);
      if (member !== undefined) return member.subscribe(call, handlers, options);
      const message = `${this.#context.upstream}: nothing that carries subscriptions is open`;
      return Promise.reject(new TransportError(message, { sent: false }));
    }
    return Promise.reject(unavailable(this.#context.upstream, this.state));
  }

  hurry(): void {
    for (const member of this.#members) member.hurry?.();
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

  async #orNext(
    reply: Promise<Reply>,
    next: number,
    method: string,
    params: RawJson,
    options: RequestOptions | undefined,
  ): Promise<Reply> {
    try {
      return await reply;
    } catch (error) {
      const index = this.#wayAfter(error, next);
      if (index === undefined) throw error;
      const again = this.#members[index]!.request(method, params, options);
      return this.#orNext(again, index + 1, method, params, options);
    }
  }

  #sendBy(
    index: number,
    method: string,
    params: RawJson,
    timeoutMs: number,
    sink: ReplySink,
  ): void {
    const member = this.#members[index]!;
    const next = this.#openFrom(index + 1);
    if (next === this.#members.length) {
      member.send(method, params, timeoutMs, sink);
      return;
    }
    member.send(method, params, timeoutMs, {
      get isOver() {
        return sink.isOver === true;
      },
      onReply: (reply) => sink.onReply(reply),
      onFail: (error) => {
        const way = this.#wayAfter(error, next);
        if (way === undefined) sink.onFail(error);
        else this.#sendBy(way, method, params, timeoutMs, sink);
      },
    });
  }

  /** Index of the way by which a call that failed so may go on; `undefined` when it may not. */
  #wayAfter(error: unknown, from: number): number | undefined {
    if (!(error instanceof TransportError) || error.sent) return undefined;
    // Asking the same upstream by another way is not what it meant by that.
    if (error.code === 'rate limited') return undefined;
    const index = this.#openFrom(from);
    return index < this.#members.length ? index : undefined;
  }

  /** Index of the first open member at or after `from`; past the end when there is none. */
  #openFrom(from: number): number {
    let index = from;
    while (index < this.#members.length && this.#members[index]!.state.status !== 'open') index++;
    return index;
  }

  /** Works out the state of the whole from its members'. */
  #changed(): void {
    if (this.state.status === 'closed') return;
    const states = this.#members.map((member) => member.state);
    const couldSubscribe = this.#couldSubscribe;
    this.#couldSubscribe = this.#members.some((member) => member.canSubscribe);
    if (states.some(({ status }) => status === 'open')) {
      const grown = this.#noteGenerations();
      const changed = this.state.status !== 'open' || grown;
      if (grown) this.#generation++;
      if (!changed && couldSubscribe === this.#couldSubscribe) return;
      this.#cell.set({ status: 'open', generation: this.#generation });
      return;
    }
    if (states.some(({ status }) => status === 'connecting')) {
      if (this.state.status !== 'connecting') this.#cell.set({ status: 'connecting' });
      return;
    }
    const waiting = ofWaiting(states);
    if (waiting !== undefined) this.#cell.set(waiting);
  }

  /** Returns whether any member has a connection it did not have before. */
  #noteGenerations(): boolean {
    let grown = false;
    for (const member of this.#members) {
      const { state } = member;
      if (state.status !== 'open' || this.#generations.get(member) === state.generation) continue;
      this.#generations.set(member, state.generation);
      grown = true;
    }
    return grown;
  }

  async #close(): Promise<void> {
    this.#cell.set({ status: 'closed' });
    await Promise.all(this.#members.map((member) => member.close()));
  }
}

type Waiting = Extract<TransportState, { status: 'waiting' }>;

/**
 * Waits for whichever tries again first, and tells of them all: in their own order, so that the reason
 * does not change with whose turn it is.
 */
function ofWaiting(states: readonly TransportState[]): Waiting | undefined {
  const waiting = states.filter((state): state is Waiting => state.status === 'waiting');
  if (waiting.length === 0) return undefined;
  return {
    status: 'waiting',
    reason: [...new Set(waiting.map(({ reason }) => reason))].join('; '),
    retryAtMs: Math.min(...waiting.map(({ retryAtMs }) => retryAtMs)),
  };
}
