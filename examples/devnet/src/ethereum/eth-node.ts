import { anvil } from './anvil.ts';
import { type EthCall, EthProcess, host } from './eth-process.ts';
import {
  blockTransactions,
  type PoolContent,
  type PoolTransaction,
  poolTransactions,
} from './pool-transactions.ts';

/** A block, and what it holds. */
export interface EthBlockContent {
  readonly number: number;
  readonly hash: string;
  /** Signed, hex, in their order. */
  readonly transactions: readonly string[];
}

/** A canonical block: enough to make it again on any node. */
export interface EthBlock extends EthBlockContent {
  /** In seconds. */
  readonly timestamp: number;
  /** Hex. Anvil would go on from the fee of a block that was taken back. */
  readonly baseFeePerGas: string;
}

/** What a node needs of the network around it. */
export interface EthNetwork {
  /** Gets the blocks that a node made by itself and took back. */
  readonly strays: EthBlockContent[];
  /** The canonical chain, from block 1. */
  readonly blocks: readonly EthBlock[];
  /** Runs one change of the chain at a time. */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  log(line: string): void;
}

/** So many transactions go into one batch: about half of what Anvil takes without a pause. */
const BATCH = 30;
/** What reaches a node while it makes a canonical block spoils that; so often it is made again. */
const MAX_TRIES = 10;

/**
 * - `booting`: the process starts.
 * - `running`: it serves.
 * - `frozen`: stopped; connections are accepted by the kernel, nothing answers.
 * - `crashed`: the process is gone; connections are refused.
 */
export type EthNodeStatus = 'booting' | 'running' | 'frozen' | 'crashed';

/** One real Ethereum node, in an operating system process of its own. */
export class EthNode implements AsyncDisposable {
  /** `node-1`, `node-2`, … */
  readonly id: string;
  readonly port: number;
  readonly #network: EthNetwork;
  #process: EthProcess | undefined;
  #status: EthNodeStatus = 'crashed';
  #lag: number;
  #height = 0;
  /** Hash of its newest block; `undefined` when that is block 0. */
  #hash: string | undefined;
  /** False after a change that failed halfway: it must be asked where it is. */
  #isSure = true;
  /** Taken out of its pool while a block is made, and put back afterwards, also when that failed. */
  readonly #waiting = new Set<string>();

  constructor(id: string, port: number, lag: number, network: EthNetwork) {
    this.id = id;
    this.port = port;
    this.#lag = lag;
    this.#network = network;
  }

  get wsUrl(): string {
    return `ws://${host}:${this.port}`;
  }

  get httpUrl(): string {
    return `http://${host}:${this.port}`;
  }

  get status(): EthNodeStatus {
    return this.#status;
  }

  /** Operating system process id; another one after {@link restart}. */
  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  /** How many blocks it stays behind the canonical head. */
  get lag(): number {
    return this.#lag;
  }

  /** Height that it was brought to. */
  get height(): number {
    return this.#height;
  }

  /** True when its next block would be the canonical one. Exclusive callers only. */
  get canLead(): boolean {
    const head = this.#network.blocks.at(-1)?.hash;
    return this.#status === 'running' && this.#isSure && this.#hash === head;
  }

  /** One call to the node. Rejects on its error, and after ten seconds. */
  call<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> {
    if (!this.#process) return Promise.reject(new Error(`[not booted] ${this.id}`));
    return this.#process.call<T>(method, ...params);
  }

  /** Starts the process and waits until it serves. */
  async boot(): Promise<void> {
    this.#status = 'booting';
    this.#height = 0;
    this.#hash = undefined;
    this.#isSure = true;
    this.#waiting.clear();
    const process = new EthProcess({
      command: anvil(this.port),
      port: this.port,
      onExit: () => {
        if (process === this.#process) this.#status = 'crashed';
      },
      log: (line) => this.#network.log(`${this.id}: ${line}`),
    });
    this.#process = process;
    await process.ready();
    this.#status = 'running';
  }

  /** Keeps the node that many blocks behind; with 0 it catches up at once. It never goes back. */
  setLag(blocks: number): Promise<void> {
    this.#lag = blocks;
    return this.#network.exclusively(() => this.follow());
  }

  /** SIGSTOP. Does nothing unless running. */
  freeze(): void {
    if (this.#status !== 'running') return;
    this.#status = 'frozen';
    this.#process?.freeze();
  }

  /** SIGCONT, after which the node catches up. Does nothing unless frozen. */
  thaw(): void {
    if (this.#status !== 'frozen') return;
    this.#process?.thaw();
    this.#status = 'running';
    this.#network.exclusively(() => this.follow()).catch((error) => this.#report(error));
  }

  /** SIGKILL. Its memory is lost. */
  async crash(): Promise<void> {
    await this.#process?.close();
  }

  /** A new process on the same port, brought to the canonical head (or its lag behind). */
  async restart(): Promise<void> {
    await this.crash();
    await this.boot();
    await this.#network.exclusively(() => this.follow());
  }

  /** Signed transactions that wait in its pool, by account and nonce. Exclusive callers only. */
  async pool(): Promise<readonly string[]> {
    return poolTransactions(await this.call<PoolContent>('txpool_content'));
  }

  /** Takes out of its pool what is there. Exclusive callers only. */
  async drain(): Promise<readonly string[]> {
    const [content] = await this.#batch([['txpool_content'], ['anvil_dropAllTransactions']]);
    return poolTransactions(content as PoolContent);
  }

  /** Hands over what other nodes' pools hold; what it has or refuses stays as it is. */
  async hear(transactions: readonly string[]): Promise<void> {
    for (let from = 0; from < transactions.length; from += BATCH) {
      await this.#batch(transactions.slice(from, from + BATCH).map(submission)).catch(() => {});
    }
  }

  /** Makes the next block out of its pool, and of what others' hold. Exclusive callers only. */
  lead(timestamp: number, others: readonly string[]): Promise<EthBlock> {
    return this.#change(async () => {
      // Put in anew: what came while the last block was made may wait for a nonce that was.
      for (const each of await this.drain()) this.#waiting.add(each);
      for (const each of others) this.#waiting.add(each);
      const block = await this.#mine([...this.#waiting], [['evm_mine', { timestamp }]]);
      await this.#putBack(block.transactions);
      return { ...block, timestamp };
    });
  }

  /** Takes back its newest blocks. Exclusive callers only. */
  async rollBack(blocks: number): Promise<void> {
    if (blocks === 0) return;
    await this.#change(async () => {
      await this.call('anvil_rollback', blocks);
      const { hash } = await this.#block('latest');
      this.#height -= blocks;
      this.#hash = this.#height === 0 ? undefined : hash;
    });
  }

  /** Brings the node as near to the canonical head as its lag allows. Exclusive callers only. */
  async follow(): Promise<void> {
    if (this.#status !== 'running') return;
    const wasSure = this.#isSure;
    if (!wasSure) await this.#look();
    const { blocks } = this.#network;
    const common = await this.#common();
    const target = blocks.length - this.#lag;
    // One that lags learns late that its newest blocks were taken back, too.
    if (target <= common && this.#height > target) return;
    // A block that only this node ever had goes back to its pool.
    const undone = wasSure ? [] : await this.#blocksAbove(common);
    this.#network.strays.push(...undone);
    await this.rollBack(this.#height - common);
    while (this.#height < target) await this.#take(blocks[this.#height] as EthBlock);
    await this.hear(undone.flatMap(({ transactions }) => transactions));
  }

  async #blocksAbove(height: number): Promise<readonly EthBlockContent[]> {
    const found: EthBlockContent[] = [];
    for (let number = height + 1; number <= this.#height; number += 1) {
      const { hash, transactions } = await this.#block(`0x${number.toString(16)}`);
      found.push({ number, hash, transactions: blockTransactions(transactions) });
    }
    return found;
  }

  /** Height of its newest canonical block. */
  async #common(): Promise<number> {
    const { blocks } = this.#network;
    let height = this.#height;
    let hash = this.#hash;
    while (height > 0 && hash !== blocks[height - 1]?.hash) {
      height -= 1;
      ({ hash } = await this.#block(`0x${height.toString(16)}`));
    }
    return height;
  }

  /** Makes a canonical block; what else waits in its pool, or comes meanwhile, waits there afterwards. */
  async #take({ number, hash, timestamp, baseFeePerGas, transactions }: EthBlock): Promise<void> {
    const mining: readonly EthCall[] = [
      ['anvil_setNextBlockBaseFeePerGas', baseFeePerGas],
      ['evm_mine', { timestamp }],
    ];
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const made = await this.#change(() => this.#mine(transactions, mining));
      if (made.hash === hash) {
        await this.#putBack(transactions);
        return;
      }
      for (const each of made.transactions) this.#waiting.add(each);
      this.#network.strays.push(made);
      await this.rollBack(1);
    }
    throw new Error(`[divergence] ${this.id} does not come to make block ${number} ${hash}`);
  }

  /**
   * Makes a block of these transactions, and of what comes meanwhile. What was in the pool before is
   * kept to be put back, as is what is there when the block is made: Anvil forgets what is not valid yet.
   */
  async #mine(
    transactions: readonly string[],
    mining: readonly EthCall[],
  ): Promise<Omit<EthBlock, 'timestamp'>> {
    const calls: readonly EthCall[] = [
      // One after the other in one batch, so that hardly anything comes between them: it would be lost
      // on this node, and live on in those others to which it was sent.
      ...[['txpool_content'] as const, ['anvil_dropAllTransactions'] as const],
      ...transactions.map(submission),
      ['txpool_content'],
      ...mining,
    ];
    for (let from = 0; from < calls.length; from += BATCH) {
      const batch = calls.slice(from, from + BATCH);
      const results = await this.#batch(batch);
      for (const [i, [method]] of batch.entries()) {
        if (method !== 'txpool_content') continue;
        for (const each of poolTransactions(results[i] as PoolContent)) this.#waiting.add(each);
      }
    }
    return this.#newest();
  }

  async #putBack(included: readonly string[]): Promise<void> {
    const texts = [...this.#waiting].filter((each) => !included.includes(each));
    try {
      for (let from = 0; from < texts.length; from += BATCH) {
        await this.#batch(texts.slice(from, from + BATCH).map(submission));
      }
      this.#waiting.clear();
    } catch {
      // The node froze or died: they are put back after the next block.
    }
  }

  /** Its newest block, one above where it was. */
  async #newest(): Promise<Omit<EthBlock, 'timestamp'>> {
    const block = await this.#block('latest');
    const transactions = blockTransactions(block.transactions);
    const number = this.#height + 1;
    if (Number(block.number) !== number) {
      throw new Error(`[divergence] ${this.id} is at ${Number(block.number)}, not ${number}`);
    }
    this.#height = number;
    this.#hash = block.hash;
    const { hash, baseFeePerGas } = block;
    return { number, hash, baseFeePerGas, transactions };
  }

  /** Asks it where it is. */
  async #look(): Promise<void> {
    const { number, hash } = await this.#block('latest');
    this.#height = Number(number);
    this.#hash = this.#height === 0 ? undefined : hash;
    this.#isSure = true;
  }

  async #change<T>(task: () => Promise<T>): Promise<T> {
    this.#isSure = false;
    const result = await task();
    this.#isSure = true;
    return result;
  }

  #block(at: string): Promise<Block> {
    return this.call<Block>('eth_getBlockByNumber', at, true);
  }

  async #batch(calls: readonly EthCall[]): Promise<readonly unknown[]> {
    if (!this.#process) throw new Error(`[not booted] ${this.id}`);
    return this.#process.batch(calls);
  }

  close(): Promise<void> {
    return this.crash();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #report(error: unknown): void {
    this.#network.log(`${this.id}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What is read of the answer to `eth_getBlockByNumber`. */
interface Block {
  readonly number: string;
  readonly hash: string;
  readonly baseFeePerGas: string;
  readonly transactions: readonly PoolTransaction[];
}

function submission(transaction: string): EthCall {
  return ['eth_sendRawTransaction', transaction];
}
