import { JsonRpcClient, type JsonRpcEngine, type JsonRpcError } from '@dshackle/core';

/** How dedot calls the state of its provider. */
export type DedotStatus = 'connected' | 'disconnected' | 'reconnecting';

/** What a dedot provider tells of. */
export type DedotEvent = DedotStatus | 'error';

/** What a subscriber of dedot's is handed with each item, and to end it. */
export interface DedotSubscription {
  readonly subscriptionId: string;
  unsubscribe: () => Promise<void>;
}

/** What dedot asks for when it subscribes. */
export interface DedotSubscriptionInput {
  readonly subname: string;
  readonly subscribe: string;
  readonly params: unknown[];
  readonly unsubscribe: string;
}

type Handler = (...args: never[]) => void;

/**
 * An engine in the shape that dedot takes: `DedotClient.new({ provider })`, or any other of its
 * clients. `connected` is told once, when an upstream can serve; what happens to single upstreams
 * never is. The engine stays the caller's to close.
 */
export class DedotProvider {
  readonly #engine: JsonRpcEngine;
  readonly #handlers = new Map<DedotEvent, Map<Handler, Handler>>();
  #client: JsonRpcClient | undefined;

  constructor(engine: JsonRpcEngine) {
    this.#engine = engine;
  }

  /** `connected` from `connect()` to `disconnect()`. */
  get status(): DedotStatus {
    return this.#client ? 'connected' : 'disconnected';
  }

  /** Resolves as soon as an upstream can serve. */
  async connect(): Promise<this> {
    if (this.#client) return this;
    await this.#engine.ready();
    this.#client ??= new JsonRpcClient(this.#engine);
    this.#emit('connected');
    return this;
  }

  /** Ends all subscriptions and gives up all calls but submissions. */
  async disconnect(): Promise<void> {
    if (!this.#client) return;
    this.#client.close();
    this.#client = undefined;
    this.#emit('disconnected');
  }

  /**
   * Makes one call.
   * @throws DedotProviderError with the code and data of the JSON-RPC error
   */
  send<T = unknown>(method: string, params: unknown[]): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#connected().request(method, params, {
        onResult: (result) => resolve(result as T),
        onError: (error) => reject(new DedotProviderError(error)),
      });
    });
  }

  /**
   * Subscribes; resolves once the id is known, before the first item.
   * @throws DedotProviderError when it was declined
   */
  subscribe<T = unknown>(
    input: DedotSubscriptionInput,
    callback: (error: Error | null, result: T | null, subscription: DedotSubscription) => void,
  ): Promise<DedotSubscription> {
    const client = this.#connected();
    return new Promise((resolve, reject) => {
      let subscription: DedotSubscription;
      client.subscribe(input.subscribe, input.params, {
        onResult: (subscriptionId) => {
          subscription = {
            subscriptionId,
            unsubscribe: async () => void client.unsubscribe(subscriptionId),
          };
          resolve(subscription);
        },
        onError: (error) => reject(new DedotProviderError(error)),
        onItem: (result) => callback(null, result as T, subscription),
        onEnd: (error) => callback(new DedotProviderError(error), null, subscription),
      });
    });
  }

  /** Calls `handler` at each such event; returns the function that stops it. */
  on(event: DedotEvent, handler: Handler): () => void {
    return this.#add(event, handler, handler);
  }

  /** Calls `handler` at the next such event; returns the function that stops it. */
  once(event: DedotEvent, handler: Handler): () => void {
    return this.#add(event, handler, (...args) => {
      this.off(event, handler);
      handler(...args);
    });
  }

  /** Stops a handler, or all of an event. */
  off(event: DedotEvent, handler?: Handler): this {
    if (handler) this.#handlers.get(event)?.delete(handler);
    else this.#handlers.delete(event);
    return this;
  }

  #add(event: DedotEvent, handler: Handler, called: Handler): () => void {
    const handlers = this.#handlers.get(event) ?? new Map<Handler, Handler>();
    this.#handlers.set(event, handlers.set(handler, called));
    return () => void this.off(event, handler);
  }

  #emit(event: DedotEvent): void {
    for (const handler of [...(this.#handlers.get(event)?.values() ?? [])]) handler();
  }

  #connected(): JsonRpcClient {
    if (!this.#client) throw new Error('the provider is not connected');
    return this.#client;
  }
}

/** A JSON-RPC error as dedot's own providers throw it: with its code and data. */
export class DedotProviderError extends Error {
  override readonly name = 'JsonRpcError';
  readonly code: number;
  readonly data: unknown;

  constructor({ code, message, data }: JsonRpcError) {
    super(`${code}: ${message}`);
    this.code = code;
    this.data = data;
  }
}
