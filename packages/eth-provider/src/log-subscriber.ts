import type { EventFilter, Subscriber } from 'ethers';
import type { SubscriberOptions } from './block-subscriber.ts';

/**
 * ethers' events of contracts, read by `eth_getLogs` at each new head: for chains whose table has no
 * `eth_subscribe`. Each block is read once; logs that a reorganisation takes back are not told.
 */
export class LogSubscriber implements Subscriber {
  readonly #options: SubscriberOptions;
  readonly #filter: EventFilter;
  /** First block not read yet; `undefined` until there is a head. */
  #next: number | undefined;
  #off: (() => void) | undefined;
  #isPaused = false;
  #isReading = false;

  constructor(options: SubscriberOptions, filter: EventFilter) {
    this.#options = options;
    this.#filter = filter;
  }

  start(): void {
    const { balancer } = this.#options;
    const { best } = balancer.head;
    this.#next = best && best.number + 1;
    this.#off = balancer.on('best', () => void this.#read());
  }

  stop(): void {
    this.#off?.();
    this.#off = undefined;
  }

  /** Blocks that pass meanwhile are read afterwards, or never. */
  pause(dropWhilePaused = false): void {
    this.#isPaused = true;
    if (dropWhilePaused) this.#next = undefined;
  }

  resume(): void {
    this.#isPaused = false;
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#off && !this.#isPaused) {
        const to = this.#options.balancer.head.best?.number;
        if (to === undefined || to < (this.#next ?? 0)) return;
        if (this.#next !== undefined) await this.#tell(this.#next, to);
        this.#next = to + 1;
      }
    } catch (error) {
      // The next head is the next try, from the same block.
      void this.#options.provider.emit('debug', { action: 'readLogsError', error });
    } finally {
      this.#isReading = false;
    }
  }

  async #tell(fromBlock: number, toBlock: number): Promise<void> {
    const { provider, observe } = this.#options;
    observe(toBlock);
    const logs = await provider.getLogs({ ...this.#filter, fromBlock, toBlock });
    if (!this.#off) return;
    for (const log of logs) void provider.emit(this.#filter, log);
  }
}
