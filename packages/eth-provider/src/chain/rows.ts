import type { BlockNeed, MethodTraits } from '@dshackle/core';
import { needOf } from './block-params.ts';
import { isHash } from './header.ts';
import { toldByItem } from './told-block.ts';

/** What a row of the method table may set beside its kind. */
type Extras = Partial<Omit<MethodTraits, 'kind'>>;

/** A read that names no block: facts of one node, by default believed for no time at all. */
export function read(extras: Extras = {}): MethodTraits {
  return {
    kind: 'read',
    lifetime: 'never',
    idempotent: true,
    nullMeans: 'value',
    strategy: { kind: 'one' },
    ...extras,
  };
}

/** Said of the pool, not of one upstream. */
export function local(): MethodTraits {
  return { ...read(), kind: 'local' };
}

/** Answered by the chain's own service: what it names is kept here, for one client. */
export function service(): MethodTraits {
  return { ...read({ idempotent: false }), kind: 'service' };
}

/** True for the life of the chain. */
export function constant(): MethodTraits {
  return read({ lifetime: 'constant' });
}

/** Speaks of a head that the upstream itself chooses. */
export function ofBest(): MethodTraits {
  return read({ lifetime: 'head', block: () => ({ kind: 'best' }) });
}

/** A read of the state at the block that is the param at this position; the head's when absent. */
export function stateAt(position: number, extras: Extras = {}): MethodTraits {
  return read({
    at: position,
    data: 'state',
    lifetime: 'by-number',
    block: (params) => needOf(params[position]),
    ...extras,
  });
}

/** A read of the block that is the param at this position, by tag or height: the chain has it. */
export function blockAt(position: number, extras: Extras = {}): MethodTraits {
  const row = { data: 'block', nullMeans: 'missing', isAtRequired: true } as const;
  return stateAt(position, { ...row, ...extras });
}

/** A read of the block with the hash that is the param at this position. */
export function blockBy(position: number, extras: Extras = {}): MethodTraits {
  return read({
    data: 'block',
    lifetime: 'by-hash',
    nullMeans: 'missing',
    block: (params) => {
      const hash = params[position];
      return isHash(hash) ? { kind: 'hash', hash: hash.toLowerCase() } : { kind: 'none' };
    },
    ...extras,
  });
}

/** A read of a transaction by its hash: a node that lags or pruned it does not know it. */
export function transaction(extras: Extras = {}): MethodTraits {
  return read({ nullMeans: 'missing', ...extras });
}

/**
 * Logs of one block, by hash, or of a range of heights. The service cuts ranges; to upstreams go its own
 * calls, which this row routes: the highest block must be there.
 */
export function logs(): MethodTraits {
  const row = { data: 'block', nullMeans: 'missing', block: rangeOf, tells: toldByItem } as const;
  return { ...read(row), kind: 'service' };
}

function rangeOf([filter]: readonly unknown[]): BlockNeed {
  if (typeof filter !== 'object' || filter === null) return { kind: 'none' };
  const { blockHash, fromBlock, toBlock } = filter as Readonly<Record<string, unknown>>;
  if (isHash(blockHash)) return { kind: 'hash', hash: blockHash.toLowerCase() };
  const to = needOf(toBlock);
  const from = needOf(fromBlock);
  if (to.kind !== 'number' || from.kind !== 'number') return to;
  if (from.number >= to.number) return to;
  return { ...to, from: from.number, blocks: to.number - from.number + 1 };
}

/** The row of a method that is switched off. */
export function denied(traits: MethodTraits): MethodTraits {
  return { ...traits, kind: 'denied' };
}

/** A submission, sent to this many upstreams at once. */
export function submit(width: number): MethodTraits {
  return {
    kind: 'submit',
    lifetime: 'never',
    idempotent: false,
    nullMeans: 'value',
    strategy: width > 1 ? { kind: 'broadcast', width } : { kind: 'one' },
  };
}
