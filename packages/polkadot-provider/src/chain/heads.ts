import type { Block, HeadObserver, HeadSource, RawJson, UpstreamClient } from '@dshackle/core';
import { ask, isMethodMissing } from './ask.ts';
import { type HeaderHasher, isHash } from './header.ts';
import type { Identity } from './identity.ts';
import { inOrder } from './in-order.ts';
import { UpstreamHeaders } from './upstream-headers.ts';

/** How to follow the head of a Substrate node. For `hashers` see {@link UpstreamHeaders}. */
export function substrateHeads(
  identity: Identity,
  hashers: HeaderHasher | readonly HeaderHasher[],
): HeadSource {
  const known = new WeakMap<UpstreamClient, UpstreamHeaders>();
  const headersOf = (client: UpstreamClient): UpstreamHeaders => {
    const headers = known.get(client) ?? new UpstreamHeaders(client, identity, hashers);
    known.set(client, headers);
    return headers;
  };
  const last = new WeakMap<UpstreamClient, Polled>();
  return {
    follow: (client, observer) => follow(client, headersOf(client), observer),
    poll: async (client) => {
      const polled = await poll(client, headersOf(client), last.get(client));
      last.set(client, polled);
      return polled;
    },
    fetch: (client, hash) => headersOf(client).fetch(hash),
  };
}

/**
 * Follows by three subscriptions: all blocks for the tree, new heads for which one is best, and
 * finalized heads. A node without the first still tells its best chain.
 */
async function follow(
  client: UpstreamClient,
  headers: UpstreamHeaders,
  observer: HeadObserver,
): Promise<() => void> {
  const ends: (() => void)[] = [];
  let over = false;
  const stop = (): void => {
    over = true;
    for (const end of ends.splice(0)) end();
  };
  const fail = (reason: string): void => {
    if (over) return;
    stop();
    observer.onEnd(reason);
  };
  const take = inOrder(headers, fail);
  const subscribe = async (what: string, deliver: (block: Block) => void): Promise<void> => {
    const end = await client.subscribe(
      `chain_subscribe${what}`,
      '[]',
      `chain_unsubscribe${what}`,
      (raw) => take(raw, (block) => over || deliver(block)),
      fail,
    );
    // It may have ended while this one was starting.
    if (over) end();
    else ends.push(end);
  };

  // Calibrates the hashes, so that headers need no further calls.
  await headers.fetch(await hashFrom(client, 'chain_getBlockHash'));
  try {
    await subscribe('AllHeads', (block) => observer.onBlock(block, false)).catch((error) => {
      if (!isMethodMissing(error)) throw error;
    });
    await subscribe('NewHeads', (block) => observer.onBlock(block, true));
    await subscribe('FinalizedHeads', (block) => observer.onFinalized(block));
  } catch (error) {
    stop();
    throw error;
  }
  return stop;
}

/** What one poll read. */
interface Polled {
  readonly best: Block;
  readonly finalized: Block;
}

/** Reads the two hashes, and their headers only when they are not those of the last poll. */
async function poll(
  client: UpstreamClient,
  headers: UpstreamHeaders,
  last: Polled | undefined,
): Promise<Polled> {
  const blockOf = async (which: keyof Polled, method: string): Promise<Block> => {
    const hash = await hashFrom(client, method);
    if (hash === last?.[which].hash) return last[which];
    const block = await headers.fetch(hash);
    if (block === undefined)
      throw new Error(`serves another header for its ${which} block ${hash}`);
    return block;
  };
  const [best, finalized] = await Promise.all([
    blockOf('best', 'chain_getBlockHash'),
    blockOf('finalized', 'chain_getFinalizedHead'),
  ]);
  return { best, finalized };
}

async function hashFrom(client: UpstreamClient, method: string): Promise<string> {
  const raw: RawJson = await ask((...call) => client.request(...call), method);
  const hash: unknown = JSON.parse(raw);
  if (!isHash(hash)) throw new Error(`${method} gave no hash, but ${raw.slice(0, 80)}`);
  return hash.toLowerCase();
}
