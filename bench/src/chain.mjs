import { websocket } from '@dshackle/core';
import { polkadot } from '@dshackle/polkadot-provider/chain';

/** Of `native/upstream.c` and of `moving-node.mjs`. */
export const genesisHash = `0x${'91'.repeat(32)}`;

/** The chain of the bench's nodes. `blockTimeMs`: the pace at which they announce blocks. */
export const benchChain = (blockTimeMs = 6000) =>
  polkadot({ id: 'bench', genesisHash, blockTimeMs });

/**
 * Upstreams that die every few seconds, as those of the failover do. Each death in a row makes the pause
 * before the next connection longer, up to half a minute; here it stays short, so that a node is soon
 * back for its next death. What happens when it dies does not depend on that.
 */
export const mortalUpstreams = (urls) =>
  urls.map((url) => ({
    transport: websocket(url, { backoff: { initialMs: 200, maxMs: 400 } }),
  }));
