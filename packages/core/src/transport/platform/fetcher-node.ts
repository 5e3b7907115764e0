import { type Dispatcher, Pool } from 'undici';
import type {
  FetchCall,
  FetchEvents,
  Fetcher,
  FetcherOptions,
  HttpFailure,
  OpenFetcher,
} from './fetcher.ts';

/** A pool of keep-alive connections of the `undici` package. */
export const openFetcher: OpenFetcher = (options) => new UndiciFetcher(options);

class UndiciFetcher implements Fetcher {
  readonly #options: FetcherOptions;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: string[];

  constructor(options: FetcherOptions) {
    const { endpoint, tls } = options;
    this.#options = options;
    this.#path = endpoint.url.pathname + endpoint.url.search;
    const headers = { 'content-type': 'application/json', ...endpoint.headers };
    this.#headers = Object.entries(headers).flat();
    this.#pool = new Pool(endpoint.url.origin, {
      // One more than asked for: a handshake goes past the limit.
      connections: options.connections + 1,
      pipelining: 1,
      // Deadlines are the transport's affair: one shared timer does for all calls.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: options.connectTimeoutMs, ...tls },
    });
  }

  post(body: string, events: FetchEvents): FetchCall {
    const call = new UndiciCall(this.#options, events);
    const request = { path: this.#path, method: 'POST', headers: this.#headers, body } as const;
    // `dispatch` and not `request`: half the time, with no stream between us and the bytes.
    this.#pool.dispatch(request, call);
    return call;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

/** Collects one response. */
class UndiciCall implements FetchCall, Dispatcher.DispatchHandler {
  readonly #options: FetcherOptions;
  #events: FetchEvents | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #retryAfter: string | undefined;
  #date: string | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(options: FetcherOptions, events: FetchEvents) {
    this.#options = options;
    this.#events = events;
  }

  abort(): void {
    this.#events = undefined;
    this.#controller?.abort(new Error('aborted'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It was given up while it waited for a connection.
    if (this.#events === undefined) controller.abort(new Error('aborted'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    this.#retryAfter = one(headers['retry-after']);
    this.#date = one(headers.date);
    const length = Number(one(headers['content-length']));
    if (length > this.#options.maxResponseBytes) this.#tooLong();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#options.maxResponseBytes) this.#tooLong();
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [first] = this.#chunks;
    const single = first !== undefined && this.#chunks.length === 1;
    const body = single ? first : Buffer.concat(this.#chunks, this.#bytes);
    this.#take()?.onAnswer({
      status: this.#status,
      body: body.toString(),
      retryAfter: this.#retryAfter,
      date: this.#date,
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#take()?.onFailure(this.#failure(error));
  }

  #tooLong(): void {
    const reason = `the response is longer than ${this.#options.maxResponseBytes} bytes`;
    this.#take()?.onFailure({ reason, sent: true, at: 'response' });
    this.#controller?.abort(new Error(reason));
  }

  #failure(error: Error & { readonly code?: string }): HttpFailure {
    // Trying several addresses ends in an AggregateError, which has a code and no message.
    const text = this.#options.endpoint.redact(error.message || error.code || error.name);
    // Undici starts a request only when it has a connection to write it to.
    const sent = this.#controller !== undefined;
    if (error.code?.startsWith('HPE_') || error.code === 'UND_ERR_HEADERS_OVERFLOW') {
      return { reason: `no HTTP: ${text}`, sent, at: 'response' };
    }
    const reason = sent ? `disconnected: ${text}` : `cannot connect: ${text}`;
    return { reason, sent, at: 'connection' };
  }

  /** The events, once: nothing is told twice. */
  #take(): FetchEvents | undefined {
    const events = this.#events;
    this.#events = undefined;
    return events;
  }
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
