import { openFetcher } from '#fetcher';
import { TransportError } from '../errors.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import type { TimerHandle } from '../time/clock.ts';
import { Backoff } from './backoff.ts';
import { type Endpoint, resolveEndpoint } from './credentials.ts';
import { type HandshakeRun, runHandshake } from './handshake-run.ts';
import { HttpCalls } from './http-calls.ts';
import { type HttpLimits, type HttpOptions, httpLimits } from './http-options.ts';
import { Reconnect } from './reconnect.ts';
import { StateCell } from './state-cell.ts';
import type {
  Handshake,
  ReplySink,
  RequestOptions,
  SubscribeReply,
  Transport,
  TransportContext,
  TransportFactory,
  TransportState,
} from './transport.ts';
import { unavailable } from './unavailable.ts';

/**
 * A way to an upstream over HTTP: one POST a call, over kept-alive connections. It cannot
 * subscribe. Having no connection to speak of, it is open while handshakes pass: one at first, one
 * every `recheckMs`, and one after each spell of connection failures.
 *
 * @param url `http://` or `https://` with any path and query; userinfo in it is sent as basic
 *   authentication
 * @throws BalancerError `invalid request` when URL or options make no sense; it shows no secret
 */
export function http(url: string, options: HttpOptions = {}): TransportFactory {
  const endpoint = resolveEndpoint(url, ['http', 'https'], options);
  const limits = httpLimits(options);
  return (context) => new HttpTransport(context, endpoint, limits, options);
}

class HttpTransport implements Transport {
  readonly kind = 'http';
  readonly endpoints: readonly string[];
  readonly canSubscribe = false;
  readonly #context: TransportContext;
  readonly #endpoint: Endpoint;
  readonly #limits: HttpLimits;
  readonly #calls: HttpCalls;
  readonly #closeFetcher: () => Promise<void>;
  readonly #reconnect: Reconnect;
  readonly #cell = new StateCell();
  #handshake: Handshake | undefined;
  #run: HandshakeRun | undefined;
  /** The next recheck. */
  #timer: TimerHandle;
  #generation = 0;
  #openedAtMs = 0;
  #failuresInARow = 0;
  #closing: Promise<void> | undefined;

  constructor(
    context: TransportContext,
    endpoint: Endpoint,
    limits: HttpLimits,
    options: HttpOptions,
  ) {
    this.#context = context;
    this.#endpoint = endpoint;
    this.endpoints = [endpoint.description];
    this.#limits = limits;
    const backoff = new Backoff(context.random, options.backoff);
    this.#reconnect = new Reconnect(context.clock, backoff, () => {
      if (this.#handshake) void this.#connect(this.#handshake);
    });
    const { connections, connectTimeoutMs, maxResponseBytes } = limits;
    const { tls } = options;
    const shape = { endpoint, connections, connectTimeoutMs, maxResponseBytes, tls };
    const fetcher = openFetcher(shape);
    this.#closeFetcher = () => fetcher.close();
    this.#calls = new HttpCalls(
      { upstream: context.upstream, clock: context.clock, limits, fetcher },
      {
        onContact: () => {
          this.#failuresInARow = 0;
        },
        onDisconnect: (reason) => this.#disconnected(reason),
      },
    );
  }

  get state(): TransportState {
    return this.#cell.state;
  }

  get pending(): number {
    return this.#calls.size;
  }

  start(handshake: Handshake): void {
    if (this.#handshake || this.state.status === 'closed') return;
    this.#handshake = handshake;
    void this.#connect(handshake);
  }

  request(method: string, params: RawJson, options?: RequestOptions): Promise<Reply> {
    return this.state.status === 'open'
      ? this.#calls.request(method, params, options)
      : Promise.reject(unavailable(this.#context.upstream, this.state));
  }

  send(method: string, params: RawJson, timeoutMs: number, sink: ReplySink): void {
    if (this.state.status === 'open') this.#calls.send(method, params, timeoutMs, sink);
    else sink.onFail(unavailable(this.#context.upstream, this.state));
  }

  subscribe(): Promise<SubscribeReply> {
    const message = `${this.#context.upstream}: HTTP carries no subscriptions`;
    return Promise.reject(new TransportError(message, { sent: false }));
  }

  hurry(): void {
    const { state } = this;
    if (state.status !== 'waiting') return;
    const retryAtMs = this.#reconnect.hurry();
    if (retryAtMs !== undefined) this.#cell.set({ ...state, retryAtMs });
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

  async #connect(handshake: Handshake): Promise<void> {
    if (this.state.status !== 'connecting') this.#cell.set({ status: 'connecting' });
    const outcome = await this.#shakeHands(handshake);
    if (this.state.status !== 'connecting') return;
    if (outcome.kind !== 'passed') {
      this.#wait(outcome.reason, outcome.retryAfterMs);
      return;
    }
    this.#failuresInARow = 0;
    this.#openedAtMs = this.#context.clock.now();
    this.#recheckLater(handshake);
    this.#cell.set({ status: 'open', generation: ++this.#generation });
  }

  /** Asks again who is there, while calls go on. */
  async #recheck(handshake: Handshake): Promise<void> {
    const generation = this.#generation;
    const outcome = await this.#shakeHands(handshake);
    if (this.state.status !== 'open' || this.#generation !== generation) return;
    if (outcome.kind === 'passed') {
      this.#recheckLater(handshake);
      return;
    }
    this.#wait(outcome.reason, outcome.retryAfterMs);
    if (outcome.kind !== 'refused') return;
    // Somebody else answers at this address now: what is under way would be answered by them.
    this.#calls.failAll(outcome.reason);
  }

  async #shakeHands(handshake: Handshake): ReturnType<typeof runHandshake>['outcome'] {
    const { clock } = this.#context;
    this.#run = runHandshake(
      clock,
      this.#limits.connectTimeoutMs,
      handshake,
      (method, params, options) => this.#calls.request(method, params, options, true),
    );
    const outcome = await this.#run.outcome;
    this.#run = undefined;
    if (outcome.kind === 'passed') return outcome;
    return { ...outcome, reason: this.#endpoint.redact(outcome.reason) };
  }

  #recheckLater(handshake: Handshake): void {
    const { clock } = this.#context;
    this.#timer = clock.setTimeout(() => void this.#recheck(handshake), this.#limits.recheckMs);
  }

  #disconnected(reason: string): void {
    this.#failuresInARow++;
    // While connecting, the handshake itself is judge of what failed.
    if (this.state.status !== 'open') return;
    if (this.#failuresInARow >= this.#limits.maxFailures) this.#wait(reason);
  }

  #wait(reason: string, retryAfterMs?: number): void {
    const { clock } = this.#context;
    this.#run?.cancel();
    clock.clearTimeout(this.#timer);
    const wasOpen = this.state.status === 'open';
    const openMs = clock.now() - this.#openedAtMs;
    if (wasOpen && openMs >= this.#limits.stableAfterMs) this.#reconnect.reset();
    this.#cell.set({ status: 'waiting', reason, retryAtMs: this.#reconnect.wait(retryAfterMs) });
    this.#calls.failQueued(reason);
  }

  async #close(): Promise<void> {
    this.#context.clock.clearTimeout(this.#timer);
    this.#reconnect.cancel();
    this.#run?.cancel();
    this.#cell.set({ status: 'closed' });
    this.#calls.failAll('the transport is closed', 'closed');
    await this.#closeFetcher();
  }
}
