import { errorReply, type RawJson, type Reply, type UpstreamOptions } from '@dshackle/core';
import { result, type ScriptedPeer, ScriptedTransport } from '@dshackle/core/testing';
import type { ForkBlock, ForkChain } from './fork-chain.ts';

/** Answers one call; a promise that never settles is a hung node. */
export type MemoryHandler = (params: readonly unknown[]) => Reply | Promise<Reply>;

/** The answer of a Substrate node about a block that it does not have. */
export const unknownBlock = errorReply({
  code: 4003,
  message: 'Client error: UnknownBlock: Header was not found in the database',
});

/**
 * A Substrate node with the older calls only, in memory and on the engine's clock. It has the blocks
 * that it was shown, and dies on command.
 */
export class MemoryNode implements ScriptedPeer {
  readonly id: string;
  /** Every call it got, in order. */
  readonly calls: { readonly method: string; readonly params: readonly unknown[] }[] = [];
  /** `rpc_methods`; `undefined` for a node that tells none. */
  methods: readonly string[] | undefined;
  specVersion = 1;
  readonly #chain: ForkChain;
  readonly #has = new Set<string>();
  readonly #handlers = new Map<string, MemoryHandler>();
  readonly #feeds = new Map<string, { method: string; push: (item: RawJson) => void }>();
  #transport: ScriptedTransport | undefined;
  #best: ForkBlock;
  #finalized: ForkBlock;

  constructor(id: string, chain: ForkChain, best: ForkBlock, finalized: ForkBlock) {
    this.id = id;
    this.#chain = chain;
    this.#best = best;
    this.#finalized = finalized;
    this.#learn(best);
    this.#learn(finalized);
  }

  /** What goes into a balancer's `upstreams`. */
  upstream(): UpstreamOptions {
    return {
      id: this.id,
      transport: (context) => {
        this.#transport = new ScriptedTransport(this, context);
        return this.#transport;
      },
    };
  }

  /** Answers a method in its own way. */
  handle(method: string, handler: MemoryHandler): void {
    this.#handlers.set(method, handler);
  }

  /** Calls of one method. */
  asked(method: string): (readonly unknown[])[] {
    return this.calls.filter((call) => call.method === method).map(({ params }) => params);
  }

  /** Takes a block and its ancestors; tells of it, as its best one unless told otherwise. */
  show(block: ForkBlock, isBest = true): void {
    this.#learn(block);
    this.#tell('chain_subscribeAllHeads', block.header);
    if (!isBest) return;
    this.#best = block;
    this.#tell('chain_subscribeNewHeads', block.header);
  }

  /** Calls a block final, which it has been shown. */
  finalize(block: ForkBlock): void {
    this.#learn(block);
    this.#finalized = block;
    this.#tell('chain_subscribeFinalizedHeads', block.header);
  }

  /** Tells all who have such a subscription. */
  push(method: string, item: unknown): void {
    this.#tell(method, item);
  }

  /** How many live subscriptions of one method it has. */
  subscriptions(method: string): number {
    return [...this.#feeds.values()].filter((feed) => feed.method === method).length;
  }

  /** The connection breaks and stays down until {@link restart}. */
  crash(): void {
    this.#feeds.clear();
    this.#transport?.cut();
  }

  async restart(): Promise<void> {
    await this.#transport?.connect();
  }

  answer(method: string, params: RawJson): Reply | Promise<Reply> {
    const values = JSON.parse(params) as unknown[];
    this.calls.push({ method, params: values });
    return this.#handlers.get(method)?.(values) ?? this.#answerItself(method, values);
  }

  subscribed(method: string, _params: RawJson, id: string, push: (item: RawJson) => void): void {
    this.#feeds.set(id, { method, push });
    if (method === 'chain_subscribeNewHeads') push(JSON.stringify(this.#best.header));
    if (method === 'chain_subscribeFinalizedHeads') push(JSON.stringify(this.#finalized.header));
  }

  unsubscribed(id: string): void {
    this.#feeds.delete(id);
  }

  /** Does it have that block? Asked by handlers of tests. */
  has(hash: unknown): boolean {
    return this.#has.has(String(hash));
  }

  #answerItself(method: string, params: readonly unknown[]): Reply {
    switch (method) {
      case 'chain_getBlockHash': {
        if (params[0] === undefined) return result(this.#best.hash);
        let block: ForkBlock | undefined = this.#best;
        while (block && block.number > Number(params[0])) block = this.#chain.get(block.parentHash);
        return result(block?.number === params[0] ? block.hash : null);
      }
      case 'chain_getFinalizedHead':
        return result(this.#finalized.hash);
      case 'chain_getHeader':
        return result(this.has(params[0]) ? this.#chain.get(String(params[0]))?.header : null);
      case 'chain_getBlock':
        if (!this.has(params[0])) return result(null);
        return result({ block: { extrinsics: [`0x0${this.id.charCodeAt(0) % 10}`] } });
      case 'state_getRuntimeVersion':
        return this.has(params[0]) ? result(runtimeVersion(this.specVersion)) : unknownBlock;
      case 'system_health':
        return result({ peers: 3, isSyncing: false, shouldHavePeers: true });
      case 'rpc_methods':
        if (this.methods) return result({ methods: this.methods });
        break;
      default:
        if (/subscribe/.test(method)) return result('accepted');
    }
    return errorReply({ code: -32_601, message: 'Method not found' });
  }

  #learn(block: ForkBlock): void {
    let at: ForkBlock | undefined = block;
    while (at && !this.#has.has(at.hash)) {
      this.#has.add(at.hash);
      at = this.#chain.get(at.parentHash);
    }
  }

  #tell(method: string, item: unknown): void {
    for (const feed of [...this.#feeds.values()]) {
      if (feed.method === method) feed.push(JSON.stringify(item));
    }
  }
}

/** What `state_getRuntimeVersion` answers. */
function runtimeVersion(specVersion: number): object {
  return {
    specName: 'scripted',
    implName: 'scripted-node',
    authoringVersion: 1,
    specVersion,
    implVersion: 0,
    apis: [['0xdf6acb689907609b', 5]],
    transactionVersion: 7,
    stateVersion: 1,
  };
}
