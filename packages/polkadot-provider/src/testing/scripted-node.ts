import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ScriptedChain } from './scripted-chain.ts';

/** An answer that is a JSON-RPC error; without a code, as Chopsticks answers over HTTP. */
export class NodeError extends Error {
  readonly code: number | undefined;
  readonly data: unknown;
  constructor(code: number | undefined, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** Answers one call; `undefined` never answers. */
export type Handler = (params: readonly unknown[], node: ScriptedNode) => unknown;

interface Feed {
  readonly method: string;
  readonly notification: string;
  readonly socket: WebSocket;
  readonly params: readonly unknown[];
}

/** What each subscription's notifications are called. */
const notifications: Readonly<Record<string, string>> = {
  chain_subscribeAllHeads: 'chain_allHead',
  chain_subscribeNewHeads: 'chain_newHead',
  chain_subscribeFinalizedHeads: 'chain_finalizedHead',
  state_subscribeRuntimeVersion: 'state_runtimeVersion',
  chain_subscribeRuntimeVersion: 'state_runtimeVersion',
  state_subscribeStorage: 'state_storage',
  author_submitAndWatchExtrinsic: 'author_extrinsicUpdate',
  grandpa_subscribeJustifications: 'grandpa_justifications',
  beefy_subscribeJustifications: 'beefy_justifications',
  eth_subscribe: 'eth_subscription',
  statement_subscribeStatement: 'statement_statement',
  transactionWatch_v1_submitAndWatch: 'transactionWatch_v1_watchEvent',
  archive_v1_storage: 'archive_v1_storageEvent',
  archive_v1_storageDiff: 'archive_v1_storageDiffEvent',
};

/**
 * A Substrate node of a {@link ScriptedChain} behind a real WebSocket, as far as providers and the
 * engine need one. It shows as much of the chain as it was told to, and dies on command.
 */
export class ScriptedNode implements AsyncDisposable {
  /** Every call it got, in order. */
  readonly calls: { readonly method: string; readonly params: readonly unknown[] }[] = [];
  /** How many blocks below its finalized one it keeps of each sort. @default all */
  kept: { readonly block?: number; readonly state?: number } = {};
  readonly #chain: ScriptedChain;
  readonly #handlers = new Map<string, Handler>();
  readonly #feeds = new Map<string, Feed>();
  #server: WebSocketServer | undefined;
  #port = 0;
  #ids = 0;
  #best: number;
  #finalized: number;

  private constructor(chain: ScriptedChain) {
    this.#chain = chain;
    this.#best = chain.height;
    this.#finalized = chain.height;
  }

  /** Starts one on a free port, with all blocks that the chain has now. */
  static async start(chain: ScriptedChain): Promise<ScriptedNode> {
    const node = new ScriptedNode(chain);
    await node.restart();
    return node;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** Answers a method in its own way, also one that it does not have. */
  on(method: string, handler: Handler): void {
    this.#handlers.set(method, handler);
  }

  /** Calls of one method. */
  asked(method: string): (readonly unknown[])[] {
    return this.calls.filter((call) => call.method === method).map(({ params }) => params);
  }

  /** Live subscriptions of one method, by their ids. */
  subscriptions(method: string): string[] {
    return [...this.#feeds].filter(([, feed]) => feed.method === method).map(([id]) => id);
  }

  /** Takes the chain's blocks up to this one as its own, tells them, and calls them final. */
  advance(to: number = this.#chain.height): void {
    while (this.#best < to) {
      this.#best += 1;
      const header = this.#chain.header(this.#best);
      this.push('chain_subscribeAllHeads', header);
      this.push('chain_subscribeNewHeads', header);
      this.#finalized = this.#best;
      this.push('chain_subscribeFinalizedHeads', header);
    }
  }

  /** Delivers an item to all live subscriptions of a method. */
  push(method: string, item: unknown): void {
    for (const [id, feed] of this.#feeds) {
      if (feed.method === method) notify(id, feed, item);
    }
  }

  /** Cuts all connections and takes no new ones until {@link restart}. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#feeds.clear();
    if (!server) return;
    for (const socket of server.clients) socket.terminate();
    server.close();
    await once(server, 'close');
  }

  /** Listens again, on the same port. */
  async restart(): Promise<void> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: this.#port });
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    server.on('connection', (socket) => {
      socket.on('message', (data) => void this.#receive(socket, String(data)));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.die();
  }

  async #receive(socket: WebSocket, text: string): Promise<void> {
    const { id, method, params = [] } = JSON.parse(text);
    this.calls.push({ method, params });
    const reply = (member: object) =>
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...member }));
    try {
      const handler = this.#handlers.get(method);
      const notification = notifications[method];
      if (handler === undefined && notification !== undefined) {
        const result = this.#subscribe({ method, notification, socket, params });
        reply({ result });
        await this.#sayFirst(result);
        return;
      }
      const result = handler ? await handler(params, this) : this.#answer(method, params);
      if (result !== undefined) reply({ result });
    } catch (error) {
      const { message } = error as Error;
      const { code, data } = error instanceof NodeError ? error : new NodeError(-32_603, message);
      reply({ error: { code, message, data } });
    }
  }

  #subscribe(feed: Feed): string {
    this.#ids += 1;
    // The ids of all nodes collide, as counters do.
    const id = `sub-${this.#ids}`;
    this.#feeds.set(id, feed);
    feed.socket.on('close', () => this.#feeds.delete(id));
    return id;
  }

  /** Silently forgets all subscriptions of a method, as a node does to a slow reader. */
  forget(method: string): void {
    for (const id of this.subscriptions(method)) this.#feeds.delete(id);
  }

  /** A node sends its current block or value first; values as it answers the call that reads them. */
  async #sayFirst(id: string): Promise<void> {
    const feed = this.#feeds.get(id);
    if (feed?.notification === 'state_runtimeVersion') {
      const version = await this.#handlers.get('state_getRuntimeVersion')?.([], this);
      if (version !== undefined) notify(id, feed, version);
    }
    if (feed?.notification === 'state_storage') {
      const sets = await this.#handlers.get('state_queryStorageAt')?.(feed.params, this);
      if (Array.isArray(sets)) notify(id, feed, sets[0]);
    }
    if (feed?.notification === 'chain_newHead') notify(id, feed, this.#chain.header(this.#best));
    if (feed?.notification === 'chain_finalizedHead') {
      notify(id, feed, this.#chain.header(this.#finalized));
    }
  }

  /** True when its history still reaches to that block. */
  #keeps(data: 'block' | 'state', number: number): boolean {
    const kept = this.kept[data];
    return kept === undefined || number >= this.#finalized - kept;
  }

  #answer(method: string, [first, second]: readonly unknown[]): unknown {
    switch (method) {
      case 'chain_getBlockHash': {
        const number = Number(first ?? this.#best);
        return number <= this.#best ? this.#chain.hash(number) : null;
      }
      case 'chain_getFinalizedHead':
        return this.#chain.hash(this.#finalized);
      case 'chain_getHeader': {
        const number = first == null ? this.#best : this.#chain.numberOf(String(first));
        return number !== undefined && number <= this.#best ? this.#chain.header(number) : null;
      }
      case 'chain_getBlock': {
        const number = first == null ? this.#best : this.#chain.numberOf(String(first));
        if (number === undefined || number > this.#best || !this.#keeps('block', number)) {
          return null;
        }
        return { block: { header: this.#chain.header(number), extrinsics: [] } };
      }
      case 'state_getStorage': {
        const number = second == null ? this.#best : this.#chain.numberOf(String(second));
        if (number === undefined || number > this.#best) {
          const what = `Header was not found in the database: ${second}`;
          throw new NodeError(4003, `Client error: UnknownBlock: ${what}`);
        }
        // The state of genesis is in memory.
        if (number > 0 && !this.#keeps('state', number)) {
          const what = `State already discarded for ${second}`;
          throw new NodeError(4003, `Client error: UnknownBlock: ${what}`);
        }
        return null;
      }
      case 'system_health':
        return { peers: 3, isSyncing: false, shouldHavePeers: true };
      default:
        if (/unsubscribe|unwatch/.test(method)) return this.#feeds.delete(String(first));
        throw new NodeError(-32_601, 'Method not found');
    }
  }
}

function notify(subscription: string, { notification, socket }: Feed, result: unknown): void {
  const params = { subscription, result };
  socket.send(JSON.stringify({ jsonrpc: '2.0', method: notification, params }));
}
