import type {
  BlockNeed,
  FeedKind,
  MethodTraits,
  RawJson,
  SubscriptionTraits,
} from '@dshackle/core';
import { isHash } from './header.ts';
import { type LastItem, lastEvent } from './last-items.ts';
import { toldOnce } from './told-once.ts';

/** What a row of the method table may set beside its kind. */
type Extras = Partial<Omit<MethodTraits, 'kind'>>;

/** One upstream answers; others take over after a failure. */
const one = { kind: 'one' } as const;

/** A read that names no block: facts of one node, by default believed for no time at all. */
export function read(extras: Extras = {}): MethodTraits {
  return {
    kind: 'read',
    lifetime: 'never',
    idempotent: true,
    nullMeans: 'value',
    strategy: one,
    ...extras,
  };
}

/** Said of the pool, not of one upstream. */
export function local(): MethodTraits {
  return { ...read(), kind: 'local' };
}

/** Does something to one node, or with what that node alone knows: never repeated by itself. */
export function command(): MethodTraits {
  return read({ idempotent: false });
}

/** Answered by the balancer itself for one client, on top of the whole pool. */
export function service(): MethodTraits {
  return { ...read({ idempotent: false }), kind: 'service' };
}

/** A subscription that the balancer serves itself, on top of the whole pool. */
export function served(notification: string, unsubscribe: string): MethodTraits {
  return subscribe({ source: 'service', notification, unsubscribe });
}

/** Answered by way of older methods as long as no upstream lists this one. */
export function emulated(traits: MethodTraits): MethodTraits {
  return { ...traits, emulated: true };
}

/** The row of a method that is switched off. */
export function denied(traits: MethodTraits): MethodTraits {
  return { ...traits, kind: 'denied' };
}

/** A read of the state at the block whose hash is the param at this position; head when absent. */
export function at(position: number, extras: Extras = {}): MethodTraits {
  return read({ at: position, data: 'state', ...atHash(position), ...extras });
}

/**
 * A read of the block itself whose hash is the param at this position; head when absent. Nodes keep
 * every header and, unless told otherwise, every body, so `null` is no answer.
 */
export function block(position: number, extras: Extras = {}): MethodTraits {
  return read({ at: position, nullMeans: 'missing', ...atHash(position), ...extras });
}

/** A read whose block hash cannot be left out: what the caller did not name is not filled in. */
export function atHash(position: number): Pick<MethodTraits, 'block' | 'lifetime'> {
  return { lifetime: 'by-hash', block: (params) => hashNeed(params[position]) };
}

/** What a subscription needs that speaks of the state at one block, or since an earlier one. */
export function stateAt(position: number, since?: number): Extras {
  return {
    data: 'state',
    block: (params) => {
      const [to, from] = [params[position], since === undefined ? undefined : params[since]];
      return isHash(to) && isHash(from) ? { kind: 'range', from, to } : hashNeed(to);
    },
  };
}

/** A read of what lies between two blocks, the second of which may be left out. */
export function between(from: number, to: number): MethodTraits {
  return read({
    at: to,
    since: from,
    data: 'state',
    lifetime: 'by-hash',
    block: (params) => {
      const start = params[from];
      const end = params[to];
      if (!isHash(start)) return { kind: 'none' };
      return isHash(end) ? { kind: 'range', from: start, to: end } : { kind: 'best' };
    },
  });
}

/** A read by block number, or by a list of them; `best` when absent. */
export function byNumber(position: number, extras: Extras = {}): MethodTraits {
  return read({
    lifetime: 'by-number',
    nullMeans: 'missing',
    isMiss: listsNull,
    block: (params) => numberNeed(params[position]),
    ...extras,
  });
}

/** A list of numbers is answered by a list, with `null` where the node has no block. */
function listsNull(result: RawJson): boolean {
  return result.startsWith('[') && result.includes('null');
}

/** True for the life of the chain. */
export function constant(): MethodTraits {
  return read({ lifetime: 'constant' });
}

/** Speaks of a head that the upstream itself chooses. */
export function head(of: 'best' | 'finalized'): MethodTraits {
  return read({ lifetime: 'head', block: () => ({ kind: of }) });
}

/**
 * A submission, sent to this many upstreams at once. Never idempotent: what a second send is
 * answered (1013 already imported, 1010 stale) says nothing until it is read together with the
 * first one's unknown outcome.
 */
export function submit(width: number): MethodTraits {
  return {
    kind: 'submit',
    lifetime: 'never',
    idempotent: false,
    nullMeans: 'value',
    strategy: width > 1 ? { kind: 'broadcast', width } : one,
  };
}

/** A subscription to blocks, served from the pool's head. */
export function headFeed(feed: FeedKind, notification: string, unsubscribe: string): MethodTraits {
  return subscribe({ source: 'head', feed, notification, unsubscribe });
}

/** Says how clients share one upstream subscription, from the params. */
type Share = NonNullable<Extract<SubscriptionTraits, { source: 'upstream' }>['share']>;

/** A subscription to events that clients share; made again elsewhere when its upstream dies. */
export function shared(notification: string, unsubscribe: string, share: Share): MethodTraits {
  return subscribe({ source: 'upstream', resume: 'resubscribe', notification, unsubscribe, share });
}

/** A subscription to a value that clients share, and that can be read where nobody can subscribe. */
export function readable(notification: string, unsubscribe: string, share: Share): MethodTraits {
  const source = { source: 'upstream', resume: 'resubscribe' } as const;
  return subscribe({ ...source, notification, unsubscribe, share, isReadable: true });
}

/** A subscription that does something or counts what it sent: it ends with its upstream. */
export function once(
  notification: string,
  unsubscribe: string,
  isLast?: LastItem,
  extras?: Extras,
): MethodTraits {
  const traits = { source: 'upstream', resume: 'never', notification, unsubscribe } as const;
  return { ...subscribe(isLast ? { ...traits, isLast } : traits), ...extras };
}

/** How long a node may look for the next item of a list: it reads them in key order, from its disk. */
const listQuietMs = 30_000;

/**
 * A subscription that tells a finite list, the same at every upstream that has the block, in events
 * that begin with this name, then `Done` or `Error`. It is begun again elsewhere, each item told once.
 */
export function listing(
  name: string,
  notification: string,
  unsubscribe: string,
  extras: Extras,
): MethodTraits {
  const [done, error] = [`${name}Done`, `${name}Error`];
  const traits = { source: 'upstream', resume: 'resubscribe', notification, unsubscribe } as const;
  const [isLast, reducer] = [lastEvent(done, error), toldOnce(name, error)];
  return { ...subscribe({ ...traits, isLast, reducer, quietMs: listQuietMs }), ...extras };
}

/** Ends a subscription; `ended` is the answer where it is not whether there was one. */
export function unsubscribe(ended?: RawJson): MethodTraits {
  const traits = { ...read({ idempotent: false }), kind: 'unsubscribe' } as const;
  return ended === undefined ? traits : { ...traits, ended };
}

function subscribe(subscription: SubscriptionTraits): MethodTraits {
  return {
    ...read({ idempotent: subscription.source !== 'upstream' || subscription.resume !== 'never' }),
    kind: 'subscribe',
    subscription,
  };
}

function hashNeed(param: unknown): BlockNeed {
  if (param === undefined || param === null) return { kind: 'best' };
  // Anything else is the client's mistake, which any upstream can tell it.
  return isHash(param) ? { kind: 'hash', hash: param.toLowerCase() } : { kind: 'none' };
}

function numberNeed(param: unknown): BlockNeed {
  if (param === undefined || param === null) return { kind: 'best' };
  const asked: readonly unknown[] = Array.isArray(param) ? param : [param];
  let highest = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (const each of asked) {
    // Clients may send anything: neither Number() nor Math.max() can take all of it.
    const number = typeof each === 'number' || typeof each === 'string' ? Number(each) : Number.NaN;
    if (!Number.isSafeInteger(number)) return { kind: 'none' };
    if (number > highest) highest = number;
    if (number < lowest) lowest = number;
  }
  if (asked.length === 0) return { kind: 'none' };
  return lowest === highest
    ? { kind: 'number', number: highest }
    : { kind: 'number', number: highest, from: lowest };
}
