import type { JsonRpcClient, JsonRpcError } from '@dshackle/core';
import { assert, type Subscriber } from 'ethers';

/** What a {@link StreamSubscriber} is made of. */
export interface StreamSubscriberOptions {
  readonly client: Pick<JsonRpcClient, 'subscribe' | 'unsubscribe'>;
  /** Params of `eth_subscribe`. */
  readonly params: readonly unknown[];
  /** Tells ethers of one item. */
  readonly emit: (item: unknown) => Promise<unknown>;
  /** It cannot be carried on. */
  readonly onError: (error: JsonRpcError) => void;
}

/**
 * One of ethers' events from a subscription of the engine, which outlives the upstream that carries
 * it. One that ends all the same is begun again, unless it had told nothing.
 */
export class StreamSubscriber implements Subscriber {
  readonly #options: StreamSubscriberOptions;
  #id: string | undefined;
  /** Counts starts: what an earlier one still tells is nobody's any more. */
  #run = 0;
  #isPaused = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: StreamSubscriberOptions) {
    this.#options = options;
  }

  start(): void {
    this.#run += 1;
    const run = this.#run;
    let hasTold = false;
    const { client, params, onError } = this.#options;
    client.subscribe('eth_subscribe', params, {
      onResult: (id) => {
        if (run === this.#run) this.#id = id;
        else client.unsubscribe(id);
      },
      onItem: (item) => {
        hasTold = true;
        if (run === this.#run && !this.#isPaused) this.#tell(item);
      },
      onError: (error) => {
        if (run === this.#run) onError(error);
      },
      onEnd: (error) => {
        if (run !== this.#run) return;
        // Whoever ends each at once would be asked without a pause.
        if (hasTold) this.start();
        else onError(error);
      },
    });
  }

  stop(): void {
    this.#run += 1;
    this.#options.client.unsubscribe(this.#id);
    this.#id = undefined;
  }

  pause(dropWhilePaused = false): void {
    assert(dropWhilePaused, 'items cannot be kept while paused', 'UNSUPPORTED_OPERATION', {
      operation: 'pause(false)',
    });
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** In order: ethers looks each event up before it calls its listeners. */
  #tell(item: unknown): void {
    this.#last = this.#last.then(() => this.#options.emit(item)).catch(() => undefined);
  }
}
