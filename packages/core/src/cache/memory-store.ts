import { LRUCache } from 'lru-cache';
import type { RawJson } from '../json-rpc/message.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import type { Store } from './store.ts';

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * What keys and values may take together, in bytes as UTF-16 text (two for each character).
   * Past it the least recently used leaves first. @default 67_108_864 (64 MiB)
   */
  readonly maxBytes?: number;
  /** @default the real clock */
  readonly clock?: Clock;
}

/** What an entry takes besides its text: roughly, as measured on V8. */
const entryOverheadBytes = 200;

/** Keeps answers in this process's memory, bounded in bytes, the least recently used leaving first. */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const { maxBytes = 64 * 2 ** 20, clock = systemClock } = options;
  const entries = new LRUCache<string, RawJson>({
    maxSize: maxBytes,
    sizeCalculation: (value, key) => 2 * (key.length + value.length) + entryOverheadBytes,
    // Expiry is looked at when a key is read, on the engine's clock; there is no timer. lru-cache
    // takes a start of 0 for "no time to live", so the scale begins at 1.
    perf: { now: () => clock.now() + 1 },
    ttlResolution: 0,
  });
  let closed = false;
  const store: Store = {
    name: 'memory',
    get: async (key) => entries.get(key),
    set: async (key, value, ttlMs) => {
      if (closed) return;
      entries.set(key, value, ttlMs === undefined ? {} : { ttl: ttlMs });
    },
    delete: async (key) => {
      entries.delete(key);
    },
    clear: async () => entries.clear(),
    close: async () => {
      closed = true;
      entries.clear();
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
  return store;
}
