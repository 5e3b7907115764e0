import type { RawJson, SharePlan } from '@dshackle/core';
import { type ChangeSet, keptRuntimeVersion, keptStorage } from './kept-values.ts';

/** Ten blocks are a minute on Polkadot; a look costs one cheap call. */
const quietBlocks = 10;

/** All who follow the runtime version share, under whichever alias. */
export function shareRuntimeVersion(): SharePlan {
  return runtimeVersion;
}

const runtimeVersion: SharePlan = {
  call: { method: 'state_subscribeRuntimeVersion', params: '[]' },
  quietBlocks,
  present: {
    keep: keptRuntimeVersion,
    read: (at) => ({ method: 'state_getRuntimeVersion', params: JSON.stringify(at ? [at] : []) }),
    toItem: (version) => version,
  },
};

const hex = /^0x(?:[0-9a-f]{2})*$/;

/**
 * Those who follow the same keys share, whatever the order, repetitions and case in which they name
 * them. What is no list of keys goes to an upstream as it is.
 */
export function shareStorage([keys]: readonly unknown[]): SharePlan | undefined {
  if (!Array.isArray(keys) || keys.length === 0) return undefined;
  const named = keys.map((key) => (typeof key === 'string' ? key.toLowerCase() : ''));
  if (!named.every((key) => hex.test(key))) return undefined;
  const list = [...new Set(named)].sort();
  return {
    call: { method: 'state_subscribeStorage', params: JSON.stringify([list]) },
    quietBlocks,
    present: {
      keep: () => keptStorage(list),
      read: (at) => ({
        method: 'state_queryStorageAt',
        params: JSON.stringify(at ? [list, at] : [list]),
      }),
      toItem: (read) => {
        const [set] = JSON.parse(read) as readonly ChangeSet[];
        if (set === undefined) throw new Error('state_queryStorageAt gave no values');
        return JSON.stringify(set);
      },
      blockOf: (item) => (JSON.parse(item) as ChangeSet).block,
    },
  };
}

/** One justification or so for each finalized block: every few seconds on Polkadot. */
export function shareGrandpa(): SharePlan {
  return grandpa;
}

const grandpa: SharePlan = {
  call: { method: 'grandpa_subscribeJustifications', params: '[]' },
  quietBlocks: 20,
  fingerprint: roundAndTarget,
};

/**
 * Nodes gather other votes for the same block. A justification is SCALE for the round (8 bytes), the
 * hash of its block (32) and the rest (polkadot-sdk, `GrandpaJustification`).
 */
function roundAndTarget(item: RawJson): string {
  return item.startsWith('"0x') ? item.slice(0, '"0x'.length + 2 * (8 + 32)) : item;
}

/** Justifications of BEEFY are rarer. */
export function shareBeefy(): SharePlan {
  return beefy;
}

const beefy: SharePlan = {
  call: { method: 'beefy_subscribeJustifications', params: '[]' },
  quietBlocks: 100,
  fingerprint: (item) => item,
};

/** What repeats when another node tells it: of the others each item stands for itself. */
const ethereumEvents: readonly unknown[] = ['newHeads', 'logs', 'newPendingTransactions'];

/** Those who subscribe with equal params share; a filter is equal in any order of its members. */
export function shareEthereum(params: readonly unknown[]): SharePlan | undefined {
  const [kind] = params;
  if (typeof kind !== 'string') return undefined;
  const plan = {
    call: { method: 'eth_subscribe', params: canonical(params) },
    // Logs that match a filter may be rare.
    quietBlocks: kind === 'newHeads' ? 20 : 100,
  };
  return ethereumEvents.includes(kind) ? { ...plan, fingerprint: (item) => item } : plan;
}

function canonical(value: unknown): RawJson {
  return JSON.stringify(value, (_, nested: unknown) =>
    typeof nested === 'object' && nested !== null && !Array.isArray(nested)
      ? Object.fromEntries(Object.entries(nested).sort(([a], [b]) => (a < b ? -1 : 1)))
      : nested,
  );
}
