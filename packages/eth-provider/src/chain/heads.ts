import {
  type Block,
  type HeadObserver,
  type HeadSource,
  RpcResponseError,
  type UpstreamClient,
} from '@dshackle/core';
import type { Finality } from './known-chains.ts';
import { UpstreamBlocks, type Verification } from './upstream-blocks.ts';

/** How to follow the head of an Ethereum node. */
export function ethereumHeads(finality: Finality, verification: Verification): HeadSource {
  const known = new WeakMap<UpstreamClient, UpstreamBlocks>();
  const blocksOf = (client: UpstreamClient): UpstreamBlocks => {
    const blocks = known.get(client) ?? new UpstreamBlocks(client, verification);
    known.set(client, blocks);
    return blocks;
  };
  return {
    follow: (client, observer) => follow(client, blocksOf(client), finality, observer),
    poll: async (client) => {
      const blocks = blocksOf(client);
      const best = await latest(blocks);
      return { best, ...(await settled(blocks, finality, best)) };
    },
    fetch: (client, hash) => blocksOf(client).fetch(hash),
  };
}

/**
 * Follows by the subscription to new heads. Nobody tells when blocks become safe or final, so that is
 * read at each new head.
 */
async function follow(
  client: UpstreamClient,
  blocks: UpstreamBlocks,
  finality: Finality,
  observer: HeadObserver,
): Promise<() => void> {
  let over = false;
  let unsubscribe: (() => void) | undefined;
  const stop = (): void => {
    over = true;
    unsubscribe?.();
    unsubscribe = undefined;
  };
  const fail = (reason: unknown): void => {
    if (over) return;
    stop();
    observer.onEnd(reason instanceof Error ? reason.message : String(reason));
  };
  const settle = oneAtATime(async (best: Block) => {
    const { safe, finalized } = await settled(blocks, finality, best);
    if (over) return;
    observer.onFinalized(finalized);
    if (safe) observer.onSafe?.(safe);
  }, fail);
  const take = (best: Block): void => {
    observer.onBlock(best, true);
    settle(best);
  };

  const first = await latest(blocks);
  unsubscribe = await client.subscribe(
    'eth_subscribe',
    '["newHeads"]',
    'eth_unsubscribe',
    (raw) => {
      if (over) return;
      let block: Block;
      try {
        block = blocks.read(raw);
      } catch (error) {
        fail(error);
        return;
      }
      take(block);
    },
    fail,
  );
  // It may have ended while it was starting.
  if (over) stop();
  else take(first);
  return stop;
}

/** Runs for the newest of what it is given; what comes meanwhile replaces what waits. */
function oneAtATime<T>(
  run: (value: T) => Promise<void>,
  onError: (error: unknown) => void,
): (value: T) => void {
  let waiting: { readonly value: T } | undefined;
  let running = false;
  const work = async (): Promise<void> => {
    running = true;
    try {
      for (let next = waiting; next; next = waiting) {
        waiting = undefined;
        await run(next.value);
      }
    } catch (error) {
      onError(error);
    } finally {
      running = false;
    }
  };
  return (value) => {
    waiting = { value };
    if (!running) void work();
  };
}

async function latest(blocks: UpstreamBlocks): Promise<Block> {
  const best = await blocks.named('latest');
  if (!best) throw new Error('has no latest block');
  return best;
}

/** What the node holds for safe and for final; before anything is, block 0. */
async function settled(
  blocks: UpstreamBlocks,
  finality: Finality,
  best: Block,
): Promise<{ readonly finalized: Block; readonly safe?: Block }> {
  if (finality !== 'tag') {
    const finalized = await blocks.named(Math.max(0, best.number - finality.depth));
    if (!finalized) throw new Error(`lacks block ${best.number - finality.depth}`);
    return { finalized };
  }
  const [finalized, safe] = await Promise.all([
    unlessUnknown(blocks.named('finalized')),
    unlessUnknown(blocks.named('safe')),
  ]);
  const settledBlock = finalized ?? (await blocks.named(0));
  if (!settledBlock) throw new Error('has no block 0');
  return safe ? { finalized: settledBlock, safe } : { finalized: settledBlock };
}

/** Nodes answer with an error as long as they know no such block. */
async function unlessUnknown(named: Promise<Block | undefined>): Promise<Block | undefined> {
  try {
    return await named;
  } catch (error) {
    if (error instanceof RpcResponseError) return undefined;
    throw error;
  }
}
