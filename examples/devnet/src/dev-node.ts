import type { CanonicalChain } from './canonical-chain.ts';
import type { Genesis } from './genesis.ts';
import { NodeProcess } from './node-process.ts';
import type { BlockRecord, BlockRef, NodeIdentity, PooledTransaction } from './node-protocol.ts';
import type { SharedPool } from './shared-pool.ts';

/** Nodes listen here and nowhere else. */
export const host = '127.0.0.1';

/** Some seconds of work, with several nodes at once on a busy machine. */
const BOOT_TIMEOUT_MS = 120_000;
/** A block takes about half a second of one core. */
const BUILD_TIMEOUT_MS = 60_000;
/** Milliseconds of work. */
const SHORT_TIMEOUT_MS = 5_000;

/**
 * - `booting`: the process starts; nothing listens yet.
 * - `running`: it serves.
 * - `frozen`: stopped; connections are accepted by the kernel, nothing answers.
 * - `crashed`: the process is gone; connections are refused.
 */
export type DevNodeStatus = 'booting' | 'running' | 'frozen' | 'crashed';

/** One real node, in an operating system process of its own. */
export interface DevNode {
  /** `node-1`, `node-2`, … */
  readonly id: string;
  readonly port: number;
  readonly wsUrl: string;
  readonly httpUrl: string;
  readonly status: DevNodeStatus;
  /** Operating system process id; another one after `restart()`. */
  readonly pid: number;
  /** How many blocks it stays behind the canonical head. */
  readonly lag: number;
  /** True from `fork()` to `heal()`. */
  readonly forked: boolean;
  /** The newest block the node was brought to, its own fork included. */
  readonly head: BlockRef;
  /**
   * Keeps the node that many blocks behind. It never goes back: with a greater lag than before
   * it stands still until the chain is far enough ahead; with 0 it catches up at once.
   */
  setLag(blocks: number): Promise<void>;
  /**
   * Builds divergent blocks on the node's head and takes no canonical block until `heal()`. The
   * fork is best there, and never final.
   */
  fork(blocks?: number): Promise<void>;
  /** Leaves the fork for the canonical chain, announcing each canonical block since. */
  heal(): Promise<void>;
  /** SIGSTOP. Does nothing unless running. */
  freeze(): void;
  /** SIGCONT, after which the node catches up. Does nothing unless frozen. */
  thaw(): void;
  /** SIGKILL. Its memory is lost; the transactions it had gossiped are not. */
  crash(): Promise<void>;
  /** A new process on the same port, brought to the canonical head (or its lag behind). */
  restart(): Promise<void>;
}

/** What a node needs of the network around it. */
export interface NodeNetwork {
  readonly genesis: Genesis;
  /** How many blocks finality is behind. */
  readonly finalityLag: number;
  readonly pool: SharedPool;
  /** The canonical chain; set once the first nodes have booted. */
  readonly chain: CanonicalChain;
  /** Whether followers execute a block before they take over its state changes. */
  readonly followers: 'import' | 'execute';
  /** Runs one change of the chain at a time. */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  gossip(from: DevNode, transaction: PooledTransaction): void;
  diverged(node: DevNode, block: BlockRef, canonical: BlockRef): void;
  exited(node: DevNode): void;
  log(line: string): void;
}

/** The controller's handle on a node. */
export class LocalNode implements DevNode, AsyncDisposable {
  readonly id: string;
  readonly #network: NodeNetwork;
  #port: number;
  #process: NodeProcess | undefined;
  #status: DevNodeStatus = 'booting';
  #lag: number;
  #forked = false;
  #head: BlockRef = { number: 0, hash: '' };
  /** Height of the newest canonical block it has. */
  #delivered = 0;
  /** Hash of the last block it executed for everybody. */
  #authored = '';

  constructor(id: string, port: number, lag: number, network: NodeNetwork) {
    this.id = id;
    this.#port = port;
    this.#lag = lag;
    this.#network = network;
  }

  get port(): number {
    return this.#port;
  }
  get wsUrl(): string {
    return `ws://${host}:${this.#port}`;
  }
  get httpUrl(): string {
    return `http://${host}:${this.#port}`;
  }
  get status(): DevNodeStatus {
    return this.#status;
  }
  get pid(): number {
    return this.#process?.pid ?? -1;
  }
  get lag(): number {
    return this.#lag;
  }
  get forked(): boolean {
    return this.#forked;
  }
  get head(): BlockRef {
    return this.#head;
  }

  /** True when its next block would be the canonical one. */
  get canLead(): boolean {
    return this.#status === 'running' && !this.#forked && this.#lag === 0;
  }

  /** Starts the process and waits until it serves. */
  async boot(): Promise<NodeIdentity> {
    this.#status = 'booting';
    const process = new NodeProcess({
      onEvent: ({ transaction }) => this.#network.gossip(this, transaction),
      onExit: () => this.#exited(process),
      log: (line) => this.#network.log(`${this.id}: ${line}`),
    });
    this.#process = process;
    const { genesis, finalityLag } = this.#network;
    const params = { genesis, finalityLag, host, port: this.#port };
    const identity = await process.call('boot', params, BOOT_TIMEOUT_MS);
    // Chopsticks takes one of the next nine ports when its own is taken, and says nothing.
    if (identity.port !== this.#port) {
      await process.close();
      throw new Error(`[port taken] ${this.id} wants ${host}:${this.#port}`);
    }
    this.#status = 'running';
    this.#forked = false;
    this.#delivered = 1;
    this.#head = { number: 1, hash: identity.firstBlock.hash };
    return identity;
  }

  /** Brings the node as near to the canonical head as its lag allows. Exclusive callers only. */
  async follow(): Promise<void> {
    if (this.#status !== 'running' || this.#forked) return;
    await this.#advance(await this.#hasStrayed());
  }

  /**
   * Executes the next canonical block out of the shared pool; like everybody it has the block
   * once it follows. Exclusive callers only.
   */
  async lead(): Promise<BlockRecord> {
    await this.follow();
    const { chain, pool } = this.#network;
    const waiting = pool.values();
    const transactions =
      waiting.length === 0 ? [] : await this.#call('select', { pool: waiting }, BUILD_TIMEOUT_MS);
    const parentHash = chain.head.hash;
    const block = await this.#call('build', { parentHash, transactions }, BUILD_TIMEOUT_MS);
    this.#authored = block.hash;
    return block;
  }

  /** Hands over what another node's pool accepted. */
  async hear(transactions: readonly PooledTransaction[]): Promise<void> {
    if (this.#status !== 'running' || transactions.length === 0) return;
    const extrinsics = transactions.map(({ extrinsic }) => extrinsic);
    await this.#call('pool', { transactions: extrinsics }, SHORT_TIMEOUT_MS);
  }

  setLag(blocks: number): Promise<void> {
    this.#lag = blocks;
    return this.#network.exclusively(() => this.follow());
  }

  fork(blocks = 1): Promise<void> {
    return this.#network.exclusively(async () => {
      for (let built = 0; built < blocks; built += 1) {
        this.#head = await this.#call('fork', {}, BUILD_TIMEOUT_MS);
        this.#forked = true;
      }
    });
  }

  heal(): Promise<void> {
    return this.#network.exclusively(async () => {
      if (!this.#forked) return;
      this.#forked = false;
      await this.#advance(true);
    });
  }

  freeze(): void {
    if (this.#status !== 'running') return;
    this.#status = 'frozen';
    this.#process?.freeze();
  }

  thaw(): void {
    if (this.#status !== 'frozen') return;
    this.#process?.thaw();
    this.#status = 'running';
    this.#network.exclusively(() => this.#rejoin()).catch((error) => this.#report(error));
  }

  async crash(): Promise<void> {
    await this.#process?.close();
  }

  async restart(): Promise<void> {
    await this.crash();
    await this.boot();
    await this.#network.exclusively(() => this.#rejoin());
  }

  close(): Promise<void> {
    return this.crash();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #rejoin(): Promise<void> {
    await this.follow();
    await this.hear(this.#network.pool.values());
  }

  /** Delivers what is missing; one off the chain gets at least the block it left it at. */
  async #advance(offChain: boolean): Promise<void> {
    const { chain, followers } = this.#network;
    const target = chain.head.number - this.#lag;
    if (offChain && this.#delivered >= target) await this.#import(chain.at(this.#delivered));
    while (this.#delivered < target) {
      const block = chain.at(this.#delivered + 1);
      if (followers === 'execute') await this.#verify(block);
      await this.#import(block);
    }
  }

  /** True when somebody else moved the node's head, for example a client's `dev_newBlock`. */
  async #hasStrayed(): Promise<boolean> {
    const head = await this.#call('head', {}, SHORT_TIMEOUT_MS);
    if (head.hash === this.#head.hash) return false;
    this.#network.diverged(this, head, this.#head);
    this.#head = head;
    return true;
  }

  /** Executes a block of another author and reports when something else comes out. */
  async #verify({ number, hash, parentHash, transactions }: BlockRecord): Promise<void> {
    // On the way back from a fork the parent is not the head, and nothing can be built on it.
    if (hash === this.#authored || parentHash !== this.#head.hash) return;
    const own = await this.#call('build', { parentHash, transactions }, BUILD_TIMEOUT_MS);
    if (own.hash === hash) return;
    this.#network.diverged(this, { number: own.number, hash: own.hash }, { number, hash });
  }

  async #import(block: BlockRecord): Promise<void> {
    await this.#call('import', { block }, SHORT_TIMEOUT_MS);
    this.#delivered = block.number;
    this.#head = { number: block.number, hash: block.hash };
  }

  #call: NodeProcess['call'] = (call, params, timeoutMs) => {
    if (!this.#process) return Promise.reject(new Error(`[not booted] ${this.id}`));
    return this.#process.call(call, params, timeoutMs);
  };

  #exited(process: NodeProcess): void {
    // A successor may already run.
    if (process !== this.#process) return;
    this.#status = 'crashed';
    this.#network.exited(this);
  }

  #report(error: unknown): void {
    this.#network.log(`${this.id}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
