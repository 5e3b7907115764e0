import type { EndpointStats, ProviderStats } from '@polkadot/rpc-provider/types';

/**
 * Counts for `ProviderInterface.stats`. Bytes are those of methods, params and results as JSON:
 * what is on the wire is up to the engine, which answers some calls itself and repeats others.
 */
export class ProviderStatistics {
  readonly #total: EndpointStats = {
    bytesRecv: 0,
    bytesSent: 0,
    cached: 0,
    errors: 0,
    requests: 0,
    subscriptions: 0,
    timeout: 0,
  };
  #active = 0;

  /** A copy of the counts as they stand. */
  snapshot(activeSubscriptions: number): ProviderStats {
    return {
      active: { requests: this.#active, subscriptions: activeSubscriptions },
      total: { ...this.#total },
    };
  }

  /** Adds to one of the totals. */
  add(what: keyof EndpointStats, count = 1): void {
    this.#total[what] += count;
  }

  /** Counts a call that sends so many bytes as under way, until `end` is called. */
  begin(bytes: number): void {
    this.#active += 1;
    this.#total.bytesSent += bytes;
  }

  /** A call that was begun is over. */
  end(): void {
    this.#active -= 1;
  }
}
