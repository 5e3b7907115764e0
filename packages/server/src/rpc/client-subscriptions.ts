import type { RawJson, Subscription } from '@dshackle/core';
import type { Logger } from '../logs/logger.ts';
import { failureResponse } from './answer.ts';
import type { ClientScope } from './client-scope.ts';
import { doorErrorCodes, limitError, toJsonRpcError } from './errors.ts';
import type { Item } from './request.ts';
import { errorResponse, rawErrorResponse, resultResponse } from './response.ts';
import type { ServedBalancer } from './route.ts';

type CallItem = Extract<Item, { kind: 'call' }>;

/** Where a subscription made here says what. */
export interface SubscriptionOutlet {
  /**
   * The response to the subscribe call. Called once, before the first notification.
   * @param id of the subscription; absent when there is none
   */
  readonly respond: (response: string, id?: string) => void;
  /** One notification. */
  readonly notify: (frame: string) => void;
}

/** Options of {@link ClientSubscriptions}. */
export interface ClientSubscriptionsOptions {
  readonly balancer: ServedBalancer;
  readonly scope: ClientScope;
  /** Most subscriptions at a time, those being made included. */
  readonly limit: number;
  readonly log: Logger;
}

/** The subscriptions of one connection. Another connection's ids mean nothing here. */
export class ClientSubscriptions {
  readonly #options: ClientSubscriptionsOptions;
  readonly #active = new Map<string, Subscription>();
  #starting = 0;
  #ended = false;

  constructor(options: ClientSubscriptionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#active.size + this.#starting;
  }

  /** Subscribes and responds. Never rejects. */
  async subscribe(item: CallItem, outlet: SubscriptionOutlet): Promise<void> {
    const { balancer, scope, limit, log } = this.#options;
    if (this.size >= limit) {
      const message = 'Too many subscriptions on the connection';
      const error = limitError(doorErrorCodes.tooManySubscriptions, message, limit);
      outlet.respond(errorResponse(item.id, error));
      return;
    }
    const traits = balancer.chain.traits(item.call.method).subscription;
    const start = `{"jsonrpc":"2.0","method":${JSON.stringify(traits?.notification)},"params":{"subscription":`;
    let id = '';
    let head = '';
    this.#starting++;
    try {
      const outcome = await balancer.subscribe(
        item.call,
        {
          onSubscribed: (subscription) => {
            if (this.#ended) {
              subscription.unsubscribe();
              return;
            }
            id = subscription.id;
            head = `${start}${JSON.stringify(id)}`;
            this.#active.set(id, subscription);
            outlet.respond(resultResponse(item.id, JSON.stringify(id)), id);
          },
          onItem: (result: RawJson) => outlet.notify(`${head},"result":${result}}}`),
          onEnd: (failure) => {
            this.#active.delete(id);
            const error = JSON.stringify(toJsonRpcError(failure));
            outlet.notify(`${head},"error":${error}}}`);
          },
          onDone: () => this.#active.delete(id),
        },
        // Submit-and-watch is a submission too.
        traits?.source === 'upstream' && traits.resume === 'never'
          ? scope.submitOptions
          : scope.options,
      );
      if (outcome.kind === 'error') outlet.respond(rawErrorResponse(item.id, outcome.raw));
    } catch (failure) {
      outlet.respond(failureResponse(item, failure, log)!);
    } finally {
      this.#starting--;
    }
  }

  /**
   * Ends a subscription; `false` when the id is none of this connection's. Nodes say `false` too
   * (jsonrpsee), whatever the id looks like.
   */
  unsubscribe(id: unknown): boolean {
    if (typeof id !== 'string') return false;
    const subscription = this.#active.get(id);
    if (subscription === undefined) return false;
    this.#active.delete(id);
    subscription.unsubscribe();
    return true;
  }

  /** Ends them all: the connection is gone. */
  end(): void {
    this.#ended = true;
    for (const subscription of this.#active.values()) subscription.unsubscribe();
    this.#active.clear();
  }
}
