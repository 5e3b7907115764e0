import { BalancerError } from '../../errors.ts';
import type {
  FetchCall,
  FetchEvents,
  Fetcher,
  FetcherOptions,
  HttpAnswer,
  OpenFetcher,
} from './fetcher.ts';

/**
 * The platform's own `fetch`, as browsers have it. It does not tell whether a request that failed
 * was sent, so every one counts as sent.
 */
export const openFetcher: OpenFetcher = (options) => {
  if (options.tls !== undefined) {
    const message = `${options.endpoint.description}: this platform takes no TLS options`;
    throw new BalancerError('invalid request', message);
  }
  return new WebFetcher(options);
};

class WebFetcher implements Fetcher {
  readonly #options: FetcherOptions;
  readonly #calls = new Set<WebCall>();

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  post(body: string, events: FetchEvents): FetchCall {
    const call = new WebCall(this.#options, events);
    this.#calls.add(call);
    void call.run(body).finally(() => this.#calls.delete(call));
    return call;
  }

  async close(): Promise<void> {
    for (const call of this.#calls) call.abort();
  }
}

/** Thrown for a body that is over the limit. */
class TooLongError extends Error {}

class WebCall implements FetchCall {
  readonly #options: FetcherOptions;
  readonly #controller = new AbortController();
  #events: FetchEvents | undefined;

  constructor(options: FetcherOptions, events: FetchEvents) {
    this.#options = options;
    this.#events = events;
  }

  abort(): void {
    this.#events = undefined;
    this.#controller.abort();
  }

  async run(body: string): Promise<void> {
    try {
      const answer = await this.#fetch(body);
      this.#events?.onAnswer(answer);
    } catch (error) {
      const { message } = error as Error;
      const tooLong = error instanceof TooLongError;
      this.#events?.onFailure({
        reason: tooLong ? message : this.#options.endpoint.redact(`disconnected: ${message}`),
        sent: true,
        at: tooLong ? 'response' : 'connection',
      });
    }
  }

  async #fetch(body: string): Promise<HttpAnswer> {
    const { url, headers } = this.#options.endpoint;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      redirect: 'manual',
      credentials: 'omit',
      cache: 'no-store',
      signal: this.#controller.signal,
    });
    return {
      status: response.status,
      body: await this.#read(response),
      retryAfter: response.headers.get('retry-after') ?? undefined,
      date: response.headers.get('date') ?? undefined,
    };
  }

  async #read(response: Response): Promise<string> {
    const reader = response.body?.getReader();
    if (reader === undefined) return '';
    const decoder = new TextDecoder();
    let text = '';
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > this.#options.maxResponseBytes) {
        const limit = this.#options.maxResponseBytes;
        this.#controller.abort();
        throw new TooLongError(`the response is longer than ${limit} bytes`);
      }
      text += decoder.decode(value, { stream: true });
    }
  }
}
