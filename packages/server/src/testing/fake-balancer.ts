import {
  type Answer,
  BalancerError,
  type Call,
  type CallOptions,
  type Chain,
  type MethodKind,
  type MethodTraits,
  type RawJson,
  type Receiver,
  type Reply,
  Session,
  type SubscribeOutcome,
  type SubscriberHandlers,
} from '@dshackle/core';
import type { ServedBalancer } from '../rpc/route.ts';

/** Answers one call of a {@link FakeBalancer}. */
export type Handler = (
  params: RawJson,
  options: CallOptions,
) => RawJson | Reply | Promise<RawJson | Reply>;

/** A live subscription of a {@link FakeBalancer}, seen from the engine's side. */
export interface FakeSubscriber {
  readonly id: string;
  readonly call: Call;
  /** True once the client ended it. */
  unsubscribed: boolean;
  push(item: RawJson): void;
  end(error: BalancerError): void;
  /** Its last item has been pushed. */
  done(): void;
}

const notifications: Readonly<Record<string, string>> = {
  chain_subscribeNewHeads: 'chain_newHead',
  author_submitAndWatchExtrinsic: 'author_extrinsicUpdate',
};

function kindOf(method: string): MethodKind {
  if (/_unsubscribe|_unwatch/.test(method)) return 'unsubscribe';
  if (/_subscribe|AndWatch/.test(method)) return 'subscribe';
  return method === 'author_submitExtrinsic' ? 'submit' : 'read';
}

function traits(method: string): MethodTraits {
  const kind = kindOf(method);
  return {
    ...(method === 'quiet_unsubscribe' && { ended: 'null' }),
    ...(method === 'strict_unsubscribe' && { nothingToEnd: { code: -32_000, message: 'no such' } }),
    kind,
    lifetime: 'never',
    idempotent: kind === 'read',
    nullMeans: 'value',
    strategy: { kind: 'one' },
    ...(kind === 'subscribe'
      ? {
          subscription: {
            notification: notifications[method] ?? `${method}_event`,
            unsubscribe: method.replace('_subscribe', '_unsubscribe'),
            source: 'upstream',
            resume: method.includes('AndWatch') ? 'never' : 'resubscribe',
          },
        }
      : {}),
  };
}

const unused = (): never => {
  throw new Error('not used by the doors');
};

const chain: Chain = {
  id: 'testchain',
  family: 'test',
  blockTimeMs: 6_000,
  traits,
  positional: (_method, params) =>
    Array.isArray(params) ? params : Object.values(params as object),
  identify: unused,
  heads: { follow: unused, poll: unused, fetch: unused },
  probes: { health: unused, methods: unused },
  judge: () => ({ action: 'return' }),
};

/** A balancer whose answers a test writes. */
export class FakeBalancer implements ServedBalancer {
  readonly chain = chain;
  available = true;
  /** What was forwarded, in order. */
  readonly calls: (Call & { readonly options: CallOptions })[] = [];
  readonly subscribers: FakeSubscriber[] = [];
  readonly sessions: Session[] = [];
  readonly #handlers = new Map<string, Handler>();
  #nextId = 0;

  constructor() {
    this.on('echo', (params) => params);
  }

  /** Writes the answer to a method. Throwing is answering with no answer. */
  on(method: string, handler: Handler): this {
    this.#handlers.set(method, handler);
    return this;
  }

  session(): Session {
    const session = new Session();
    this.sessions.push(session);
    return session;
  }

  dispatch(call: Call, receiver: Receiver, options: CallOptions = {}): void {
    this.#forward(call, options).then(
      (answer) => receiver.onAnswer(answer),
      (error: unknown) => receiver.onFailure(error),
    );
  }

  async #forward(call: Call, options: CallOptions): Promise<Answer> {
    this.calls.push({ ...call, options });
    const handler = this.#handlers.get(call.method);
    const answered = await (handler?.(call.params, options) ?? methodNotFound());
    const reply: Reply =
      typeof answered === 'string' ? { kind: 'result', result: answered } : answered;
    return { reply, upstream: 'fake', attempts: [] };
  }

  async subscribe(
    call: Call,
    handlers: SubscriberHandlers,
    options: CallOptions = {},
  ): Promise<SubscribeOutcome> {
    this.calls.push({ ...call, options });
    const handler = this.#handlers.get(call.method);
    const answered = await handler?.(call.params, options);
    if (typeof answered === 'object' && answered.kind === 'error') return answered;
    const id = `sub-${++this.#nextId}`;
    const subscriber: FakeSubscriber = {
      id,
      call,
      unsubscribed: false,
      push: (item) => {
        if (!subscriber.unsubscribed) handlers.onItem(item);
      },
      end: (error) => handlers.onEnd(error),
      done: () => handlers.onDone?.(),
    };
    this.subscribers.push(subscriber);
    handlers.onSubscribed({
      id,
      unsubscribe: () => {
        subscriber.unsubscribed = true;
      },
    });
    // The engine may have items at once: they come in the same turn.
    if (typeof answered === 'string') handlers.onItem(answered);
    return { kind: 'subscribed' };
  }
}

function methodNotFound(): Reply {
  const error = { code: -32601, message: 'Method not found' };
  return { kind: 'error', error, raw: JSON.stringify(error) };
}

/** A handler that waits, like an upstream that takes its time, until told or given up. */
export function stalled(): { handler: Handler; release: (result: RawJson) => void } {
  let release: (result: RawJson) => void = () => {};
  const released = new Promise<RawJson>((resolve) => {
    release = resolve;
  });
  const handler: Handler = (_params, { signal }) =>
    new Promise((resolve, reject) => {
      void released.then(resolve);
      signal?.addEventListener('abort', () => reject(new BalancerError('cancelled', 'given up')));
    });
  return { handler, release };
}
