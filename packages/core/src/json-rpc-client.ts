import type { Balancer } from './balancer.ts';
import type { Call, CallOptions, Subscription } from './call.ts';
import { toJsonRpcError } from './json-rpc/failure.ts';
import type { JsonRpcError } from './json-rpc/message.ts';
import type { Session } from './session/session.ts';
import { endingReply } from './subscription/ending.ts';
import { type Clock, systemClock } from './time/clock.ts';

/** What is needed of an engine to speak JSON-RPC with it. */
export type JsonRpcEngine = Pick<
  Balancer,
  'available' | 'chain' | 'dispatch' | 'ready' | 'session' | 'subscribe'
>;

/** Options of {@link JsonRpcClient}. */
export interface JsonRpcClientOptions {
  /**
   * How long a call made while no upstream can serve waits for one, in milliseconds. Then the engine
   * has the last word. @default as long as it takes
   */
  readonly availabilityTimeoutMs?: number;
  /** @default the real clock */
  readonly clock?: Clock;
}

/** Where the outcome of one call goes: one of the two is called, once. */
export interface ResultReceiver {
  readonly onResult: (result: unknown) => void;
  readonly onError: (error: JsonRpcError) => void;
}

/** Where what one subscription says goes. */
export interface SubscriptionReceiver {
  /** Told the id, once, before the first item. */
  readonly onResult: (id: string) => void;
  /** It was declined, or nobody could take it; nothing else is told then. */
  readonly onError: (error: JsonRpcError) => void;
  readonly onItem: (result: unknown) => void;
  /** It cannot go on, not even on another upstream. */
  readonly onEnd: (error: JsonRpcError) => void;
}

/**
 * One client of an engine: what it has seen, its subscriptions under ids of their own, and its
 * calls, which wait while no upstream can serve. What every door that hands out parsed values needs.
 */
export class JsonRpcClient {
  readonly #engine: JsonRpcEngine;
  readonly #left = new AbortController();
  readonly #options: CallOptions;
  readonly #submitOptions: CallOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #session: Session;
  readonly #availabilityTimeoutMs: number | undefined;
  readonly #clock: Clock;
  /** Shared by all calls that wait. */
  #availability: Promise<void> | undefined;

  constructor(engine: JsonRpcEngine, options: JsonRpcClientOptions = {}) {
    this.#engine = engine;
    this.#availabilityTimeoutMs = options.availabilityTimeoutMs;
    this.#clock = options.clock ?? systemClock;
    const session = engine.session();
    this.#session = session;
    this.#submitOptions = { session };
    this.#options = { session, signal: this.#left.signal };
  }

  /** Makes one call that is no subscription. Nothing is told once the client was closed. */
  request(method: string, params: unknown, receiver: ResultReceiver): void {
    const { chain } = this.#engine;
    const { kind } = chain.traits(method);
    const call = toCall(method, params);
    if (kind === 'unsubscribe') {
      const [id] = chain.positional(method, params ?? []);
      const reply = endingReply(chain.traits(method), this.unsubscribe(id));
      if (reply.kind === 'error') receiver.onError(reply.error);
      else receiver.onResult(JSON.parse(reply.result));
      return;
    }
    const tell = this.#whileOpen(receiver);
    this.#whenAvailable(tell.onError, () =>
      this.#engine.dispatch(
        call,
        {
          onAnswer: ({ reply }) => {
            if (reply.kind === 'error') tell.onError(reply.error);
            else tell.onResult(JSON.parse(reply.result));
          },
          onFailure: (failure) => tell.onError(toJsonRpcError(failure)),
        },
        // It may have been sent already, and whoever submits and leaves means it to happen.
        kind === 'submit' ? this.#submitOptions : this.#options,
      ),
    );
  }

  /** Subscribes; nothing is told once the client was closed. */
  subscribe(method: string, params: unknown, receiver: SubscriptionReceiver): void {
    const tell = this.#whileOpen(receiver);
    this.#whenAvailable(tell.onError, () => void this.#subscribe(toCall(method, params), receiver));
  }

  /** Notes that the client knows of a block of this height: what it reads next is no older. */
  observe(height: number): void {
    this.#session.observe(height);
  }

  /** Ends a subscription; false when the id is none of this client's. */
  unsubscribe(id: unknown): boolean {
    if (typeof id !== 'string') return false;
    const subscription = this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    subscription?.unsubscribe();
    return subscription !== undefined;
  }

  /** Ends all subscriptions and gives up all calls but submissions. The engine stays open. */
  close(): void {
    this.#left.abort();
    for (const subscription of this.#subscriptions.values()) subscription.unsubscribe();
    this.#subscriptions.clear();
    this.#session.close();
  }

  async #subscribe(call: Call, receiver: SubscriptionReceiver): Promise<void> {
    const tell = this.#whileOpen(receiver);
    const { subscription: traits } = this.#engine.chain.traits(call.method);
    const isSubmission = traits?.source === 'upstream' && traits.resume === 'never';
    let id = '';
    try {
      const outcome = await this.#engine.subscribe(
        call,
        {
          onSubscribed: (subscription) => {
            if (this.#left.signal.aborted) {
              subscription.unsubscribe();
              return;
            }
            id = subscription.id;
            this.#subscriptions.set(id, subscription);
            tell.onResult(id);
          },
          onItem: (item) => this.#tell(() => receiver.onItem(JSON.parse(item))),
          onEnd: (failure) => {
            this.#subscriptions.delete(id);
            this.#tell(() => receiver.onEnd(toJsonRpcError(failure)));
          },
        },
        isSubmission ? this.#submitOptions : this.#options,
      );
      if (outcome.kind === 'error') tell.onError(outcome.error);
    } catch (failure) {
      tell.onError(toJsonRpcError(failure));
    }
  }

  /** Runs `act` as soon as an upstream can serve, or when that has taken too long. */
  #whenAvailable(onError: (error: JsonRpcError) => void, act: () => void): void {
    if (this.#engine.available) {
      act();
      return;
    }
    this.#availability ??= this.#waitForUpstream().finally(() => {
      this.#availability = undefined;
    });
    this.#availability.then(act, (failure) => onError(toJsonRpcError(failure)));
  }

  async #waitForUpstream(): Promise<void> {
    const { signal } = this.#left;
    const limitMs = this.#availabilityTimeoutMs;
    if (limitMs === undefined) return this.#engine.ready(signal);
    const enough = new AbortController();
    const stop = (): void => enough.abort();
    signal.addEventListener('abort', stop, { once: true });
    const timer = this.#clock.setTimeout(stop, limitMs);
    // Whatever it was: the engine says more of it when it is asked.
    await this.#engine.ready(enough.signal).catch(() => undefined);
    this.#clock.clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }

  /** Tells the client something unless it left. What it throws is reported, and is not the engine's. */
  #tell(act: () => void): void {
    if (this.#left.signal.aborted) return;
    try {
      act();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #whileOpen<T>(receiver: {
    readonly onResult: (result: T) => void;
    readonly onError: (error: JsonRpcError) => void;
  }): typeof receiver {
    return {
      onResult: (result) => this.#tell(() => receiver.onResult(result)),
      onError: (error) => this.#tell(() => receiver.onError(error)),
    };
  }
}

function toCall(method: string, params: unknown): Call {
  return params === undefined || params === null
    ? { method, params: '[]' }
    : { method, params: JSON.stringify(params) };
}
