import type { RawJson } from '@dshackle/core';
import { blake2AsU8a } from '@polkadot/util-crypto/blake2';

/** Items of one subscription whose fingerprints are kept; a few megabytes at most. */
const maxTold = 65_536;

/** One item of `archive_v1_storage` or `archive_v1_storageDiff`. */
interface StorageEvent {
  readonly event: string;
  readonly key?: string;
  readonly childTrieKey?: string;
  readonly type?: string;
  readonly value?: string;
  readonly hash?: string;
  readonly closestDescendantMerkleValue?: string;
}

/** What goes on where the other upstream tells everything from the start. */
export type ToldOnce = (item: RawJson) => RawJson | undefined;

/**
 * For subscriptions that tell a finite list of items, the same at whichever upstream: each is told
 * once, though another upstream began from the start when the first one died. Upstreams may tell them
 * in another order. One that a single upstream tells twice is told once, too, which the interface
 * specification allows ("can choose whether to merge").
 *
 * Items beyond the first `limit` cannot be told apart from repetitions. They are told as they come; if
 * they begin again from the start then, an error event is the end of it.
 *
 * @param item name of the items' events
 * @param error name of the event that ends it with an error
 */
export function toldOnce(item: string, error: string, limit = maxTold): () => ToldOnce {
  return () => {
    const told = new Set<number>();
    let isOver = false;
    return (raw) => {
      if (isOver) return undefined;
      const event = JSON.parse(raw) as StorageEvent;
      if (event.event !== item) return raw;
      const print = fingerprint(event);
      if (told.has(print)) {
        if (told.size < limit) return undefined;
        isOver = true;
        const message = `interrupted after more than ${limit} items: ask for less at a time`;
        return JSON.stringify({ event: error, error: message });
      }
      if (told.size < limit) told.add(print);
      return raw;
    };
  };
}

/** 48 bits of a cryptographic hash: nobody's state can be made to look like what was told. */
function fingerprint(event: StorageEvent): number {
  const { key, childTrieKey, type, value, hash, closestDescendantMerkleValue } = event;
  const parts = [key, childTrieKey, type, value, hash, closestDescendantMerkleValue];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = blake2AsU8a(JSON.stringify(parts), 64);
  return ((a << 16) | (b << 8) | c) * 2 ** 24 + ((d << 16) | (e << 8) | f);
}
