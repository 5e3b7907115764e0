import { ShortLivedMap } from '../collections/short-lived-map.ts';
import { type BalancerErrorCode, TransportError } from '../errors.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import { encodeRequest } from '../json-rpc/request.ts';
import type { Clock } from '../time/clock.ts';
import type { HttpLimits } from './http-options.ts';
import { readHttpReply } from './http-reply.ts';
import { namedError } from './named-error.ts';
import { cancelled, PendingCalls } from './pending.ts';
import type {
  FetchCall,
  FetchEvents,
  Fetcher,
  HttpAnswer,
  HttpFailure,
} from './platform/fetcher.ts';
import type { ReplySink, RequestOptions } from './transport.ts';

/** What calls tell of the way to the upstream. */
export interface HttpCallsEvents {
  /** An HTTP response came, whatever it said. */
  readonly onContact: () => void;
  /** The connection could not be made, or broke. */
  readonly onDisconnect: (reason: string) => void;
}

/** What {@link HttpCalls} works with. */
export interface HttpCallsContext {
  readonly upstream: string;
  readonly clock: Clock;
  readonly limits: HttpLimits;
  readonly fetcher: Fetcher;
}

/**
 * The calls to one HTTP endpoint: so many under way at once, the others in a queue of our own, so
 * that a call given up leaves it and is known never to have been sent: at once when its signal aborts
 * or its time is over, and when its turn comes where its sink is over.
 */
export class HttpCalls {
  readonly #context: HttpCallsContext;
  readonly #events: HttpCallsEvents;
  readonly #calls: PendingCalls;
  readonly #underWay = new ShortLivedMap<number, Post>();
  readonly #queue = new Map<number, string>();

  constructor(context: HttpCallsContext, events: HttpCallsEvents) {
    this.#context = context;
    this.#events = events;
    this.#calls = new PendingCalls(context.upstream, context.clock, (id) => this.#forget(id));
  }

  get size(): number {
    return this.#calls.size;
  }

  /**
   * Sends one call, or queues it.
   *
   * @param urgent goes past queue and limit, as a handshake must: a busy upstream is not a dead one
   */
  request(
    method: string,
    params: RawJson,
    options: RequestOptions = {},
    urgent = false,
  ): Promise<Reply> {
    const { upstream, limits } = this.#context;
    const { signal, timeoutMs = limits.requestTimeoutMs } = options;
    if (signal?.aborted) return Promise.reject(cancelled(upstream, method, signal));
    return new Promise((resolve, reject) => {
      const sink = { onReply: resolve, onFail: reject };
      this.send(method, params, timeoutMs, sink, signal, urgent);
    });
  }

  /** The same without a promise; a signal must not be aborted yet. */
  send(
    method: string,
    params: RawJson,
    timeoutMs: number,
    sink: ReplySink,
    signal?: AbortSignal,
    urgent = false,
  ): void {
    const { upstream, limits } = this.#context;
    if (this.#calls.size >= limits.maxPending && !urgent) {
      const message = `${upstream}: ${this.#calls.size} calls are in flight already`;
      sink.onFail(new TransportError(message, { sent: false }, 'overloaded'));
      return;
    }
    const id = this.#calls.add(method, timeoutMs, signal, sink);
    const body = encodeRequest(id, method, params);
    if (urgent || this.#underWay.size < limits.connections) this.#post(id, body);
    else this.#queue.set(id, body);
  }

  /** Fails the calls that were not sent yet. */
  failQueued(reason: string, code: BalancerErrorCode = 'transport'): void {
    const queued = [...this.#queue.keys()];
    this.#queue.clear();
    const message = `${this.#context.upstream}: ${reason}`;
    for (const id of queued) {
      this.#calls.take(id)?.onFail(new TransportError(message, { sent: false }, code));
    }
  }

  /** Fails all calls, and drops the connections of those under way: these may have arrived. */
  failAll(reason: string, code: BalancerErrorCode = 'transport'): void {
    this.failQueued(reason, code);
    for (const post of this.#underWay.values()) post.call?.abort();
    this.#underWay.clear();
    const message = `${this.#context.upstream}: ${reason}`;
    this.#calls.failAll(() => new TransportError(message, { sent: true }, code));
  }

  /** @private For {@link Post}. */
  answered(id: number, answer: HttpAnswer): void {
    this.#underWay.take(id);
    const call = this.#calls.take(id);
    this.#events.onContact();
    this.#next();
    let reply: Reply;
    try {
      reply = readHttpReply(answer, id);
    } catch (error) {
      call?.onFail(namedError(this.#context.upstream, error as TransportError));
      return;
    }
    call?.onReply(reply);
  }

  /** @private For {@link Post}. */
  failed(id: number, { reason, sent, at }: HttpFailure): void {
    this.#underWay.take(id);
    const call = this.#calls.take(id);
    // Before the next call goes out: this may have been one failure too many for it.
    if (at === 'connection') this.#events.onDisconnect(reason);
    else this.#events.onContact();
    this.#next();
    const origin = at === 'connection' ? 'local' : 'upstream';
    const message = `${this.#context.upstream}: ${reason}`;
    call?.onFail(new TransportError(message, { origin, sent }));
  }

  #post(id: number, body: string): void {
    const post = new Post(this, id);
    this.#underWay.add(id, post);
    post.call = this.#context.fetcher.post(body, post);
  }

  /** A call was given up: its place is free again. */
  #forget(id: number): void {
    if (this.#queue.delete(id)) return;
    this.#underWay.take(id)?.call?.abort();
    this.#next();
  }

  #next(): void {
    const { connections } = this.#context.limits;
    for (const [id, body] of this.#queue) {
      // Looked at each time: who is told that its call was dropped may make another.
      if (this.#underWay.size >= connections) return;
      this.#queue.delete(id);
      if (this.#calls.dropAbandoned(id)) continue;
      this.#post(id, body);
      return;
    }
  }
}

/** One request under way, and where its outcome goes. */
class Post implements FetchEvents {
  readonly #calls: HttpCalls;
  readonly #id: number;
  call: FetchCall | undefined;

  constructor(calls: HttpCalls, id: number) {
    this.#calls = calls;
    this.#id = id;
  }

  onAnswer(answer: HttpAnswer): void {
    this.#calls.answered(this.#id, answer);
  }

  onFailure(failure: HttpFailure): void {
    this.#calls.failed(this.#id, failure);
  }
}
