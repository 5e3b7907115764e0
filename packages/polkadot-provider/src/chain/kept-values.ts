import type { KeptValue } from '@dshackle/core';

/**
 * What makes one runtime another. Nodes of different releases describe the same runtime with more or
 * fewer members, and in another order.
 */
const versionMembers = [
  'specName',
  'implName',
  'authoringVersion',
  'specVersion',
  'implVersion',
  'transactionVersion',
  'apis',
] as const;

/** Keeps the runtime version; news is only another runtime. */
export function keptRuntimeVersion(): KeptValue {
  let runtime: string | undefined;
  let whole: string | undefined;
  return {
    take: (item) => {
      const version: unknown = JSON.parse(item);
      if (typeof version !== 'object' || version === null) throw new Error('no runtime version');
      const is = versionMembers.map((name) => sorted((version as Record<string, unknown>)[name]));
      const text = JSON.stringify(is);
      if (text === runtime) return undefined;
      runtime = text;
      whole = item;
      return item;
    },
    get whole() {
      return whole;
    },
  };
}

/** The list of APIs, whatever its order. */
function sorted(value: unknown): unknown {
  return Array.isArray(value) ? value.map((each) => JSON.stringify(each)).sort() : value;
}

/** A storage change set, as `state_storage` notifications carry it. */
export interface ChangeSet {
  readonly block: string;
  readonly changes: readonly (readonly [key: string, value: string | null])[];
}

/**
 * Keeps the storage values of these keys; news is only what differs. A node's first item after every
 * subscribe holds all keys, so that after a resume most of it is known already.
 */
export function keptStorage(keys: readonly string[]): KeptValue {
  const values = new Map<string, string | null | undefined>(keys.map((key) => [key, undefined]));
  let block: string | undefined;
  let whole: string | undefined;
  return {
    take: (item) => {
      const set = JSON.parse(item) as ChangeSet;
      const news = set.changes.filter(
        ([key, value]) => values.has(key) && values.get(key) !== value,
      );
      for (const [key, value] of news) values.set(key, value);
      block = set.block;
      whole = undefined;
      if (news.length === 0) return undefined;
      return news.length === set.changes.length ? item : JSON.stringify({ block, changes: news });
    },
    get whole() {
      if (block === undefined) return undefined;
      whole ??= JSON.stringify({
        block,
        changes: [...values].map(([key, value]) => [key, value ?? null]),
      });
      return whole;
    },
  };
}
