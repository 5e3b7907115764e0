import {
  type Clock,
  errorReply,
  type RawJson,
  type Reply,
  type UpstreamOptions,
} from '@dshackle/core';
import { result, type ScriptedPeer, ScriptedTransport } from '@dshackle/core/testing';
import { compactToU8a, stringToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2, encodeHeader } from '../chain/header.ts';
import type { ForkBlock, ForkChain } from './fork-chain.ts';
import type { MemoryHandler } from './memory-node.ts';

/** What such a node lists without `archive_v1`. */
const listed = [
  'chainHead_v1_body',
  'chainHead_v1_call',
  'chainHead_v1_continue',
  'chainHead_v1_follow',
  'chainHead_v1_header',
  'chainHead_v1_stopOperation',
  'chainHead_v1_storage',
  'chainHead_v1_unfollow',
  'chainHead_v1_unpin',
  'chainSpec_v1_chainName',
  'chainSpec_v1_genesisHash',
  'chainSpec_v1_properties',
  'rpc_methods',
  'transaction_v1_broadcast',
  'transaction_v1_stop',
];
const archived = [
  'archive_v1_body',
  'archive_v1_call',
  'archive_v1_finalizedHeight',
  'archive_v1_genesisHash',
  'archive_v1_hashByHeight',
  'archive_v1_header',
  'archive_v1_storage',
  'archive_v1_stopStorage',
];

/** Options of a {@link NewNode}. */
export interface NewNodeOptions {
  readonly archive?: boolean;
  /** The state of every block, by keys. */
  readonly state?: Readonly<Record<string, string>>;
}

/** One follow as the node has it. */
export interface NodesFollow {
  readonly push: (item: RawJson) => void;
  readonly pinned: Set<string>;
}

/** A node with the new calls only, in memory and on the engine's clock. */
export class NewNode implements ScriptedPeer {
  readonly id: string;
  readonly calls: { readonly method: string; readonly params: readonly unknown[] }[] = [];
  readonly follows = new Map<string, NodesFollow>();
  /** Items of a storage operation before the client has to say that it wants more. */
  pageSize = 1000;
  /** Extrinsics of blocks; those of all others are made up. */
  readonly bodies = new Map<string, readonly string[]>();
  /** Takes subscriptions of storage and tells nothing. */
  isSilent = false;
  /** Answers to calls of the runtime. */
  readonly runtime = new Map<string, string>();
  readonly #chain: ForkChain;
  readonly #archive: boolean;
  readonly #state: Readonly<Record<string, string>>;
  readonly #handlers = new Map<string, MemoryHandler>();
  readonly #has = new Set<string>();
  readonly #continuing = new Map<string, () => void>();
  #clock: Clock | undefined;
  #transport: ScriptedTransport | undefined;
  #best: ForkBlock;
  #finalized: ForkBlock;
  #operations = 0;

  constructor(
    id: string,
    chain: ForkChain,
    best: ForkBlock,
    finalized: ForkBlock,
    { archive = false, state = {} }: NewNodeOptions = {},
  ) {
    this.id = id;
    this.#chain = chain;
    this.#best = best;
    this.#finalized = finalized;
    this.#archive = archive;
    this.#state = state;
    this.runtime.set('Core_version', coreVersion(1));
    this.#learn(best);
  }

  /** What goes into a balancer's `upstreams`. */
  upstream(canSubscribe = true): UpstreamOptions {
    return {
      id: this.id,
      transport: (context) => {
        this.#clock = context.clock;
        this.#transport = new ScriptedTransport(this, context, { canSubscribe });
        return this.#transport;
      },
    };
  }

  /** Its best block. */
  get best(): ForkBlock {
    return this.#best;
  }

  handle(method: string, handler: MemoryHandler): void {
    this.#handlers.set(method, handler);
  }

  asked(method: string): (readonly unknown[])[] {
    return this.calls.filter((call) => call.method === method).map(({ params }) => params);
  }

  /** Takes a block as its best, with what is missing of its ancestors. */
  show(block: ForkBlock): void {
    for (const each of this.#learn(block)) {
      for (const { pinned } of this.follows.values()) pinned.add(each.hash);
      this.#tell({
        event: 'newBlock',
        blockHash: each.hash,
        parentBlockHash: each.parentHash,
        newRuntime: null,
      });
    }
    this.#best = block;
    this.#tell({ event: 'bestBlockChanged', bestBlockHash: block.hash });
  }

  /** Calls blocks up to this one final, and others pruned. */
  finalize(block: ForkBlock, pruned: readonly ForkBlock[] = []): void {
    const finalizedBlockHashes = this.#path(block, this.#finalized).map(({ hash }) => hash);
    this.#finalized = block;
    const prunedBlockHashes = pruned.map(({ hash }) => hash);
    this.#tell({ event: 'finalized', finalizedBlockHashes, prunedBlockHashes });
  }

  /** Stops every follow, as a node does that is overloaded. */
  stop(): void {
    this.#tell({ event: 'stop' });
    this.follows.clear();
  }

  /** Tells any event. */
  push(event: object): void {
    this.#tell(event);
  }

  crash(): void {
    this.follows.clear();
    this.#transport?.cut();
  }

  async restart(): Promise<void> {
    await this.#transport?.connect();
  }

  answer(method: string, params: RawJson): Reply | Promise<Reply> {
    const values = JSON.parse(params) as unknown[];
    this.calls.push({ method, params: values });
    const known = this.#handlers.has(method) || this.methods.includes(method);
    if (!known) return errorReply({ code: -32_601, message: 'Method not found' });
    return this.#handlers.get(method)?.(values) ?? this.#answerItself(method, values);
  }

  get methods(): readonly string[] {
    return this.#archive ? [...listed, ...archived] : listed;
  }

  subscribed(method: string, params: RawJson, id: string, push: (item: RawJson) => void): void {
    if (method === 'archive_v1_storage') {
      if (this.isSilent) return;
      this.#tellArchived(JSON.parse(params) as unknown[], push);
      return;
    }
    const start = this.#path(this.#finalized, this.#chain.genesis).slice(-3);
    const rest = this.#path(this.#best, this.#finalized);
    const pinned = new Set([...start, ...rest].map(({ hash }) => hash));
    this.follows.set(id, { push, pinned });
    const tell = (event: object): void => push(JSON.stringify(event));
    tell({
      event: 'initialized',
      finalizedBlockHashes: start.map(({ hash }) => hash),
      finalizedBlockRuntime: null,
    });
    for (const { hash, parentHash } of rest) {
      tell({ event: 'newBlock', blockHash: hash, parentBlockHash: parentHash, newRuntime: null });
    }
    tell({ event: 'bestBlockChanged', bestBlockHash: this.#best.hash });
  }

  unsubscribed(id: string): void {
    this.follows.delete(id);
  }

  #answerItself(method: string, params: readonly unknown[]): Reply {
    switch (method) {
      case 'rpc_methods':
        return result({ methods: this.methods });
      case 'chainSpec_v1_chainName':
        return result('New');
      case 'chainSpec_v1_properties':
        return result({ ss58Format: 42 });
      case 'chainSpec_v1_genesisHash':
      case 'archive_v1_genesisHash':
        return result(this.#chain.genesis.hash);
      case 'archive_v1_finalizedHeight':
        return result(this.#finalized.number);
      case 'archive_v1_hashByHeight': {
        const path = [this.#chain.genesis, ...this.#path(this.#best, this.#chain.genesis)];
        const found = path.find(({ number }) => number === params[0]);
        return result(found ? [found.hash] : []);
      }
      case 'archive_v1_header':
        return result(this.#header(params[0]));
      case 'archive_v1_body':
        return result(this.#has.has(String(params[0])) ? ['0x0401'] : null);
      case 'archive_v1_call': {
        if (!this.#has.has(String(params[0]))) return result(null);
        const value = this.runtime.get(String(params[1]));
        return result(
          value === undefined ? { success: false, error: 'trap' } : { success: true, value },
        );
      }
      case 'transaction_v1_broadcast':
        this.#operations += 1;
        return result(`tx-${this.#operations}`);
      case 'chainHead_v1_follow':
      case 'archive_v1_storage':
      case 'transaction_v1_stop':
        return result('accepted');
      default:
        return this.#answerFollow(method, params);
    }
  }

  #answerFollow(method: string, [id, ...params]: readonly unknown[]): Reply {
    const follow = this.follows.get(JSON.stringify(id));
    if (method === 'chainHead_v1_continue') {
      this.#continuing.get(String(params[0]))?.();
      return result(null);
    }
    if (method === 'chainHead_v1_unpin') {
      for (const hash of [params[0]].flat()) follow?.pinned.delete(String(hash));
      return result(null);
    }
    if (method === 'chainHead_v1_stopOperation') return result(null);
    if (!follow)
      return result(method === 'chainHead_v1_header' ? null : { result: 'limitReached' });
    if (!follow.pinned.has(String(params[0]))) {
      return errorReply({ code: -32_801, message: 'block not pinned' });
    }
    if (method === 'chainHead_v1_header') return result(this.#header(params[0]));
    this.#operations += 1;
    const operationId = `op-${this.#operations}`;
    const tell = (event: string, members: object = {}): void =>
      follow.push(JSON.stringify({ event, operationId, ...members }));
    this.#clock?.setTimeout(() => this.#operate(method, params, operationId, tell), 1);
    return result({ result: 'started', operationId, discardedItems: 0 });
  }

  #operate(
    method: string,
    [at, name]: readonly unknown[],
    operationId: string,
    tell: (event: string, members?: object) => void,
  ): void {
    const output = this.runtime.get(String(name));
    switch (method) {
      case 'chainHead_v1_body':
        tell('operationBodyDone', { value: this.bodies.get(String(at)) ?? ['0x0401'] });
        break;
      case 'chainHead_v1_call':
        if (output === undefined) tell('operationError', { error: 'wasm trap' });
        else tell('operationCallDone', { output });
        break;
      default:
        this.#page(this.#items(name as readonly Query[]), operationId, tell);
    }
  }

  #page(
    items: readonly object[],
    operationId: string,
    tell: (event: string, members?: object) => void,
  ): void {
    const [page, rest] = [items.slice(0, this.pageSize), items.slice(this.pageSize)];
    if (page.length > 0) tell('operationStorageItems', { items: page });
    if (rest.length === 0) {
      tell('operationStorageDone');
    } else {
      this.#continuing.set(operationId, () => this.#page(rest, operationId, tell));
      tell('operationWaitingForContinue');
    }
  }

  #tellArchived([at, queries]: readonly unknown[], push: (item: RawJson) => void): void {
    const tell = (event: object): void => push(JSON.stringify(event));
    if (!this.#has.has(String(at))) {
      tell({ event: 'storageError', error: 'Block not found' });
      return;
    }
    for (const item of this.#items(queries as readonly Query[]))
      tell({ event: 'storage', ...item });
    tell({ event: 'storageDone' });
  }

  #items(queries: readonly Query[]): readonly object[] {
    return queries.flatMap(({ key, type, paginationStartKey = '' }) => {
      const keys = Object.keys(this.#state).sort();
      const wanted = type.startsWith('descendants')
        ? keys.filter((each) => each.startsWith(key) && each > paginationStartKey)
        : keys.filter((each) => each === key);
      return wanted.map((each) =>
        /hash/i.test(type)
          ? { key: each, hash: u8aToHex(blake2(stringToU8a(this.#state[each] as string))) }
          : { key: each, value: this.#state[each] },
      );
    });
  }

  #header(hash: unknown): string | null {
    const block = this.#has.has(String(hash)) ? this.#chain.get(String(hash)) : undefined;
    return block ? u8aToHex(encodeHeader(block.header)) : null;
  }

  /** The blocks above `from` up to this one, oldest first. */
  #path(block: ForkBlock, from: ForkBlock): readonly ForkBlock[] {
    const path: ForkBlock[] = [];
    let at: ForkBlock | undefined = block;
    while (at && at.number > from.number) {
      path.unshift(at);
      at = this.#chain.get(at.parentHash);
    }
    return path;
  }

  #learn(block: ForkBlock): readonly ForkBlock[] {
    const fresh: ForkBlock[] = [];
    let at: ForkBlock | undefined = block;
    while (at && !this.#has.has(at.hash)) {
      this.#has.add(at.hash);
      fresh.unshift(at);
      at = this.#chain.get(at.parentHash);
    }
    return fresh;
  }

  #tell(event: object): void {
    for (const { push } of [...this.follows.values()]) push(JSON.stringify(event));
  }
}

interface Query {
  readonly key: string;
  readonly type: string;
  readonly paginationStartKey?: string;
}

/** What `Core_version` answers (sp_version `RuntimeVersion`). */
export function coreVersion(specVersion: number): string {
  const text = (value: string): Uint8Array => u8aConcat(compactToU8a(value.length), value);
  const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
  return u8aToHex(
    u8aConcat(
      ...[text('scripted'), text('scripted-node'), u32(1), u32(specVersion), u32(0)],
      ...[compactToU8a(1), '0xdf6acb689907609b', u32(5), u32(7), new Uint8Array([1])],
    ),
  );
}
