import { setTimeout as sleep } from 'node:timers/promises';
import { ApiPromise } from '@polkadot/api';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import { HeadRecord } from './head-record.ts';

/** Time between two reads, in milliseconds. */
const readEveryMs = 100;

/**
 * An ordinary polkadot-js application: it follows finalized heads and reads a balance ten times a
 * second. It knows nothing of any balancer.
 */
export class Application {
  readonly name: string;
  readonly api: ApiPromise;
  readonly heads = new HeadRecord();
  #calls = 0;
  readonly #failures: string[] = [];
  #unsubscribe: () => void = () => {};
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(name: string, api: ApiPromise) {
    this.name = name;
    this.api = api;
  }

  /** Connects, and begins to follow and to read `address`. */
  static async start(
    name: string,
    provider: ProviderInterface,
    address: string,
  ): Promise<Application> {
    const api = await ApiPromise.create({ provider, noInitWarn: true });
    const application = new Application(name, api);
    application.#unsubscribe = await api.rpc.chain.subscribeFinalizedHeads((header) =>
      application.heads.note(header.number.toNumber()),
    );
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

  /** Resolves once a finalized head of that height was heard. */
  async reach(height: number, signal: AbortSignal): Promise<void> {
    while (this.heads.last < height) await sleep(50, undefined, { signal });
  }

  /** Ends everything this application began. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#reading;
    this.#unsubscribe();
    await this.api.disconnect();
  }

  async #read(address: string): Promise<void> {
    while (!this.#stopped) {
      this.#calls += 1;
      try {
        await this.api.query.system?.account?.(address);
      } catch (error) {
        this.#failures.push(error instanceof Error ? error.message : String(error));
      }
      await sleep(readEveryMs);
    }
  }
}
