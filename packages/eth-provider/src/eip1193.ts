import {
  type Balancer,
  balancerErrorCodes,
  JsonRpcClient,
  type JsonRpcClientOptions,
  type JsonRpcError,
} from '@dshackle/core';

/** What `request` takes (EIP-1193, "request"). */
export interface Eip1193Request {
  readonly method: string;
  readonly params?: readonly unknown[] | object;
}

/** One item of a subscription (EIP-1193, "message"). */
export interface Eip1193Message {
  readonly type: 'eth_subscription';
  readonly data: { readonly subscription: string; readonly result: unknown };
}

/** What each event tells. There are no accounts here, and the chain never changes. */
export interface Eip1193Events {
  readonly connect: { readonly chainId: string };
  readonly disconnect: Eip1193Error;
  readonly message: Eip1193Message;
  readonly chainChanged: string;
  readonly accountsChanged: readonly string[];
}

/** Codes by which EIP-1193 says that nobody can be asked. */
const disconnected: ReadonlySet<number> = new Set([
  balancerErrorCodes['no eligible upstream'],
  balancerErrorCodes.closed,
]);
const disconnectedCode = 4900;

/**
 * What a request rejects with: code, message and data of the node, or those of the engine
 * (`balancerErrorCodes`), but 4900 where no upstream can serve.
 */
export class Eip1193Error extends Error {
  override readonly name = 'Eip1193Error';
  readonly code: number;
  readonly data: unknown;

  constructor({ code, message, data }: JsonRpcError) {
    super(message);
    this.code = disconnected.has(code) ? disconnectedCode : code;
    this.data = data;
  }
}

type Listener<Name extends keyof Eip1193Events> = (event: Eip1193Events[Name]) => void;

/**
 * An engine in the shape of EIP-1193, for viem's `custom` transport, wagmi and whatever takes a
 * wallet's provider. It is one client of the engine; the engine stays the caller's to close.
 */
export class Eip1193Provider {
  readonly #client: JsonRpcClient;
  readonly #balancer: Balancer;
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  readonly #stopListening: () => void;
  #isClosed = false;

  constructor(balancer: Balancer, options: JsonRpcClientOptions = {}) {
    this.#balancer = balancer;
    this.#client = new JsonRpcClient(balancer, { availabilityTimeoutMs: 30_000, ...options });
    this.#stopListening = balancer.onAvailability((isAvailable) => this.#tellState(isAvailable));
    if (balancer.available) this.#tellState(true);
  }

  /**
   * Makes one call.
   * @throws Eip1193Error
   */
  request({ method, params }: Eip1193Request): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onError = (error: JsonRpcError): void => reject(new Eip1193Error(error));
      if (this.#isClosed) {
        onError({ code: disconnectedCode, message: 'the provider is closed' });
      } else if (this.#balancer.chain.traits(method).kind === 'subscribe') {
        this.#subscribe(method, params, resolve, onError);
      } else {
        this.#client.request(method, params, { onResult: resolve, onError });
      }
    });
  }

  /** Calls `listener` at each such event from now on. */
  on<Name extends keyof Eip1193Events>(name: Name, listener: Listener<Name>): this {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return this;
  }

  /** Stops what `on` began. */
  removeListener<Name extends keyof Eip1193Events>(name: Name, listener: Listener<Name>): this {
    this.#listeners.get(name)?.delete(listener);
    return this;
  }

  /** Ends its subscriptions and gives up all calls but submissions. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    this.#client.close();
    this.#listeners.clear();
  }

  #subscribe(
    method: string,
    params: unknown,
    onResult: (id: string) => void,
    onError: (error: JsonRpcError) => void,
  ): void {
    let subscription = '';
    this.#client.subscribe(method, params, {
      onResult: (id) => {
        subscription = id;
        onResult(id);
      },
      onError,
      onItem: (result) =>
        this.#emit('message', { type: 'eth_subscription', data: { subscription, result } }),
      // EIP-1193 has no word for the end of one subscription.
      onEnd: (error) => this.#emit('disconnect', new Eip1193Error(error)),
    });
  }

  #tellState(isAvailable: boolean): void {
    if (!isAvailable) {
      const message = 'no upstream can serve';
      this.#emit('disconnect', new Eip1193Error({ code: disconnectedCode, message }));
      return;
    }
    this.#client.request('eth_chainId', [], {
      onResult: (chainId) => this.#emit('connect', { chainId: String(chainId) }),
      // It became unavailable again meanwhile, and is told so.
      onError: () => undefined,
    });
  }

  #emit<Name extends keyof Eip1193Events>(name: Name, event: Eip1193Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      (listener as Listener<Name>)(event);
    }
  }
}

/** An engine in the shape of EIP-1193. */
export function eip1193(balancer: Balancer, options?: JsonRpcClientOptions): Eip1193Provider {
  return new Eip1193Provider(balancer, options);
}
