import { type Balancer, createBalancer, JsonRpcClient, type JsonRpcError } from '@dshackle/core';
import {
  JsonRpcApiProvider,
  type JsonRpcError as JsonRpcFailure,
  type JsonRpcPayload,
  type JsonRpcResult,
  type LogParams,
  Network,
  type Subscriber,
  type Subscription,
  UnmanagedSubscriber,
} from 'ethers';
import { BlockSubscriber, type SubscriberOptions } from './block-subscriber.ts';
import { ethereum } from './chain/ethereum.ts';
import { isBalancer } from './is-balancer.ts';
import { LogSubscriber } from './log-subscriber.ts';
import { engineError } from './provider-errors.ts';
import type { ClientOptions, EthProviderOptions } from './provider-options.ts';
import { StreamSubscriber } from './stream-subscriber.ts';

/** What calls that were under way, and those made later, are told once the provider was destroyed. */
const destroyed: JsonRpcError = { code: -32_055, message: 'provider destroyed; cancelled request' };

/**
 * ethers' provider over many nodes, for wherever a `JsonRpcProvider` goes. A call goes to the best
 * node, and to another one when that fails; events come from the pool's own view of the chain and
 * outlive the node that told them. Nothing is cached here: a nonce that is 250 ms old is wrong.
 */
export class EthProvider extends JsonRpcApiProvider {
  readonly #balancer: Balancer;
  readonly #isOwner: boolean;
  readonly #client: JsonRpcClient;
  readonly #starting = new AbortController();
  /** Calls under way, to be ended when the provider is destroyed. */
  readonly #running = new Set<(error: JsonRpcError) => void>();
  #detected: Promise<Network> | undefined;

  /**
   * `source`: options for an engine of its own, or an engine that is shared; that one stays open when
   * this provider is destroyed. `options` go with a shared engine only.
   *
   * @throws BalancerError `invalid request` when a URL cannot be used
   */
  constructor(source: EthProviderOptions | Balancer, options: ClientOptions = {}) {
    const isShared = isBalancer(source);
    const { network, availabilityTimeoutMs = 30_000 } = isShared ? options : source;
    super(network, { batchMaxCount: 1, cacheTimeout: -1 });
    this.#isOwner = !isShared;
    this.#balancer = isShared
      ? source
      : createBalancer({ ...source, chain: source.chain ?? ethereum({ chainId: 'any' }) });
    const clock = isShared ? undefined : source.clock;
    this.#client = new JsonRpcClient(this.#balancer, {
      availabilityTimeoutMs,
      ...(clock && { clock }),
    });
    // ethers asks for the network again and again until it is told, and complains on the console.
    this.#balancer.ready(this.#starting.signal).then(
      () => this._start(),
      () => undefined,
    );
  }

  /** The engine, for its snapshot and its events. */
  get balancer(): Balancer {
    return this.#balancer;
  }

  /** @private ethers' way to make calls; all of them go at once. */
  override _send(
    payload: JsonRpcPayload | JsonRpcPayload[],
  ): Promise<(JsonRpcResult | JsonRpcFailure)[]> {
    const payloads = Array.isArray(payload) ? payload : [payload];
    return Promise.all(payloads.map((each) => this.#answer(each)));
  }

  /** @private A chain does not change its number: it is asked for once. */
  override _detectNetwork(): Promise<Network> {
    this.#detected ??= this.#askNetwork().catch((error: unknown) => {
      this.#detected = undefined;
      throw error;
    });
    return this.#detected;
  }

  /** What a call is told in place of a result, with the codes of ethers. */
  override getRpcError(payload: JsonRpcPayload, failure: JsonRpcFailure): Error {
    const { error } = failure;
    return engineError(payload, error as JsonRpcError) ?? super.getRpcError(payload, failure);
  }

  /** @private What tells the listeners of an event. */
  override _getSubscriber(sub: Subscription): Subscriber {
    switch (sub.type) {
      case 'block':
        return new BlockSubscriber(this.#subscriberOptions());
      case 'close':
        return new UnmanagedSubscriber('close');
      case 'pending':
        if (!this.#canStream()) break;
        return this.#stream(['newPendingTransactions'], (hash) => this.emit('pending', hash));
      case 'event': {
        const { filter } = sub;
        if (!this.#canStream()) return new LogSubscriber(this.#subscriberOptions(), filter);
        return this.#stream(['logs', filter], async (log) =>
          this.emit(filter, this._wrapLog(log as LogParams, await this._detectNetwork())),
        );
      }
      case 'orphan':
        // Told by ethers itself, of logs that are marked as removed.
        if (sub.filter.orphan === 'drop-log') return new UnmanagedSubscriber('drop-log');
    }
    return super._getSubscriber(sub);
  }

  /**
   * Ends its calls and its events, and the engine if that is its own; resolves once that is closed.
   * Safe to call twice.
   */
  override async destroy(): Promise<void> {
    if (!this.destroyed) {
      // While it is not destroyed yet: listeners are let go of one by one.
      super.destroy();
      this.#starting.abort();
      this.#client.close();
      for (const end of [...this.#running]) end(destroyed);
    }
    if (this.#isOwner) await this.#balancer.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  async #askNetwork(): Promise<Network> {
    const payload = { id: 0, jsonrpc: '2.0', method: 'eth_chainId', params: [] } as const;
    const answer = await this.#answer({ ...payload, params: [] });
    if ('error' in answer) throw this.getRpcError({ ...payload, params: [] }, answer);
    return Network.from(BigInt(answer.result));
  }

  #answer({ id, method, params }: JsonRpcPayload): Promise<JsonRpcResult | JsonRpcFailure> {
    return new Promise((resolve) => {
      const fail = (error: JsonRpcError): void => {
        this.#running.delete(fail);
        resolve({ id, error });
      };
      this.#running.add(fail);
      if (this.destroyed) {
        fail(destroyed);
        return;
      }
      this.#client.request(method, params, {
        onResult: (result) => {
          this.#running.delete(fail);
          resolve({ id, result });
        },
        onError: fail,
      });
    });
  }

  #canStream(): boolean {
    return this.#balancer.chain.traits('eth_subscribe').kind === 'subscribe';
  }

  #subscriberOptions(): SubscriberOptions {
    const observe = (height: number): void => this.#client.observe(height);
    return { provider: this, balancer: this.#balancer, observe };
  }

  #stream(params: readonly unknown[], emit: (item: unknown) => Promise<unknown>): Subscriber {
    const payload = {
      id: 0,
      jsonrpc: '2.0' as const,
      method: 'eth_subscribe',
      params: [...params],
    };
    return new StreamSubscriber({
      client: this.#client,
      params,
      emit,
      onError: (error) => void this.emit('error', this.getRpcError(payload, { id: 0, error })),
    });
  }
}
