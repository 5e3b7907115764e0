import { freePort } from '../free-port.ts';
import { genesisTime } from './anvil.ts';
import { type EthBlock, type EthBlockContent, type EthNetwork, EthNode } from './eth-node.ts';
import { host } from './eth-process.ts';

/** Options of {@link startEthDevnet}. */
export interface EthDevnetOptions {
  /** How many nodes, each a process of about 30 MB. @default 3 */
  readonly nodes?: number;
  /** Time between blocks; with 0 blocks are made only by `mine()`. @default 1000 */
  readonly blockTimeMs?: number;
  /** How many blocks each node stays behind, by its position. @default 0 for each */
  readonly lag?: readonly number[];
  /** Told what happens, a line at a time. @default nobody */
  readonly log?: (line: string) => void;
}

/** Real local Ethereum nodes of one chain, and the network between them. */
export interface EthDevnet extends AsyncDisposable {
  readonly nodes: readonly EthNode[];
  /** The canonical chain, from block 1. */
  readonly blocks: readonly EthBlock[];
  /** Blocks that `reorg()` took back, in that order. */
  readonly retracted: readonly EthBlock[];
  /** Blocks that one node made by itself, told callers of, and took back. */
  readonly strays: readonly EthBlockContent[];
  /**
   * Makes canonical blocks out of what waits in the nodes' pools, and brings every live node to the
   * head less its lag. Rejects when no live node is at the head.
   */
  mine(count?: number): Promise<void>;
  /**
   * Takes back that many canonical blocks and makes one more than as many others; every live node
   * changes over. What was in them goes back to the pools, unless it is dropped.
   */
  reorg(depth: number, options?: { readonly drop?: boolean }): Promise<void>;
  /** Makes a block every `blockTimeMs`, from now. @default the option of the same name */
  start(blockTimeMs?: number): void;
  /** Ends what `start()` began; a block being made is finished. */
  stop(): void;
  /** Kills every node, frozen ones too. */
  close(): Promise<void>;
}

/** Seconds between the timestamps of blocks. */
const SLOT_S = 12;
/** Transactions that the network tells again; past it those heard of first are forgotten. */
const MAX_HEARD = 2000;

/** Starts the nodes, at once, and resolves when all of them serve. */
export async function startEthDevnet(options: EthDevnetOptions = {}): Promise<EthDevnet> {
  const { nodes = 3, blockTimeMs = 1000 } = options;
  const ports = new Set<number>();
  while (ports.size < nodes) ports.add(await freePort(host));
  const devnet = new LocalEthDevnet([...ports], options);
  try {
    await Promise.all(devnet.nodes.map((node) => node.boot()));
  } catch (error) {
    await devnet.close();
    throw error;
  }
  devnet.start(blockTimeMs);
  return devnet;
}

/** The controller: it is the network between the nodes and keeps the canonical chain. */
class LocalEthDevnet implements EthDevnet, EthNetwork {
  readonly nodes: readonly EthNode[];
  readonly blocks: EthBlock[] = [];
  readonly retracted: EthBlock[] = [];
  readonly strays: EthBlockContent[] = [];
  readonly #options: EthDevnetOptions;
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  /** In seconds; never the same for two blocks, so that a reorganised one has another hash. */
  #time = genesisTime;
  #closed = false;
  /** Seen in a pool and in no block yet: told again at each block, as nodes of a network do. */
  readonly #heard = new Set<string>();

  constructor(ports: readonly number[], options: EthDevnetOptions) {
    this.#options = options;
    this.nodes = ports.map(
      (port, index) => new EthNode(`node-${index + 1}`, port, options.lag?.[index] ?? 0, this),
    );
  }

  async mine(count = 1): Promise<void> {
    for (let made = 0; made < count; made += 1) {
      await this.exclusively(async () => {
        await this.#produce(await this.#leader());
        await this.#followAll();
      });
    }
  }

  reorg(depth: number, { drop = false }: { readonly drop?: boolean } = {}): Promise<void> {
    return this.exclusively(async () => {
      const leader = await this.#leader();
      const retracted = this.blocks.splice(Math.max(0, this.blocks.length - depth), depth);
      this.retracted.push(...retracted);
      await leader.rollBack(retracted.length);
      // What waited may not be valid any more before that which was taken back; Anvil would forget it.
      const waiting = await leader.drain();
      for (let made = 0; made <= retracted.length; made += 1) await this.#produce(leader);
      // Anvil steps back before it goes on, which other nodes do not: one at a time, so that there is
      // always one that has the old height or the new one.
      for (const node of this.#live()) await node.follow().catch((error) => this.#report(error));
      const back = drop ? [] : retracted.flatMap(({ transactions }) => transactions);
      await Promise.all(this.#live().map((node) => node.hear([...back, ...waiting])));
    });
  }

  start(blockTimeMs = this.#options.blockTimeMs ?? 1000): void {
    this.stop();
    if (this.#closed || blockTimeMs <= 0) return;
    let making = false;
    this.#timer = setInterval(() => {
      // A machine too slow for this block time makes them as fast as it can, without a backlog.
      if (making) return;
      making = true;
      this.mine()
        .catch((error) => this.#report(error))
        .finally(() => {
          making = false;
        });
    }, blockTimeMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
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

  log(line: string): void {
    this.#options.log?.(line);
  }

  #live(): readonly EthNode[] {
    return this.nodes.filter(({ status }) => status === 'running');
  }

  async #leader(): Promise<EthNode> {
    // A leader that died while the chain changed leaves the others behind.
    if (!this.nodes.some(({ canLead }) => canLead)) await this.#followAll();
    const leader = this.nodes.find(({ canLead }) => canLead);
    if (leader) return leader;
    const states = this.nodes.map(({ id, status, height }) => `${id} ${status} at ${height}`);
    throw new Error(`[no leader] no live node is at the head: ${states.join(', ')}`);
  }

  async #produce(leader: EthNode): Promise<void> {
    // One that dies meanwhile takes its pool with it.
    const pools = await Promise.all(this.#live().map((node) => node.pool().catch(() => [])));
    for (const each of pools.flat()) this.#heard.add(each);
    this.#time += SLOT_S;
    const block = await leader.lead(this.#time, [...this.#heard]);
    for (const each of block.transactions) this.#heard.delete(each);
    for (const each of [...this.#heard].slice(0, -MAX_HEARD)) this.#heard.delete(each);
    this.blocks.push(block);
    this.log(`block ${block.number} ${block.hash}, ${block.transactions.length} transactions`);
  }

  async #followAll(): Promise<void> {
    await Promise.all(
      this.#live().map((node) => node.follow().catch((error) => this.#report(error))),
    );
  }

  #report(error: unknown): void {
    if (this.#closed) return;
    this.log(error instanceof Error ? error.message : String(error));
  }
}
