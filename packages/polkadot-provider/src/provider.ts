import {
  type Balancer,
  BalancerError,
  type Call,
  type Chain,
  type Clock,
  createBalancer,
  isBalancerError,
  type Receiver,
  systemClock,
} from '@dshackle/core';
import type {
  ProviderInterface,
  ProviderInterfaceCallback,
  ProviderInterfaceEmitCb,
  ProviderInterfaceEmitted,
  ProviderStats,
} from '@polkadot/rpc-provider/types';
import { stringify } from '@polkadot/util';
import { polkadot } from './chain/polkadot.ts';
import { ClientSubscriptions, type Connection } from './client-subscriptions.ts';
import { Listeners } from './listeners.ts';
import { answeredError, callError, notConnectedError } from './provider-errors.ts';
import type { ClientOptions, PolkadotProviderOptions } from './provider-options.ts';
import { ProviderStatistics } from './provider-stats.ts';
import { type LoadedResult, ResultCache } from './result-cache.ts';

/** polkadot-js makes no cache of a longer time, and says so only once it has connected. */
const maxCacheTtlMs = 1_800_000;

/** What the provider knows of the engine that it is connected to. */
interface OwnConnection extends Connection {
  /** Parts with the engine. */
  readonly leave: () => void;
  /** Shared by all calls that wait for a node. */
  availability?: Promise<void> | undefined;
}

/**
 * polkadot-js's provider over many nodes: give it to `ApiPromise.create({ provider })`. A call
 * goes to the best node, and to another one when that fails; a subscription outlives the node that
 * carries it, under the id that it began with.
 *
 * `connected` and `disconnected` are told when the first node can serve and when none can any
 * more. `error` is told when no node could serve in time after connecting; trouble of a single
 * node never is.
 */
export class PolkadotProvider implements ProviderInterface {
  readonly hasSubscriptions = true;
  readonly isClonable = true;
  /** Resolves with this provider as soon as a node can serve for the first time. */
  readonly isReady: Promise<this>;
  readonly #source: (PolkadotProviderOptions & { readonly chain: Chain }) | Balancer;
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #listeners = new Listeners();
  readonly #stats = new ProviderStatistics();
  readonly #subscriptions = new ClientSubscriptions(() => this.#stats.add('errors'));
  readonly #cache: ResultCache;
  #connection: OwnConnection | undefined;
  #isConnected = false;
  /** Height up to which the session of the last connection had seen the chain. */
  #seen = -1;

  /**
   * `source`: options for an engine of its own, or an engine that is shared; that one stays open
   * when this provider disconnects. `options` go with a shared engine only.
   *
   * @throws BalancerError `invalid request` when a URL or `cacheTtlMs` cannot be used
   */
  constructor(source: PolkadotProviderOptions | Balancer, options: ClientOptions = {}) {
    // One chain for good: what it pinned at first must hold after connecting again, and in a clone.
    this.#source = isBalancer(source)
      ? source
      : { ...source, chain: source.chain ?? polkadot({ genesisHash: 'any' }) };
    this.#options = isBalancer(source) ? options : source;
    this.#clock = (isBalancer(source) ? undefined : source.clock) ?? systemClock;
    const { cacheCapacity = 1024, cacheMaxBytes = 2 ** 25, cacheTtlMs = 30_000 } = this.#options;
    checkCacheTtl(cacheTtlMs);
    this.#cache = new ResultCache({
      capacity: cacheCapacity,
      maxBytes: cacheMaxBytes,
      ttlMs: cacheTtlMs,
    });
    if (isBalancer(source) || source.autoConnect !== false) this.#open();
    this.isReady = new Promise((resolve) => {
      if (this.#isConnected) return resolve(this);
      const off = this.on('connected', () => {
        off();
        resolve(this);
      });
      return undefined;
    });
  }

  /** True while at least one node can serve. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Counts since this provider was made. */
  get stats(): ProviderStats {
    return this.#stats.snapshot(this.#subscriptions.size);
  }

  /** How long polkadot-js keeps storage values, in milliseconds; `undefined` for its default. */
  get ttl(): number | null | undefined {
    return this.#options.cacheTtlMs;
  }

  /** The engine, for its snapshot and its events; `undefined` while disconnected. */
  get balancer(): Balancer | undefined {
    return this.#connection?.balancer;
  }

  /**
   * Another provider over the same nodes with an engine of its own, or over the same shared one; of
   * the same chain, also where the first node that answered decided which.
   */
  clone(): PolkadotProvider {
    return new PolkadotProvider(this.#source, this.#options);
  }

  /**
   * Connects after `disconnect()`, or at first with `autoConnect: false`, and takes up the
   * subscriptions that there are. Does not wait for a node; {@link isReady} does.
   */
  async connect(): Promise<void> {
    if (this.#connection) throw new Error('WebSocket is already connected');
    this.#subscriptions.resume(this.#open());
  }

  /**
   * Disconnects until `connect()`. Calls under way fail at once; what the engine has sent of them
   * may be done all the same. Subscriptions are kept.
   */
  async disconnect(): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    connection.current = false;
    connection.leave();
    this.#seen = connection.session.seen;
    this.#subscriptions.suspend();
    // Before closing, which takes time: it may be connected anew by then.
    this.#setConnected(false);
    if (!isBalancer(this.#source)) await connection.balancer.close();
  }

  /** Calls `sub` at each such event from now on; returns the function that stops it. */
  on(type: ProviderInterfaceEmitted, sub: ProviderInterfaceEmitCb): () => void {
    return this.#listeners.on(type, sub);
  }

  /**
   * Makes one call. With `isCacheable` the result may be one kept from before.
   * @throws RpcError as polkadot-js makes it of the node's error, or with a text of WsProvider's
   */
  send<T = unknown>(method: string, params: unknown[], isCacheable?: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#stats.add('requests');
      const settle = resolve as (value: unknown) => void;
      if (this.#isUnsubscribe(method)) {
        settle(this.#subscriptions.closeById(params[0]));
        return;
      }
      const call = toCall(method, params);
      if (isCacheable) this.#cached(call).then(({ value }) => settle(value), reject);
      else this.#request(call, settle, reject);
    });
  }

  /**
   * Subscribes; `type` is the name of the notification. Gives the id under which the subscription
   * can be ended for as long as it lives, whichever node carries it.
   */
  subscribe(
    type: string,
    method: string,
    params: unknown[],
    cb: ProviderInterfaceCallback,
  ): Promise<string> {
    this.#stats.add('requests');
    this.#stats.add('subscriptions');
    const call = { method, params: stringify(params) };
    return this.#subscribe(type, call, cb);
  }

  /** Ends a subscription; false when there is none with this notification name and id. */
  async unsubscribe(type: string, _method: string, id: number | string): Promise<boolean> {
    return this.#subscriptions.close(type, id);
  }

  #open(): OwnConnection {
    const source = this.#source;
    const balancer = isBalancer(source) ? source : createBalancer(source);
    const session = balancer.session();
    session.observe(this.#seen);
    const stopListening = balancer.onAvailability((available) => this.#setConnected(available));
    const left = new AbortController();
    const leave = (): void => {
      stopListening();
      left.abort();
      session.close();
    };
    const { signal } = left;
    // Closing an engine of our own ends its calls anyway; watching a signal costs each of them.
    const callOptions = isBalancer(source) ? { session, signal } : { session };
    this.#connection = { balancer, session, leave, signal, callOptions, current: true };
    if (balancer.available) this.#setConnected(true);
    else void this.#reportUnavailable(this.#connection);
    return this.#connection;
  }

  /** Tells only changes, so that `connected` comes once however often nodes come and go. */
  #setConnected(isConnected: boolean): void {
    if (isConnected === this.#isConnected) return;
    this.#isConnected = isConnected;
    this.#listeners.emit(isConnected ? 'connected' : 'disconnected');
  }

  /** A pool of which no node comes up must not leave an application waiting without a word. */
  async #reportUnavailable(connection: OwnConnection): Promise<void> {
    await this.#available(connection);
    if (!connection.current || this.#isConnected) return;
    // The engine's refusal says why each upstream does not serve.
    await connection.balancer
      .forward({ method: 'system_chain', params: '[]' })
      .catch((error: unknown) => {
        if (connection.current && !this.#isConnected) {
          this.#listeners.emit('error', callError(error, 0));
        }
      });
  }

  /** Resolves when a node can serve, or when that has taken too long: the engine then says why. */
  #available(connection: OwnConnection): Promise<void> {
    if (connection.balancer.available) return Promise.resolve();
    connection.availability ??= this.#waitFor(connection).finally(() => {
      connection.availability = undefined;
    });
    return connection.availability;
  }

  async #waitFor({ balancer, signal }: Connection): Promise<void> {
    const enough = new AbortController();
    const stop = (): void => enough.abort();
    signal.addEventListener('abort', stop);
    const { availabilityTimeoutMs = 30_000 } = this.#options;
    const timer = this.#clock.setTimeout(stop, availabilityTimeoutMs);
    await balancer.ready(enough.signal).catch(() => undefined);
    this.#clock.clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }

  async #cached(call: Call): Promise<LoadedResult> {
    const key = `${call.method}::${call.params}`;
    const cached = this.#cache.get(key);
    if (cached === undefined) return this.#cache.load(key, () => this.#load(call));
    this.#stats.add('cached');
    return cached;
  }

  #load(call: Call): Promise<LoadedResult> {
    return new Promise((resolve, reject) => {
      this.#request(call, (value, bytes) => resolve({ value, bytes }), reject);
    });
  }

  /**
   * Makes one call, without a promise of its own: applications make ten thousand at once.
   *
   * @param resolve gets the parsed result and the length of its JSON
   */
  #request(
    call: Call,
    resolve: (value: unknown, bytes: number) => void,
    reject: (error: Error) => void,
  ): void {
    const startedMs = this.#begin(call);
    const receiver: Receiver = {
      onAnswer: ({ reply }) => {
        if (reply.kind === 'error') {
          receiver.onFailure(answeredError(reply.error));
          return;
        }
        let value: unknown;
        try {
          value = JSON.parse(reply.result);
        } catch (error) {
          receiver.onFailure(error);
          return;
        }
        const bytes = reply.result.length;
        this.#stats.end();
        this.#stats.add('bytesRecv', bytes);
        resolve(value, bytes);
      },
      onFailure: (error) => reject(this.#failure(error, startedMs)),
    };
    const connection = this.#connection;
    if (!connection) {
      receiver.onFailure(notConnectedError());
      return;
    }
    const { balancer, callOptions } = connection;
    if (balancer.available) balancer.dispatch(call, receiver, callOptions);
    else
      void this.#available(connection).then(() => balancer.dispatch(call, receiver, callOptions));
  }

  async #subscribe(type: string, call: Call, cb: ProviderInterfaceCallback): Promise<string> {
    const startedMs = this.#begin(call);
    try {
      const connection = this.#connection;
      if (!connection) throw notConnectedError();
      if (!connection.balancer.available) await this.#available(connection);
      const id = await this.#subscriptions.open(connection, type, call, cb);
      this.#stats.end();
      return id;
    } catch (error) {
      throw this.#failure(error, startedMs);
    }
  }

  /** Counts a call as under way; when it began. */
  #begin(call: Call): number {
    this.#stats.begin(call.method.length + call.params.length);
    return this.#clock.now();
  }

  /** Counts a call as failed, and words what the engine threw. */
  #failure(error: unknown, startedMs: number): Error {
    this.#stats.end();
    this.#stats.add(isTimeout(error) ? 'timeout' : 'errors');
    return callError(error, this.#clock.now() - startedMs);
  }

  #isUnsubscribe(method: string): boolean {
    return this.balancer?.chain.traits(method).kind === 'unsubscribe';
  }
}

function checkCacheTtl(ttlMs: number | null): void {
  if (ttlMs === null || (ttlMs >= 0 && ttlMs <= maxCacheTtlMs)) return;
  const range = `from 0 to ${maxCacheTtlMs}, or null`;
  throw new BalancerError('invalid request', `cacheTtlMs is ${ttlMs}; allowed: ${range}`);
}

function toCall(method: string, params: readonly unknown[]): Call {
  // What has another value once it is JSON is parsed again by whoever needs it. And polkadot-js's
  // own `stringify` is slow, because it looks at each value for a BigInt.
  return params.every(isPlain)
    ? { method, params: JSON.stringify(params), parsedParams: params }
    : { method, params: stringify(params) };
}

/** Is this the same value before and after it was JSON? */
function isPlain(param: unknown): boolean {
  return (
    param === null ||
    typeof param === 'string' ||
    typeof param === 'boolean' ||
    Number.isFinite(param)
  );
}

function isTimeout(error: unknown): boolean {
  return isBalancerError(error) && error.code === 'timeout';
}

function isBalancer(source: object): source is Balancer {
  return 'forward' in source;
}
