import {
  BalancerError,
  type Clock,
  errorReply,
  type Handshake,
  type HandshakeConnection,
  isBalancerError,
  jsonRpcCodes,
  type RawJson,
  type Reply,
  type ReplySink,
  type RequestOptions,
  type SubscribeCall,
  type SubscribeReply,
  type SubscriptionHandlers,
  type Transport,
  type TransportState,
} from '@dshackle/core';
import { isMethodMissing } from '../chain/ask.ts';
import type { HeaderHasher } from '../chain/header.ts';
import { ParamError } from '../service/check-params.ts';
import { Budget } from './budget.ts';
import { NewApiNode } from './new-api-node.ts';
import type { HeadFeed } from './node-follow.ts';
import { NodeSubmissions } from './node-submissions.ts';
import { noWay, Refusal } from './refusal.ts';
import { genesisCall, type Translation, translated, translationOf } from './translations.ts';

/** Subscriptions that are served from our own follow of the node. */
const headFeeds: ReadonlyMap<string, HeadFeed> = new Map([
  ['chain_subscribeAllHeads', 'all'],
  ['chain_subscribeNewHeads', 'best'],
  ['chain_subscribeFinalizedHeads', 'finalized'],
]);
const watch = 'author_submitAndWatchExtrinsic';

/** A node that has only the new calls, through the connection that is open. */
interface Translator {
  readonly node: NewApiNode;
  readonly submissions: NodeSubmissions;
}

/**
 * A node's transport that answers the older calls also where the node has only the new ones. Which it
 * is, is found out with every connection: a node that answers the first older call is left alone from
 * then on.
 */
export class NewApiTransport implements Transport {
  readonly #inner: Transport;
  readonly #clock: Clock;
  readonly #hasher: HeaderHasher;
  #translator: Translator | undefined;

  /** `hasher`: the chain's, of extrinsics. */
  constructor(inner: Transport, clock: Clock, hasher: HeaderHasher) {
    this.#inner = inner;
    this.#clock = clock;
    this.#hasher = hasher;
    inner.onState(({ status }) => {
      if (status !== 'open') this.#forget();
    });
  }

  get kind(): string {
    return this.#inner.kind;
  }

  get endpoints(): readonly string[] {
    return this.#inner.endpoints ?? [];
  }

  get state(): TransportState {
    return this.#inner.state;
  }

  get canSubscribe(): boolean {
    return this.#inner.canSubscribe;
  }

  get pending(): number {
    return this.#inner.pending;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#inner.counters ?? {};
  }

  start(handshake: Handshake): void {
    this.#inner.start(async (connection) => {
      await handshake({
        request: async (method, params) => {
          const reply = await connection.request(method, params);
          if (reply.kind === 'result' || !isMethodMissing(reply.error)) {
            this.#forget();
            return reply;
          }
          return this.#introduce(connection, reply);
        },
      });
    });
  }

  request(method: string, params: RawJson, options?: RequestOptions): Promise<Reply> {
    const translator = this.#translator;
    if (translator === undefined) return this.#inner.request(method, params, options);
    return this.#translate(translator, method, params, options);
  }

  send(method: string, params: RawJson, timeoutMs: number, sink: ReplySink): void {
    const translator = this.#translator;
    if (translator === undefined) {
      this.#inner.send(method, params, timeoutMs, sink);
      return;
    }
    this.#translate(translator, method, params, { timeoutMs }).then(
      (reply) => sink.onReply(reply),
      (error: unknown) => sink.onFail(error as BalancerError),
    );
  }

  async subscribe(
    call: SubscribeCall,
    handlers: SubscriptionHandlers,
    options?: RequestOptions,
  ): Promise<SubscribeReply> {
    const translator = this.#translator;
    const feed = headFeeds.get(call.method);
    if (translator === undefined || (feed === undefined && call.method !== watch)) {
      return this.#inner.subscribe(call, handlers, options);
    }
    const budget = new Budget(this.#clock, options);
    try {
      if (feed === undefined) await this.#submit(translator, call, handlers, options);
      else await this.#listen(translator, feed, handlers, budget);
      return { kind: 'subscribed' };
    } catch (error) {
      return replyTo(error);
    }
  }

  onState(listener: (state: TransportState) => void): () => void {
    return this.#inner.onState(listener);
  }

  close(): Promise<void> {
    this.#forget();
    return this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Finds out whether a node that lacks the first older call has the new ones instead. */
  async #introduce(connection: HandshakeConnection, missing: Reply): Promise<Reply> {
    const list = await connection.request('rpc_methods', '[]');
    if (list.kind === 'error') return missing;
    const { methods } = JSON.parse(list.result) as { methods: readonly string[] };
    const names = new Set(methods);
    const genesis = await connection.request(genesisCall({ has: (name) => names.has(name) }), '[]');
    if (genesis.kind === 'error') return missing;
    // One more way to a node that is served already: what was begun there goes on.
    const known = this.state.status === 'open' ? this.#translator : undefined;
    if (known && isSame(names, known.node.methods)) {
      return genesis;
    }
    this.#forget();
    const node = new NewApiNode(this.#inner, this.#clock, names);
    this.#translator = { node, submissions: new NodeSubmissions(node, this.#clock) };
    return genesis;
  }

  #forget(): void {
    const translator = this.#translator;
    this.#translator = undefined;
    translator?.submissions.close();
    translator?.node.close();
  }

  async #translate(
    translator: Translator,
    method: string,
    params: RawJson,
    options: RequestOptions = {},
  ): Promise<Reply> {
    const { node } = translator;
    if (method === 'rpc_methods') return this.#methods(node, params, options);
    const translation = node.has(method) ? undefined : translationOf(method, node);
    if (!translation) return this.#inner.request(method, params, options);
    try {
      const result = await this.#run(
        translator,
        translation,
        params,
        new Budget(this.#clock, options),
      );
      return { kind: 'result', result: JSON.stringify(result) };
    } catch (error) {
      return replyTo(error);
    }
  }

  #run(
    translator: Translator,
    translation: Translation,
    params: RawJson,
    budget: Budget,
  ): Promise<unknown> {
    const given = JSON.parse(params) as unknown;
    const hasher = this.#hasher;
    return translation(Array.isArray(given) ? given : [], { ...translator, hasher, budget });
  }

  /** What the node lists, and what is answered by way of that. */
  async #methods(node: NewApiNode, params: RawJson, options: RequestOptions): Promise<Reply> {
    const reply = await this.#inner.request('rpc_methods', params, options);
    if (reply.kind === 'error') return reply;
    const { methods } = JSON.parse(reply.result) as { methods: readonly string[] };
    const names = new Set([...methods, ...translated(node), ...headFeeds.keys()]);
    if (node.has('transaction_v1_broadcast')) names.add(watch);
    return { kind: 'result', result: JSON.stringify({ methods: [...names] }) };
  }

  async #listen(
    { node }: Translator,
    feed: HeadFeed,
    handlers: SubscriptionHandlers,
    budget: Budget,
  ): Promise<void> {
    const follow = await node.follow(budget);
    let stop = (): void => {};
    let over = false;
    handlers.onSubscribed({
      id: JSON.stringify(feed),
      unsubscribe: () => {
        over = true;
        stop();
      },
    });
    if (over) return;
    stop = follow.listen({
      feed,
      onHeader: (header) => {
        if (!over) handlers.onNotification(header);
      },
      onEnd: (reason) => {
        if (!over) handlers.onEnd(reason);
      },
    });
    if (over) stop();
  }

  /** The node says nothing of what becomes of it: the subscription ends, and the pool looks on. */
  async #submit(
    translator: Translator,
    call: SubscribeCall,
    handlers: SubscriptionHandlers,
    options: RequestOptions | undefined,
  ): Promise<void> {
    const translation = translationOf('author_submitExtrinsic', translator.node);
    if (!translation) throw noWay(call.method);
    const budget = new Budget(this.#clock, options);
    const id = await this.#run(translator, translation, call.params, budget);
    let over = false;
    handlers.onSubscribed({
      id: JSON.stringify(id),
      unsubscribe: () => {
        over = true;
      },
    });
    if (!over) handlers.onNotification('"ready"');
    if (!over) handlers.onEnd('the node does not tell what becomes of it');
  }
}

/** What a failed translation is answered; what is no answer is thrown on. */
function replyTo(error: unknown): Extract<Reply, { kind: 'error' }> {
  if (error instanceof Refusal) return error.reply;
  if (error instanceof ParamError) {
    const message = `Invalid params: ${error.message}`;
    return errorReply({ code: jsonRpcCodes.invalidParams, message });
  }
  if (isBalancerError(error)) throw error;
  const what = error instanceof Error ? error.message : String(error);
  throw new BalancerError('transport', `the node answered with nonsense: ${what}`, {
    origin: 'upstream',
    cause: error,
  });
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name));
}
