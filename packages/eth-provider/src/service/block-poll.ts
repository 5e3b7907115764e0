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
    this.#at = best;
    if (best === undefined || from === undefined || from.hash === best.hash) return [];
    client?.observe(best.number);
    const path = this.#host.path(from.hash, best.hash);
    return (path?.applied ?? [best]).map(({ hash }) => `"${hash}"`);
  }

  close(): void {}
}
