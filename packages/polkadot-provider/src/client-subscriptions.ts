import type { Balancer, BalancerError, Call, CallOptions, RawJson, Session } from '@dshackle/core';
import type { ProviderInterfaceCallback } from '@polkadot/rpc-provider/types';
import { answeredError, callError, notConnectedError } from './provider-errors.ts';

/** One time of being connected to an engine. */
export interface Connection {
  readonly balancer: Balancer;
  readonly session: Session;
  /** False once the provider disconnected; what still arrives then is not delivered. */
  current: boolean;
  /** Aborts then: calls under way are given up, also in an engine that others share. */
  readonly signal: AbortSignal;
  /** With which every call is made. */
  readonly callOptions: CallOptions;
}

/** A client's subscription; it keeps the id that it was given when it was made. */
interface ClientSubscription {
  readonly call: Call;
  readonly callback: ProviderInterfaceCallback;
  /** Ends it in the engine; absent while it is in none. */
  end?: () => void;
}

/**
 * The subscriptions of one provider. The engine carries each across its upstreams; here they are
 * carried across `disconnect()` and `connect()`. Found by notification name and id together, as
 * polkadot-js does.
 */
export class ClientSubscriptions {
  readonly #live = new Map<string, ClientSubscription>();
  readonly #onError: () => void;

  /** `onError` is called for each error that a callback is told. */
  constructor(onError: () => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#live.size;
  }

  /**
   * Makes one and gives its id.
   * @throws RpcError when it was declined, BalancerError when nobody could take it
   */
  async open(
    connection: Connection,
    type: string,
    call: Call,
    callback: ProviderInterfaceCallback,
  ): Promise<string> {
    const subscription: ClientSubscription = { call, callback };
    let given = '';
    await this.#carry(connection, subscription, (id) => {
      given = id;
      const key = keyOf(type, id);
      this.#live.set(key, subscription);
      return key;
    });
    return given;
  }

  /** Ends one; false when there is none with this notification name and id. */
  close(type: string, id: number | string): boolean {
    const key = keyOf(type, id);
    const subscription = this.#live.get(key);
    this.#live.delete(key);
    subscription?.end?.();
    return subscription !== undefined;
  }

  /** Ends the one with this id, whatever its notification name; false when there is none. */
  closeById(id: unknown): boolean {
    const key = [...this.#live.keys()].find((each) => each.endsWith(`::${String(id)}`));
    return key !== undefined && this.close(key.slice(0, key.lastIndexOf('::')), String(id));
  }

  /** Takes all out of their engine and keeps them for {@link resume}. */
  suspend(): void {
    for (const subscription of this.#live.values()) {
      subscription.end?.();
      delete subscription.end;
    }
  }

  /** Takes up in another engine what was suspended; what would do something twice ends here. */
  resume(connection: Connection): void {
    for (const [key, subscription] of [...this.#live]) {
      const { subscription: traits } = connection.balancer.chain.traits(subscription.call.method);
      // What others of its calls name by its id would not be found under it again.
      const isBound = traits?.source === 'service';
      if (isBound || (traits?.source === 'upstream' && traits.resume === 'never')) {
        this.#lose(key, subscription, notConnectedError());
      } else {
        this.#carry(connection, subscription, () => key).catch((error: Error) => {
          // Disconnected once more meanwhile: it is kept for the next time.
          if (connection.current) this.#lose(key, subscription, error);
        });
      }
    }
  }

  /** Subscribes in the engine; `keyed` says under which key once the id is known. */
  async #carry(
    connection: Connection,
    subscription: ClientSubscription,
    keyed: (id: string) => string,
  ): Promise<void> {
    const { balancer, session, signal } = connection;
    let key: string | undefined;
    const outcome = await balancer.subscribe(
      subscription.call,
      {
        onSubscribed: ({ id, unsubscribe }) => {
          if (!connection.current) return unsubscribe();
          key = keyed(id);
          // It may have been ended while it was being taken up again.
          if (this.#live.get(key) === subscription) subscription.end = unsubscribe;
          else unsubscribe();
        },
        onItem: (item) => this.#deliver(subscription, item),
        onEnd: (error: BalancerError) => {
          if (key !== undefined) this.#lose(key, subscription, callError(error, 0));
        },
        onDone: () => {
          if (key !== undefined && this.#live.get(key) === subscription) this.#live.delete(key);
        },
      },
      { session, signal },
    );
    if (outcome.kind === 'error') throw answeredError(outcome.error);
    if (key === undefined) throw notConnectedError();
  }

  #deliver({ callback }: ClientSubscription, item: RawJson): void {
    try {
      callback(null, JSON.parse(item));
    } catch (error) {
      this.#tell(callback, error as Error);
    }
  }

  #lose(key: string, subscription: ClientSubscription, error: Error): void {
    if (this.#live.get(key) !== subscription) return;
    this.#live.delete(key);
    this.#tell(subscription.callback, error);
  }

  #tell(callback: ProviderInterfaceCallback, error: Error): void {
    this.#onError();
    try {
      callback(error, undefined);
    } catch {
      // Its own error has been told to it, as WsProvider does; the others must go on.
    }
  }
}

function keyOf(type: string, id: number | string): string {
  return `${type}::${id}`;
}
