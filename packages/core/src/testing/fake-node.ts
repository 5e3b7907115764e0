import type { Block, BlockData, HealthReport } from '../chain/chain.ts';
import { errorReply, type RawJson, type Reply } from '../json-rpc/message.ts';
import type { TransportFactory } from '../transport/transport.ts';
import type { UpstreamOptions } from '../upstream/upstream.ts';
import type { FakeLedger } from './fake-ledger.ts';
import { type ScriptedPeer, ScriptedTransport } from './scripted-transport.ts';

/** Options of {@link FakeNode}. */
export interface FakeNodeOptions {
  /** False: an upstream without subscriptions, whose head is polled. @default true */
  readonly canSubscribe?: boolean;
  /** False: starts down. @default true */
  readonly reachable?: boolean;
}

/** A handler of one method: what the node answers. */
export type FakeHandler = (params: readonly unknown[]) => Reply | Promise<Reply>;

/** The hash of a transaction of the fake chain. */
export function fakeTransactionId(transaction: string): string {
  return `id of ${transaction}`;
}

/** A result as a reply. */
export function result(value: unknown): Reply {
  return { kind: 'result', result: JSON.stringify(value) };
}

/**
 * A node of a {@link FakeLedger} that speaks the fake chain's methods. It has the blocks it was
 * shown, and fails on command: crash, hang, lag, lie.
 */
export class FakeNode implements ScriptedPeer {
  readonly id: string;
  /** Every call it was asked, in order. */
  readonly calls: { readonly method: string; readonly params: readonly unknown[] }[] = [];
  health: HealthReport = { status: 'healthy' };
  /** What it says it offers; `undefined` for nothing said. */
  methods: readonly string[] | undefined;
  /** How many blocks below its finalized one it keeps of each sort. @default all */
  kept: { readonly block?: number; readonly state?: number } = {};
  /** Transactions that wait in its pool. */
  readonly pool = new Set<string>();
  #ledger: FakeLedger;
  readonly #options: FakeNodeOptions;
  readonly #handlers = new Map<string, FakeHandler>();
  readonly #feeds = new Map<
    string,
    {
      readonly method: string;
      readonly params: readonly unknown[];
      readonly push: (item: RawJson) => void;
    }
  >();
  readonly #has = new Set<string>();
  #transport: ScriptedTransport | undefined;
  #best: Block;
  #finalized: Block;
  #hung: Promise<void> | undefined;
  #thaw: () => void = () => {};

  constructor(id: string, ledger: FakeLedger, options: FakeNodeOptions = {}) {
    this.id = id;
    this.#ledger = ledger;
    this.#options = options;
    this.#best = ledger.genesis;
    this.#finalized = ledger.genesis;
    this.#learn(ledger.head);
    this.#best = ledger.head;
  }

  get best(): Block {
    return this.#best;
  }

  get finalized(): Block {
    return this.#finalized;
  }

  /** Live subscriptions of a method. */
  subscriptions(method: string): number {
    return [...this.#feeds.values()].filter((feed) => feed.method === method).length;
  }

  /** What goes into a balancer's `upstreams`. */
  upstream(options: Omit<UpstreamOptions, 'transport'> = {}): UpstreamOptions {
    const transport: TransportFactory = (context) => {
      this.#transport = new ScriptedTransport(this, context, this.#options);
      return this.#transport;
    };
    return { id: this.id, ...options, transport };
  }

  /** Takes a block (and its ancestors) as its best and tells subscribers. @default the ledger's head */
  advance(block: Block = this.#ledger.head): void {
    const previous = this.#best;
    this.#learn(block);
    this.#best = block;
    this.#tell('heads', { block, best: true });
    this.#tellValues(previous);
  }

  /** Takes a block that is not its best. */
  see(block: Block): void {
    this.#learn(block);
    this.#tell('heads', { block, best: false });
  }

  /** Calls a block final. @default its best */
  finalize(block: Block = this.#best): void {
    this.#learn(block);
    this.#finalized = block;
    // No node is behind its own finality.
    if (this.#best.number < block.number) this.#best = block;
    this.#tell('finalized_heads', block);
  }

  /** Answers a method in its own way. */
  handle(method: string, handler: FakeHandler): void {
    this.#handlers.set(method, handler);
  }

  /** Delivers an item to every live subscription of a method. */
  push(method: string, item: unknown): void {
    this.#tell(method, item);
  }

  /** Takes calls and never answers, until {@link thaw}. */
  hang(): void {
    this.#hung ??= new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  /** Answers what it was asked while it hung, late. */
  thaw(): void {
    this.#hung = undefined;
    this.#thaw();
  }

  /** The connection breaks and stays down until {@link restart}. */
  crash(reason?: string): void {
    this.#feeds.clear();
    this.#transport?.cut(reason);
  }

  /** Comes back, perhaps as a node of another ledger. */
  async restart(ledger: FakeLedger = this.#ledger): Promise<void> {
    if (ledger !== this.#ledger) {
      this.#ledger = ledger;
      this.#has.clear();
      this.#learn(ledger.head);
      this.#best = ledger.head;
      this.#finalized = ledger.genesis;
    }
    await this.#transport?.connect();
  }

  /** Silently forgets its subscriptions, or those of one method: nothing is delivered, nothing is said. */
  forgetSubscriptions(method?: string): void {
    for (const [id, feed] of [...this.#feeds]) {
      if (method === undefined || feed.method === method) this.#feeds.delete(id);
    }
  }

  /** Ends its subscriptions and says so. */
  dropSubscriptions(): void {
    this.#feeds.clear();
    this.#transport?.dropSubscriptions();
  }

  async answer(method: string, params: RawJson): Promise<Reply> {
    const values = JSON.parse(params) as unknown[];
    this.calls.push({ method, params: values });
    while (this.#hung) await this.#hung;
    const handler = this.#handlers.get(method);
    return handler ? handler(values) : this.#answerItself(method, values);
  }

  subscribed(method: string, raw: RawJson, id: string, push: (item: RawJson) => void): void {
    const params = JSON.parse(raw) as readonly unknown[];
    this.#feeds.set(id, { method, params, push });
    if (method === 'watch_values') push(JSON.stringify(this.#valuesAt(this.#best, params[0])));
    if (method === 'heads') push(JSON.stringify({ block: this.#best, best: true }));
    if (method === 'finalized_heads') push(JSON.stringify(this.#finalized));
  }

  unsubscribed(id: string): void {
    this.#feeds.delete(id);
  }

  #answerItself(method: string, params: readonly unknown[]): Reply {
    const [first, second] = params;
    switch (method) {
      case 'get':
        return (
          this.#lackOfState(second ?? this.#best.hash) ??
          result(`${first}@${second ?? this.#best.hash} by ${this.id}`)
        );
      case 'history':
      case 'history_of':
        return (
          this.#lackOfState(second) ??
          result(`${params.slice(1).join('..')} of ${first} by ${this.id}`)
        );
      case 'values_at': {
        const at = second === undefined ? this.#best : this.#ledger.get(String(second));
        return (
          this.#lackOfState(second ?? this.#best.hash) ?? result(this.#valuesAt(at as Block, first))
        );
      }
      case 'body': {
        const block = this.#has.has(String(first)) ? this.#ledger.get(String(first)) : undefined;
        const isKept = block !== undefined && this.#keeps('block', block.number);
        return result(isKept ? `body of ${first} by ${this.id}` : null);
      }
      case 'keeps':
        return result(this.#keeps(first as BlockData, Number(second)));
      case 'send':
        this.pool.add(String(first));
        return result(fakeTransactionId(String(first)));
      case 'pending':
        return result([...this.pool]);
      case 'transactions':
        return result(
          this.#has.has(String(first)) ? this.#ledger.transactions(String(first)) : null,
        );
      case 'hash_of':
        return result(this.#ledger.ancestor(this.#best, Number(first))?.hash ?? null);
      case 'header':
        return result(this.#has.has(String(first)) ? this.#ledger.get(String(first)) : null);
      case 'heads_now':
        return result({ best: this.#best, finalized: this.#finalized });
      case 'health':
        return result(this.health);
      case 'methods':
        return result(this.methods ?? null);
      default:
        return result(`${method} by ${this.id}`);
    }
  }

  #keeps(data: BlockData, number: number): boolean {
    const kept = this.kept[data];
    return kept === undefined || number >= this.#finalized.number - kept;
  }

  /** What it says of a block, by hash or height, whose state it does not have. */
  #lackOfState(block: unknown): Reply | undefined {
    const number = typeof block === 'number' ? block : this.#ledger.get(String(block))?.number;
    if (number === undefined || (typeof block === 'string' && !this.#has.has(block))) {
      return errorReply({ code: 404, message: `unknown block ${block}` });
    }
    if (this.#keeps('state', number)) return undefined;
    return errorReply({ code: 404, message: `state already discarded for ${block}` });
  }

  #learn(block: Block): void {
    let at: Block | undefined = block;
    while (at && !this.#has.has(at.hash)) {
      this.#has.add(at.hash);
      at = this.#ledger.get(at.parentHash);
    }
  }

  #valuesAt(block: Block, keys: unknown, since?: Block): { block: string; values: object } {
    const values: Record<string, unknown> = {};
    for (const key of keys as readonly string[]) {
      const value = this.#ledger.read(block, key);
      if (since === undefined || this.#ledger.read(since, key) !== value) values[key] = value;
    }
    return { block: block.hash, values };
  }

  /** Tells those who watch values what changed with the new best block. */
  #tellValues(previous: Block): void {
    if (this.#hung) return;
    for (const { method, params, push } of [...this.#feeds.values()]) {
      if (method !== 'watch_values') continue;
      const item = this.#valuesAt(this.#best, params[0], previous);
      if (Object.keys(item.values).length > 0) push(JSON.stringify(item));
    }
  }

  #tell(method: string, item: unknown): void {
    // A hung node delivers nothing either.
    if (this.#hung) return;
    for (const feed of [...this.#feeds.values()]) {
      if (feed.method === method) feed.push(JSON.stringify(item));
    }
  }
}
