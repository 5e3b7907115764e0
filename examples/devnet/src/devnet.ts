import { CanonicalChain } from './canonical-chain.ts';
import { type DevAccount, devAccounts } from './dev-accounts.ts';
import { type DevNode, host, LocalNode, type NodeNetwork } from './dev-node.ts';
import { freePort } from './free-port.ts';
import { createGenesis } from './genesis.ts';
import type { BlockRecord, BlockRef, PooledTransaction } from './node-protocol.ts';
import { SharedPool } from './shared-pool.ts';

/** Options of {@link startDevnet}. */
export interface DevnetOptions {
  /** How many nodes, each a process of about 270 MB. @default 3 */
  readonly nodes?: number;
  /** Time between blocks; with 0 blocks are built only by `mine()`. @default 3000 */
  readonly blockTimeMs?: number;
  /** How many blocks each node stays behind, by its position. @default 0 for each */
  readonly lag?: readonly number[];
  /** Port of the first node; the others take the ones after. @default free ports */
  readonly port?: number;
  /** Name of the chain. Another name is another genesis hash: another chain. @default 'dshackle-devnet' */
  readonly chain?: string;
  /**
   * How nodes take over the leader's block. `import` applies its state changes, as a real node
   * does in state sync: milliseconds. `execute` runs it on each node first and reports a hash
   * that differs: a third of a second of one core, each. @default 'import'
   */
  readonly followers?: 'import' | 'execute';
  /** How many blocks the final block is behind the best one. @default 0 */
  readonly finalityLag?: number;
  /** Told what happens, a line at a time. @default nobody */
  readonly log?: (line: string) => void;
  /** Closes the devnet, also one that is still starting. */
  readonly signal?: AbortSignal;
}

/** A canonical block. */
export interface DevBlock extends BlockRef {
  /** The transactions it includes, hex; inherents are not among them. */
  readonly transactions: readonly string[];
}

/** Something a test may want to hear of. */
export type DevnetEvent =
  | { readonly type: 'block'; readonly block: DevBlock }
  /**
   * A node computed another block than the leader, or was found on another block than it was
   * brought to, because a client moved its head. It is brought to the canonical block.
   */
  | {
      readonly type: 'divergence';
      readonly node: DevNode;
      readonly block: BlockRef;
      readonly canonical: BlockRef;
    }
  /** A node's process ended, by `crash()` or by itself. */
  | { readonly type: 'exit'; readonly node: DevNode };

/** Real local nodes of one chain, and the network between them. */
export interface Devnet extends AsyncDisposable {
  readonly nodes: readonly DevNode[];
  /** The development accounts, all funded. {@link devKeyring} has their keys. */
  readonly accounts: readonly DevAccount[];
  readonly genesisHash: string;
  /** Head of the canonical chain. */
  readonly head: BlockRef;
  /**
   * Builds canonical blocks out of the shared pool and brings every live node to the head less
   * its lag. Rejects when no live node is at the head.
   */
  mine(count?: number): Promise<readonly DevBlock[]>;
  /** Builds a block every `blockTimeMs`, from now. @default the option of the same name */
  start(blockTimeMs?: number): void;
  /** Ends what `start()` began; a block being built is finished. */
  stop(): void;
  /** Resolves once every live node is where it should be. */
  settled(): Promise<void>;
  /** Hears every event until the returned function is called. */
  onEvent(listener: (event: DevnetEvent) => void): () => void;
  /** Kills every node, frozen ones too. */
  close(): Promise<void>;
}

const DEFAULT_BLOCK_TIME_MS = 3_000;

/** Starts the nodes, at once, and resolves when all of them serve. */
export async function startDevnet(options: DevnetOptions = {}): Promise<Devnet> {
  const { signal, nodes = 3, blockTimeMs = DEFAULT_BLOCK_TIME_MS } = options;
  signal?.throwIfAborted();
  const genesis = await createGenesis(options.chain ?? 'dshackle-devnet');
  const ports = await choosePorts(nodes, options.port);
  const devnet = new LocalDevnet(genesis, ports, options);
  const close = () => void devnet.close();
  signal?.addEventListener('abort', close, { once: true });
  try {
    await devnet.boot();
    signal?.throwIfAborted();
  } catch (error) {
    await devnet.close();
    signal?.throwIfAborted();
    throw error;
  }
  if (blockTimeMs > 0) devnet.start(blockTimeMs);
  return devnet;
}

async function choosePorts(count: number, first?: number): Promise<readonly number[]> {
  if (first !== undefined) return Array.from({ length: count }, (_, index) => first + index);
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort(host));
  return [...ports];
}

/** The controller: it is the network between the nodes and keeps the canonical chain. */
class LocalDevnet implements Devnet, NodeNetwork {
  readonly accounts = devAccounts;
  readonly nodes: readonly LocalNode[];
  readonly genesis: NodeNetwork['genesis'];
  readonly followers: 'import' | 'execute';
  readonly finalityLag: number;
  readonly pool = new SharedPool();
  readonly #options: DevnetOptions;
  readonly #listeners = new Set<(event: DevnetEvent) => void>();
  #chain: CanonicalChain | undefined;
  #genesisHash = '';
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(genesis: NodeNetwork['genesis'], ports: readonly number[], options: DevnetOptions) {
    this.genesis = genesis;
    this.followers = options.followers ?? 'import';
    this.finalityLag = options.finalityLag ?? 0;
    this.#options = options;
    this.nodes = ports.map(
      (port, index) => new LocalNode(`node-${index + 1}`, port, options.lag?.[index] ?? 0, this),
    );
  }

  get chain(): CanonicalChain {
    if (!this.#chain) throw new Error('[not booted] the devnet is still starting');
    return this.#chain;
  }
  get genesisHash(): string {
    return this.#genesisHash;
  }
  get head(): BlockRef {
    const { number, hash } = this.chain.head;
    return { number, hash };
  }

  /** Starts every node and checks that they agree on block 1, which each built by itself. */
  async boot(): Promise<void> {
    const [first, ...others] = await Promise.all(this.nodes.map((node) => node.boot()));
    if (!first) throw new Error('[no nodes] a devnet needs at least one');
    const { firstBlock } = first;
    for (const [index, other] of others.entries()) {
      if (other.firstBlock.hash !== firstBlock.hash) {
        throw new Error(`[divergence] node-${index + 2} built another first block than node-1`);
      }
    }
    this.#genesisHash = first.genesisHash;
    this.#chain = new CanonicalChain({ ...firstBlock, transactions: [], dropped: [] });
    this.log(`${this.nodes.length} nodes at 1 ${firstBlock.hash}`);
  }

  async mine(count = 1): Promise<readonly DevBlock[]> {
    const blocks: DevBlock[] = [];
    for (let built = 0; built < count; built += 1) {
      blocks.push(await this.exclusively(() => this.#produce()));
    }
    return blocks;
  }

  start(blockTimeMs = this.#options.blockTimeMs ?? DEFAULT_BLOCK_TIME_MS): void {
    this.stop();
    if (this.#closed || blockTimeMs <= 0) return;
    let building = false;
    this.#timer = setInterval(() => {
      // A machine too slow for this block time builds as fast as it can, without a backlog.
      if (building) return;
      building = true;
      this.mine()
        .catch((error) => this.#report(error))
        .finally(() => {
          building = false;
        });
    }, blockTimeMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  settled(): Promise<void> {
    return this.exclusively(() => this.#followAll());
  }

  onEvent(listener: (event: DevnetEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.stop();
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  exclusively<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#closed) throw new Error('[closed] the devnet is shut down');
      return task();
    });
    this.#last = result.catch(() => {});
    return result;
  }

  gossip(from: DevNode, transaction: PooledTransaction): void {
    if (!this.pool.add(transaction)) return;
    for (const node of this.nodes) {
      if (node !== from) node.hear([transaction]).catch((error) => this.#report(error));
    }
  }

  diverged(node: DevNode, block: BlockRef, canonical: BlockRef): void {
    this.log(
      `${node.id}: DIVERGED: ${block.number} ${block.hash}, not ${canonical.number} ${canonical.hash}`,
    );
    this.#emit({ type: 'divergence', node, block, canonical });
  }

  exited(node: DevNode): void {
    if (this.#closed) return;
    this.log(`${node.id}: process ended`);
    this.#emit({ type: 'exit', node });
  }

  log(line: string): void {
    this.#options.log?.(line);
  }

  async #produce(): Promise<DevBlock> {
    const record = await this.#lead();
    this.chain.append(record);
    this.pool.remove(record.transactions);
    await this.#followAll();
    const refused = new Set(record.dropped.map(({ extrinsic }) => extrinsic));
    const block: DevBlock = {
      number: record.number,
      hash: record.hash,
      transactions: record.transactions.filter((extrinsic) => !refused.has(extrinsic)),
    };
    this.log(`block ${block.number} ${block.hash}, ${block.transactions.length} transactions`);
    this.#emit({ type: 'block', block });
    return block;
  }

  /** Authors take turns, as in Aura; who cannot build leaves the turn to the next. */
  async #lead(): Promise<BlockRecord> {
    const turn = this.chain.head.number % this.nodes.length;
    for (const node of [...this.nodes.slice(turn), ...this.nodes.slice(0, turn)]) {
      if (!node.canLead) continue;
      try {
        return await node.lead();
      } catch (error) {
        this.#report(error);
      }
    }
    const states = this.nodes.map((node) => `${node.id} ${describe(node)}`).join(', ');
    throw new Error(`[no leader] no live node is at the head: ${states}`);
  }

  async #followAll(): Promise<void> {
    await Promise.all(
      this.nodes.map((node) => node.follow().catch((error) => this.#report(error))),
    );
  }

  #emit(event: DevnetEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #report(error: unknown): void {
    if (this.#closed) return;
    this.log(error instanceof Error ? error.message : String(error));
  }
}

function describe(node: DevNode): string {
  if (node.forked) return 'forked';
  return node.lag > 0 ? `lags ${node.lag}` : node.status;
}
