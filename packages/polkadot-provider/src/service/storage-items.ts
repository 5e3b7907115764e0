import { OperationError } from '../chain-head/operations.ts';
import { bytes, ParamError } from './check-params.ts';
import type { StateReader } from './state-reader.ts';

const types = [
  'value',
  'hash',
  'closestDescendantMerkleValue',
  'descendantsValues',
  'descendantsHashes',
] as const;

/** What is asked of one key, as `chainHead_v1_storage` and `archive_v1_storage` have it. */
export interface StorageQuery {
  readonly key: string;
  readonly type: (typeof types)[number];
  /** Where to go on: only keys after this one. Only of descendants, and only in `archive_v1`. */
  readonly after: string | null;
}

/** One item of an answer. */
export interface StorageItem {
  readonly key: string;
  readonly value?: string;
  readonly hash?: string;
  readonly closestDescendantMerkleValue?: string;
}

/** Keys that are read and told at once: a few hundred kilobytes of usual values. */
const pageSize = 256;
/** The same of values that no upstream gives together, as they may be too big for that. */
const chunkSize = 32;

/**
 * Reads the items of a storage call.
 * @throws ParamError when they are not what the interface specification says
 */
export function storageQueries(given: unknown): readonly StorageQuery[] {
  if (!Array.isArray(given)) throw new ParamError('items must be a list');
  return given.map((item: unknown) => {
    const { key, type, paginationStartKey } = (item ?? {}) as Record<string, unknown>;
    const known = types.find((each) => each === type);
    if (known === undefined) throw new ParamError(`an item's type must be one of ${types.join()}`);
    const after =
      paginationStartKey === undefined || paginationStartKey === null
        ? null
        : bytes('paginationStartKey', paginationStartKey);
    return { key: bytes("an item's key", key), type: known, after };
  });
}

/** Where items are read. */
export interface StoragePlace {
  /** The block's hash. */
  readonly at: string;
  /** Key of a child trie of the default namespace; `null` for the main one. */
  readonly child: string | null;
  readonly signal: AbortSignal;
}

/**
 * Reads what is asked of one key, page by page.
 *
 * @throws OperationError when it cannot be had
 */
export async function* storageItems(
  reader: StateReader,
  { at, child, signal }: StoragePlace,
  { key, type, after }: StorageQuery,
): AsyncGenerator<readonly StorageItem[]> {
  switch (type) {
    case 'value': {
      const value = await reader.value(at, child, key, signal);
      if (value !== null) yield [{ key, value }];
      return;
    }
    case 'hash': {
      const hash = await reader.valueHash(at, child, key, signal);
      if (hash !== null) yield [{ key, hash }];
      return;
    }
    case 'closestDescendantMerkleValue': {
      const closestDescendantMerkleValue = await reader.merkleValue(at, child, key, signal);
      if (closestDescendantMerkleValue !== null) yield [{ key, closestDescendantMerkleValue }];
      return;
    }
    default: {
      let last = after;
      for (;;) {
        const keys = await reader.keys(at, child, key, pageSize, last, signal);
        if (keys.length > 0) yield* descendants(reader, { at, child, signal }, type, keys);
        const end = keys.at(-1);
        if (keys.length < pageSize || end === undefined) return;
        // A node that repeats a page would be asked for ever.
        if (end === last) throw new OperationError('the keys of the state do not go on', true);
        last = end;
      }
    }
  }
}

/** What these keys hold: of a whole page together where an upstream gives it, else a few at a time. */
async function* descendants(
  reader: StateReader,
  { at, child, signal }: StoragePlace,
  type: StorageQuery['type'],
  keys: readonly string[],
): AsyncGenerator<readonly StorageItem[]> {
  if (type === 'descendantsHashes') {
    const hashes = await reader.hashes(at, child, keys, signal);
    yield hashes.map(([key, hash]) => ({ key, hash }));
    return;
  }
  const together = await reader.valuesTogether(at, child, keys, signal);
  if (together) {
    yield together.map(([key, value]) => ({ key, value }));
    return;
  }
  for (let from = 0; from < keys.length; from += chunkSize) {
    const chunk = keys.slice(from, from + chunkSize);
    const values = await reader.values(at, child, chunk, signal);
    yield values.map(([key, value]) => ({ key, value }));
  }
}
