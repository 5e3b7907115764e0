import type { Block, RawJson, ServiceHost, Session } from '@dshackle/core';
import type { FilterPoll } from './filter-poll.ts';

/**
 * A filter of blocks: the hashes of those that came to the best chain. Of a hole in the tree (a long outage
 * of all upstreams) only the block above it.
 */
export class BlockPoll implements FilterPoll {
  readonly #host: ServiceHost;
  #at: Block | undefined;

  constructor(host: ServiceHost) {
    this.#host = host;
    this.#at = host.best;
  }

  async changes(client: Session | undefined): Promise<readonly RawJson[]> {
    const { best } = this.#host;
    const from = this.#at;
    if (best === undefined || from?.hash === best.hash) return [];
    const path = from && this.#host.path(from.hash, best.hash);
    // Best stepped back with an upstream that went: what it takes up again was told.
    if (path?.applied.length === 0) return [];
    this.#at = best;
    if (from === undefined) return [];
    client?.observe(best.number);
    return (path?.applied ?? [best]).map(({ hash }) => `"${hash}"`);
  }

  close(): void {}
}
