import type { Block, HeadObserver, HeadSource, RawJson, UpstreamClient } from '@dshackle/core';
import { ask, isMethodMissing } from './ask.ts';
import { isHash } from './header.ts';
import type { Identity } from './identity.ts';
import { inOrder } from './in-order.ts';
import { UpstreamHeaders } from './upstream-headers.ts';

/** How to follow the head of a Substrate node. `verify`: compute the hashes of its headers. */
export function substrateHeads(identity: Identity, verify: boolean): HeadSource {
  const known = new WeakMap<UpstreamClient, UpstreamHeaders>();
  const headersOf = (client: UpstreamClient): UpstreamHeaders => {
    const headers = known.get(client) ?? new UpstreamHeaders(client, identity, verify);
    known.set(client, headers);
    return headers;
  };
  return {
    follow: (client, observer) => follow(client, headersOf(client), observer),
    poll: (client) => poll(client, headersOf(client)),
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

async function poll(
  client: UpstreamClient,
  headers: UpstreamHeaders,
): Promise<{ best: Block; finalized: Block }> {
  const [best, finalized] = await Promise.all([
    hashFrom(client, 'chain_getBlockHash').then((hash) => ownBlock(headers, 'best', hash)),
    hashFrom(client, 'chain_getFinalizedHead').then((hash) => ownBlock(headers, 'finalized', hash)),
  ]);
  return { best, finalized };
}

async function hashFrom(client: UpstreamClient, method: string): Promise<string> {
  const raw: RawJson = await ask((...call) => client.request(...call), method);
  const hash: unknown = JSON.parse(raw);
  if (!isHash(hash)) throw new Error(`${method} gave no hash, but ${raw.slice(0, 80)}`);
  return hash.toLowerCase();
}

async function ownBlock(headers: UpstreamHeaders, which: string, hash: string): Promise<Block> {
  const block = await headers.fetch(hash);
  if (block === undefined) throw new Error(`serves another header for its ${which} block ${hash}`);
  return block;
}
