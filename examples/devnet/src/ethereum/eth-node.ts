import { AnvilProcess, host } from './anvil-process.ts';

/** A canonical block: enough to make it again on any node. */
export interface EthBlock {
  readonly number: number;
  readonly hash: string;
  /** In seconds. */
  readonly timestamp: number;
  /** Signed, hex, in their order. */
  readonly transactions: readonly string[];
}

/** One change of the chain. */
export type EthStep =
  | { readonly kind: 'block'; readonly block: EthBlock }
  | { readonly kind: 'roll back'; readonly blocks: number };

/** What a node needs of the network around it. */
export interface EthNetwork {
  /**
   * All that the chain went through, in order. Every node goes through all of it: blocks hold a
   * random number, and Anvil gives out the same ones in the same order, also to blocks taken back.
   */
  readonly steps: readonly EthStep[];
  /** How many of the steps a node has taken that is so many blocks behind. */
  stepsBehind(lag: number): number;
  /** Runs one change of the chain at a time. */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  log(line: string): void;
}

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
  #process: AnvilProcess | undefined;
  #status: EthNodeStatus = 'crashed';
  #lag: number;
  /** How many of the network's steps it has taken. */
  #taken = 0;
  #height = 0;

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
    return this.#status === 'running' && this.#taken === this.#network.steps.length;
  }

  /** One call to the node. Rejects on its error, and after ten seconds. */
  call<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> {
    if (!this.#process) return Promise.reject(new Error(`[not booted] ${this.id}`));
    return this.#process.call<T>(method, ...params);
  }

  /** Starts the process and waits until it serves. */
  async boot(): Promise<void> {
    this.#status = 'booting';
    this.#taken = 0;
    this.#height = 0;
    const process = new AnvilProcess({
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
    const { pending, queued } =
      await this.call<Record<'pending' | 'queued', PoolContent>>('txpool_content');
    const transactions = [pending, queued].flatMap((each) => Object.values(each));
    const hashes = transactions.flatMap((byNonce) =>
      Object.values(byNonce).map(({ hash }) => hash),
    );
    return Promise.all(
      hashes.map((hash) => this.call<string>('eth_getRawTransactionByHash', hash)),
    );
  }

  /** Hands over what other nodes' pools hold; what it has or refuses stays as it is. */
  async hear(transactions: readonly string[]): Promise<void> {
    for (const each of transactions) {
      await this.call('eth_sendRawTransaction', each).catch(() => {});
    }
  }

  /** Makes the next block out of its pool. Exclusive callers only. */
  async lead(timestamp: number): Promise<EthBlock> {
    await this.call('evm_mine', { timestamp });
    const { hash, transactions } = await this.call<{
      readonly hash: string;
      readonly transactions: readonly string[];
    }>('eth_getBlockByNumber', 'latest', false);
    this.#taken += 1;
    this.#height += 1;
    return {
      number: this.#height,
      hash,
      timestamp,
      transactions: await Promise.all(
        transactions.map((each) => this.call<string>('eth_getRawTransactionByHash', each)),
      ),
    };
  }

  /** Takes back its newest blocks. Exclusive callers only. */
  async rollBack(blocks: number): Promise<void> {
    await this.call('anvil_rollback', blocks);
    this.#taken += 1;
    this.#height -= blocks;
  }

  /** Brings the node as near to the canonical head as its lag allows. Exclusive callers only. */
  async follow(): Promise<void> {
    if (this.#status !== 'running') return;
    const { steps } = this.#network;
    const target = this.#network.stepsBehind(this.#lag);
    if (this.#taken >= target) return;
    const waiting = await this.pool();
    while (this.#taken < target) await this.#take(steps[this.#taken] as EthStep);
    await this.hear(waiting);
  }

  async #take(step: EthStep): Promise<void> {
    if (step.kind === 'roll back') {
      await this.rollBack(step.blocks);
      return;
    }
    const { hash, timestamp, transactions } = step.block;
    await this.call('anvil_dropAllTransactions');
    await this.hear(transactions);
    const made = await this.lead(timestamp);
    if (made.hash !== hash)
      throw new Error(`[divergence] ${this.id} made ${made.hash}, not ${hash}`);
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

/** By account, then by nonce. */
type PoolContent = Readonly<Record<string, Readonly<Record<string, { readonly hash: string }>>>>;
