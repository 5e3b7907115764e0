import type { BalancerError, RawJson, ServiceHost } from '@dshackle/core';
import { RpcResponseError } from '@dshackle/core';
import { FilterLost, type FilterPoll } from './filter-poll.ts';

/** Transactions kept until they are asked for, and their characters; past either the oldest go. */
const maxKept = 10_000;
const maxChars = 2 ** 22;

/** A filter of pending transactions, on the subscription that all share. */
export class PendingPoll implements FilterPoll {
  #kept: RawJson[] = [];
  #chars = 0;
  #ended: BalancerError | undefined;
  #unsubscribe = (): void => {};
  #isClosed = false;

  private constructor() {}

  /**
   * @param full whole transactions, not hashes
   * @throws BalancerError when no upstream can tell of them, as over HTTP alone
   * @throws RpcResponseError when that is what upstreams answer
   */
  static async begin(host: ServiceHost, full: boolean): Promise<PendingPoll> {
    const poll = new PendingPoll();
    const params = full ? ['newPendingTransactions', true] : ['newPendingTransactions'];
    const outcome = await host.subscribe('eth_subscribe', params, {
      onSubscribed: ({ unsubscribe }) => {
        poll.#unsubscribe = unsubscribe;
      },
      onItem: (item) => poll.#keep(item),
      onEnd: (error) => {
        poll.#ended = error;
      },
    });
    if (outcome.kind === 'error') throw new RpcResponseError(outcome.error);
    return poll;
  }

  async changes(): Promise<readonly RawJson[]> {
    const kept = this.#kept;
    if (kept.length === 0 && this.#ended) {
      throw new FilterLost(this.#ended.message, { cause: this.#ended });
    }
    this.#kept = [];
    this.#chars = 0;
    return kept;
  }

  close(): void {
    this.#isClosed = true;
    this.#kept = [];
    this.#unsubscribe();
  }

  #keep(item: RawJson): void {
    if (this.#isClosed) return;
    this.#kept.push(item);
    this.#chars += item.length;
    while (this.#kept.length > maxKept || this.#chars > maxChars) {
      this.#chars -= this.#kept.shift()?.length ?? 0;
    }
  }
}
