import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonRpcApiProvider } from 'ethers';
import { HeadRecord } from './head-record.ts';

/** Time between two reads, in milliseconds. */
const readEveryMs = 100;

/**
 * An ordinary ethers application: it follows the blocks and reads a balance ten times a second. It knows
 * nothing of any balancer.
 */
export class EthereumApplication {
  readonly name: string;
  readonly provider: JsonRpcApiProvider;
  readonly heads = new HeadRecord();
  #calls = 0;
  readonly #failures: string[] = [];
  #reading: Promise<void> = Promise.resolve();
  #isStopped = false;

  private constructor(name: string, provider: JsonRpcApiProvider) {
    this.name = name;
    this.provider = provider;
  }

  /** Begins to follow and to read `address`. The provider is destroyed in the end. */
  static async start(
    name: string,
    provider: JsonRpcApiProvider,
    address: string,
  ): Promise<EthereumApplication> {
    const application = new EthereumApplication(name, provider);
    await provider.on('block', (height: number) => application.heads.note(height));
    application.#reading = application.#read(address);
    return application;
  }

  /** Reads made so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Why reads failed, one text each. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Resolves once a block of that height was heard of. */
  async reach(height: number, signal: AbortSignal): Promise<void> {
    while (this.heads.last < height) await sleep(50, undefined, { signal });
  }

  /** Ends everything this application began. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#reading;
    await this.provider.destroy();
  }

  async #read(address: string): Promise<void> {
    while (!this.#isStopped) {
      this.#calls += 1;
      try {
        await this.provider.getBalance(address);
      } catch (error) {
        this.#failures.push(error instanceof Error ? error.message : String(error));
      }
      await sleep(readEveryMs);
    }
  }
}
