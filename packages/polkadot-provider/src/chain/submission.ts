import type {
  JsonRpcError,
  RawJson,
  Submissions,
  SubmissionVerdict,
  WatchedItem,
  WatchFormat,
} from '@dshackle/core';
import { readExtrinsic } from './extrinsic.ts';
import { blake2, type HeaderHasher } from './header.ts';
import { isLastStatus, isLastWatchEvent } from './last-items.ts';

/** Methods that submit the extrinsic which is their first param. */
const submits: ReadonlySet<string> = new Set([
  'author_submitExtrinsic',
  'author_submitAndWatchExtrinsic',
  'transactionWatch_v1_submitAndWatch',
]);

/**
 * What codes of the transaction pool say (polkadot-sdk, client/rpc-api/src/author/error.rs). 1017 is
 * not used.
 */
const verdicts: ReadonlyMap<number, SubmissionVerdict> = new Map([
  // Verification error, and unknown validity: it could not be looked at there.
  [1002, 'not taken'],
  [1011, 'not taken'],
  // Invalid: also said, as stale, of one that is included. Banned: also for having been included.
  [1010, 'contestable'],
  [1012, 'contestable'],
  [1013, 'known'],
  // Pool full, unactionable, bad block id, no future transactions, other.
  [1016, 'not taken'],
  [1018, 'not taken'],
  [1020, 'not taken'],
  [1021, 'not taken'],
  [1040, 'not taken'],
]);

/** Codes with which a server, a proxy or a limit speaks, and not the pool. */
const outside: readonly (readonly [from: number, to: number])[] = [
  [-32_099, -32_000],
  [-32_999, -32_800],
  [-32_604, -32_603],
  [0, 999],
];

/** Chopsticks' words for a transaction that its runtime finds invalid; it has no codes. */
const saidInvalid = /\{"(?:invalid|unknown)":/i;

function judge({ code, message }: JsonRpcError): SubmissionVerdict {
  const verdict = verdicts.get(code);
  if (verdict) return verdict;
  if (saidInvalid.test(message)) return 'contestable';
  // What is no word of the pool's says nothing of the transaction.
  return outside.some(([from, to]) => code >= from && code <= to) ? 'not taken' : 'rejected';
}

/** The bodies of `chain_getBlock`, and the list of `author_pendingExtrinsics`. */
function listed(result: RawJson): readonly string[] {
  const value: unknown = JSON.parse(result);
  const list: unknown = Array.isArray(value)
    ? value
    : (value as { readonly block?: { readonly extrinsics?: unknown } } | null)?.block?.extrinsics;
  if (!Array.isArray(list)) throw new Error(`no list of extrinsics: ${result.slice(0, 80)}`);
  return list.map((each) => String(each).toLowerCase());
}

/** `author_extrinsicUpdate`: a status by name, or an object with the name and the block. */
const extrinsicUpdate: WatchFormat = {
  read: (item) => {
    const status: unknown = JSON.parse(item);
    const hash = member(status, 'inBlock');
    if (typeof hash === 'string') return included(hash, undefined);
    const final = member(status, 'finalized');
    if (typeof final === 'string') return finalized(final, undefined);
    if (member(status, 'retracted') !== undefined) return { kind: 'retracted' };
    return isLastStatus(item) ? { kind: 'given up' } : other;
  },
  accepted: () => '"ready"',
  included: (hash) => JSON.stringify({ inBlock: hash }),
  retracted: (hash) => JSON.stringify({ retracted: hash }),
  finalized: (hash) => JSON.stringify({ finalized: hash }),
  dropped: () => '"dropped"',
};

/**
 * `transactionWatch_v1_watchEvent` (JSON-RPC interface specification,
 * "transactionWatch_v1_submitAndWatch").
 */
const watchEvent: WatchFormat = {
  read: (item) => {
    const event: unknown = JSON.parse(item);
    const name = member(event, 'event');
    if (name !== 'bestChainBlockIncluded' && name !== 'finalized') {
      return isLastWatchEvent(item) ? { kind: 'given up' } : other;
    }
    const block = member(event, 'block');
    const [hash, at] = [member(block, 'hash'), member(block, 'index')];
    if (typeof hash !== 'string') return { kind: 'retracted' };
    const index = typeof at === 'number' ? at : undefined;
    return name === 'finalized' ? finalized(hash, index) : included(hash, index);
  },
  accepted: () => '{"event":"validated"}',
  included: (hash, index) => placed('bestChainBlockIncluded', { hash, index }),
  retracted: () => placed('bestChainBlockIncluded', null),
  finalized: (hash, index) => placed('finalized', { hash, index }),
  dropped: (error) => JSON.stringify({ event: 'dropped', error }),
};

const formats: ReadonlyMap<string, WatchFormat> = new Map([
  ['author_submitAndWatchExtrinsic', extrinsicUpdate],
  ['transactionWatch_v1_submitAndWatch', watchEvent],
]);

const other: WatchedItem = { kind: 'other' };

function included(hash: string, index: number | undefined): WatchedItem {
  return { kind: 'included', hash: hash.toLowerCase(), index };
}

function finalized(hash: string, index: number | undefined): WatchedItem {
  return { kind: 'finalized', hash: hash.toLowerCase(), index };
}

function placed(event: string, block: object | null): RawJson {
  return JSON.stringify({ event, block });
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** How extrinsics are submitted and found again. `hasher`: the chain's, of which their hashes are. */
export function substrateSubmissions(hasher: HeaderHasher = blake2): Submissions {
  return {
    read: (method, params) => (submits.has(method) ? readExtrinsic(params[0], hasher) : undefined),
    judge,
    pending: () => ({ method: 'author_pendingExtrinsics', params: '[]' }),
    block: (hash) => ({ method: 'chain_getBlock', params: JSON.stringify([hash]) }),
    listed,
    submit: ({ body }) => ({ method: 'author_submitExtrinsic', params: JSON.stringify([body]) }),
    watch: (method) => formats.get(method),
  };
}
