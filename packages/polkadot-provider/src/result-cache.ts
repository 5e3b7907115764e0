import { LRUCache } from 'lru-cache';

/** Options of {@link ResultCache}. */
export interface ResultCacheOptions {
  /** Results kept at most; 0 keeps none. */
  readonly capacity: number;
  /** Bytes of JSON that the kept results came from, at most. */
  readonly maxBytes: number;
  /** How long a result is kept, in milliseconds; `null` for as long as there is room. */
  readonly ttlMs: number | null;
}

/** A parsed result and the length of the JSON that it came from. */
export interface LoadedResult {
  readonly value: unknown;
  readonly bytes: number;
}

/**
 * Results of reads that name their block, the least recently used leaving first. Calls for the
 * same result share one load while it is under way; a load that failed leaves nothing behind, and
 * neither does `null`, which may only mean that the node did not have the block yet.
 */
export class ResultCache {
  readonly #results: LRUCache<string, LoadedResult> | undefined;
  readonly #loading = new Map<string, Promise<LoadedResult>>();

  constructor({ capacity, maxBytes, ttlMs }: ResultCacheOptions) {
    if (capacity <= 0) return;
    this.#results = new LRUCache<string, LoadedResult>({
      max: capacity,
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }) => bytes + 1,
      ...(ttlMs === null ? {} : { ttl: ttlMs }),
    });
  }

  /** The result kept or under way for this key; `undefined` when there is none. */
  get(key: string): LoadedResult | Promise<LoadedResult> | undefined {
    return this.#results?.get(key) ?? this.#loading.get(key);
  }

  /** Loads a result that `get` did not have, for this call and those that come meanwhile. */
  async load(key: string, load: () => Promise<LoadedResult>): Promise<LoadedResult> {
    if (this.#results === undefined) return load();
    const loading = load();
    this.#loading.set(key, loading);
    try {
      const loaded = await loading;
      if (loaded.value !== null) this.#results.set(key, loaded);
      return loaded;
    } finally {
      this.#loading.delete(key);
    }
  }
}
