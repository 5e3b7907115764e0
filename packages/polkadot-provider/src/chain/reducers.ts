import type { RawJson } from '@dshackle/core';

/** What a client of one subscription is to hear of each item; `undefined` for nothing. */
export type Reducer = (item: RawJson) => RawJson | undefined;

/**
 * Passes an item on only when its value differs from the last one. Key order does not count:
 * another node may write the same object in another order.
 */
export function changed(): Reducer {
  let last: string | undefined;
  return (item) => {
    const value = canonical(JSON.parse(item));
    if (value === last) return undefined;
    last = value;
    return item;
  };
}

/** A storage change set, as `state_storage` notifications carry it. */
interface ChangeSet {
  readonly block: string;
  readonly changes: readonly (readonly [key: string, value: string | null])[];
}

/**
 * Passes on only real differences of storage values. A node's first item after every subscribe
 * holds all keys, so after a resume most of it is known already. Only the keys of the very first
 * item are remembered: a node may not fill the table with others.
 */
export function storageDifferences(): Reducer {
  const last = new Map<string, string | null>();
  let isFirst = true;
  return (item) => {
    const { block, changes } = JSON.parse(item) as ChangeSet;
    const news = changes.filter(([key, value]) => last.get(key) !== value);
    for (const [key, value] of news) if (isFirst || last.has(key)) last.set(key, value);
    isFirst = false;
    if (news.length === 0) return undefined;
    return news.length === changes.length ? item : JSON.stringify({ block, changes: news });
  };
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, nested: unknown) =>
    typeof nested === 'object' && nested !== null && !Array.isArray(nested)
      ? Object.fromEntries(Object.entries(nested).sort(([a], [b]) => (a < b ? -1 : 1)))
      : nested,
  );
}
