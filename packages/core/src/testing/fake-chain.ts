import type {
  Block,
  Chain,
  ChainView,
  KeptValue,
  MethodTraits,
  Submissions,
  SubmissionVerdict,
  SubscriptionTraits,
  WatchFormat,
} from '../chain/chain.ts';
import type { RawJson } from '../json-rpc/message.ts';
import { fakeTransactionId } from './fake-node.ts';

/** Options of {@link fakeChain}. */
export interface FakeChainOptions {
  /** Hash that block 0 must have. @default '0x0-a', as of `new FakeLedger()` */
  readonly genesisHash?: string;
  /** @default 6000 */
  readonly blockTimeMs?: number;
}

const read: MethodTraits = {
  kind: 'read',
  lifetime: 'never',
  idempotent: true,
  nullMeans: 'value',
  strategy: { kind: 'one' },
};

const unknown: MethodTraits = { ...read, idempotent: false };

function subscription(traits: SubscriptionTraits): MethodTraits {
  return { ...read, kind: 'subscribe', subscription: traits };
}

/** The fake chain's methods: one for each sort of traits. */
const methods: Readonly<Record<string, MethodTraits>> = {
  /** `[key, hash?]`: the value of a key at a block. */
  get: {
    ...read,
    lifetime: 'by-hash',
    at: 1,
    data: 'state',
    block: ([, hash]) => (typeof hash === 'string' ? { kind: 'hash', hash } : { kind: 'best' }),
  },
  /** `[hash]`: a block's body; null when the node does not have it. */
  body: {
    ...read,
    nullMeans: 'missing',
    lifetime: 'by-hash',
    data: 'block',
    block: ([hash]) => ({ kind: 'hash', hash: String(hash) }),
  },
  /** `[key, from, to?]`: the values of a key between two blocks, by hash. */
  history: {
    ...read,
    data: 'state',
    since: 1,
    at: 2,
    block: ([, from, to]) => ({ kind: 'range', from: String(from), to: String(to) }),
  },
  /** `[key, from, to]`: the same by height. */
  history_of: {
    ...read,
    data: 'state',
    block: ([, from, to]) => ({ kind: 'number', number: Number(to), from: Number(from) }),
  },
  /** `[number]`: the hash of a block by height; null when the node does not have it. */
  hash_of: {
    ...read,
    nullMeans: 'missing',
    lifetime: 'by-number',
    block: ([number]) => ({ kind: 'number', number: Number(number) }),
  },
  /** `[hash]`: a header; null when the node does not have it. */
  header: {
    ...read,
    nullMeans: 'missing',
    lifetime: 'by-hash',
    block: ([hash]) => ({ kind: 'hash', hash: String(hash) }),
  },
  constant: { ...read, lifetime: 'constant' },
  /** Answered from the pool's own view. */
  best_hash: { ...read, lifetime: 'head', block: () => ({ kind: 'best' }) },
  /** Any fact of one node. */
  local: read,
  /** The methods that the pool serves. */
  pool_methods: { ...read, kind: 'local' },
  /** Health of each upstream, as the pool sees it. */
  pool_health: { ...read, kind: 'local' },
  submit: { ...read, kind: 'submit', idempotent: false },
  spread: { ...read, kind: 'submit', idempotent: false, strategy: { kind: 'broadcast', width: 3 } },
  /** `[account?]`: the next nonce of an account. */
  nonce: {
    ...read,
    strategy: { kind: 'maximum', width: 3 },
    nonceOf: ([account]) => (typeof account === 'string' ? account : undefined),
  },
  /** `[transaction]`: `account/nonce`, or `account/nonce/last height`. */
  send: { ...read, kind: 'submit', idempotent: false, strategy: { kind: 'broadcast', width: 3 } },
  /** The transactions in one node's pool. */
  pending: read,
  /** `[hash]`: the transactions of a block. */
  transactions: {
    ...read,
    nullMeans: 'missing',
    lifetime: 'by-hash',
    block: ([hash]) => ({ kind: 'hash', hash: String(hash) }),
  },
  forbidden: { ...read, kind: 'denied' },
  follow_best: subscription({
    source: 'head',
    feed: 'best',
    notification: 'best_block',
    unsubscribe: 'unfollow',
  }),
  follow_finalized: subscription({
    source: 'head',
    feed: 'finalized',
    notification: 'finalized_block',
    unsubscribe: 'unfollow',
  }),
  follow_all: subscription({
    source: 'head',
    feed: 'all',
    notification: 'any_block',
    unsubscribe: 'unfollow',
  }),
  watch_value: subscription({
    source: 'upstream',
    resume: 'resubscribe',
    notification: 'value',
    unsubscribe: 'unwatch',
    reducer: () => {
      let last: RawJson | undefined;
      return (item) => {
        if (item === last) return undefined;
        last = item;
        return item;
      };
    },
  }),
  /** `[keys]`: the values of keys at the best block, all at first, then what changes; shared. */
  watch_values: subscription({
    source: 'upstream',
    resume: 'resubscribe',
    notification: 'values',
    unsubscribe: 'unwatch',
    isReadable: true,
    share: ([keys]) => {
      if (!Array.isArray(keys)) return undefined;
      const params = [[...new Set(keys)].sort()];
      return {
        call: { method: 'watch_values', params: JSON.stringify(params) },
        quietBlocks: 10,
        present: {
          keep: keepValues,
          read: (at) => ({
            method: 'values_at',
            params: JSON.stringify(at ? [...params, at] : params),
          }),
          toItem: (read) => read,
          blockOf: (item) => (JSON.parse(item) as ValuesItem).block,
        },
      };
    },
  }),
  /** `[keys, hash?]`: what {@link FakeLedger} says of keys at a block, as an item of the above. */
  values_at: {
    ...read,
    lifetime: 'by-hash',
    at: 1,
    data: 'state',
    block: ([, hash]) => (typeof hash === 'string' ? { kind: 'hash', hash } : { kind: 'best' }),
  },
  /** Events, shared; the same text is the same event. */
  watch_events: subscription({
    source: 'upstream',
    resume: 'resubscribe',
    notification: 'event',
    unsubscribe: 'unwatch',
    share: () => ({
      call: { method: 'watch_events', params: '[]' },
      quietBlocks: 10,
      fingerprint: (item) => item,
    }),
  }),
  /** `[hash]`: something of a block's state, bit by bit. */
  watch_at: {
    ...subscription({
      source: 'upstream',
      resume: 'resubscribe',
      notification: 'bit',
      unsubscribe: 'unwatch',
    }),
    data: 'state',
    block: ([hash]) => ({ kind: 'hash', hash: String(hash) }),
  },
  submit_and_watch: subscription({
    source: 'upstream',
    resume: 'never',
    notification: 'status',
    unsubscribe: 'unwatch',
    isLast: (item) => item === '"done"',
  }),
  /** `[transaction]`, as `send`. */
  send_and_watch: subscription({
    source: 'upstream',
    resume: 'never',
    notification: 'status',
    unsubscribe: 'unwatch',
    isLast: (item) => /^"(?:final|dropped)/.test(item),
  }),
};

const verdicts: Readonly<Record<number, SubmissionVerdict>> = {
  409: 'known',
  410: 'contestable',
  422: 'rejected',
};

/** Items are `"ready"`, `"in <hash>"`, `"out of <hash>"`, `"final in <hash>"` and `"dropped"`. */
const watchFormat: WatchFormat = {
  read: (item) => {
    const [word, hash, last] = (JSON.parse(item) as string).split(' ');
    if (word === 'in' && hash) return { kind: 'included', hash, index: undefined };
    if (word === 'final' && last) return { kind: 'finalized', hash: last, index: undefined };
    if (word === 'dropped') return { kind: 'given up' };
    return { kind: word === 'out' ? 'retracted' : 'other' };
  },
  accepted: () => '"ready"',
  included: (hash) => `"in ${hash}"`,
  retracted: (hash) => `"out of ${hash}"`,
  finalized: (hash) => `"final in ${hash}"`,
  dropped: () => '"dropped"',
};

const submissions: Submissions = {
  read: (method, [transaction]) => {
    if (method !== 'send' && method !== 'send_and_watch') return undefined;
    const [account, nonce, last] = String(transaction).split('/');
    if (!account || !nonce) return undefined;
    const id = fakeTransactionId(String(transaction));
    const read = { id, body: String(transaction), sender: { account, nonce: Number(nonce) } };
    return last === undefined ? read : { ...read, lastHeight: () => Number(last) };
  },
  judge: ({ code }) => verdicts[code] ?? 'not taken',
  pending: () => ({ method: 'pending', params: '[]' }),
  block: (hash) => ({ method: 'transactions', params: JSON.stringify([hash]) }),
  listed: (result) => {
    const list: unknown = JSON.parse(result);
    if (!Array.isArray(list)) throw new Error(`no list: ${result}`);
    return list;
  },
  submit: ({ body }) => ({ method: 'send', params: JSON.stringify([body]) }),
  watch: (method) => (method === 'send_and_watch' ? watchFormat : undefined),
};

/** An item of `watch_values`. */
interface ValuesItem {
  readonly block: string;
  readonly values: Readonly<Record<string, unknown>>;
}

function keepValues(): KeptValue {
  let block: string | undefined;
  const known: Record<string, unknown> = {};
  return {
    take: (raw) => {
      const item = JSON.parse(raw) as ValuesItem;
      const news = Object.entries(item.values).filter(
        ([key, value]) => !(key in known) || known[key] !== value,
      );
      block = item.block;
      Object.assign(known, item.values);
      return news.length > 0
        ? JSON.stringify({ block, values: Object.fromEntries(news) })
        : undefined;
    },
    get whole() {
      return block && JSON.stringify({ block, values: known });
    },
  };
}

/** A chain for tests: what `FakeNode`s speak. */
export function fakeChain(options: FakeChainOptions = {}): Chain {
  const genesisHash = options.genesisHash ?? '0x0-a';
  return {
    id: 'fake',
    family: 'fake',
    blockTimeMs: options.blockTimeMs ?? 6000,
    traits: (method, allowed = false) =>
      method === 'forbidden' && allowed ? read : (methods[method] ?? unknown),
    positional: (_method, params) =>
      Array.isArray(params) ? params : Object.values(params as Record<string, unknown>),
    answer,
    identify: async (request) => {
      const reply = await request('hash_of', '[0]');
      const found = reply.kind === 'result' ? JSON.parse(reply.result) : reply.error.message;
      if (found !== genesisHash) {
        throw new Error(`wrong chain: expected genesis ${genesisHash}, found ${found}`);
      }
      return genesisHash;
    },
    heads: {
      follow: async (client, observer) => {
        const stops = await Promise.all([
          client.subscribe(
            'heads',
            '[]',
            'unheads',
            (item) => {
              const { block, best } = JSON.parse(item) as { block: Block; best: boolean };
              observer.onBlock(withHeader(block), best);
            },
            observer.onEnd,
          ),
          client.subscribe(
            'finalized_heads',
            '[]',
            'unheads',
            (item) => observer.onFinalized(withHeader(JSON.parse(item) as Block)),
            observer.onEnd,
          ),
        ]);
        return () => {
          for (const stop of stops) stop();
        };
      },
      poll: async (client) => {
        const reply = await client.request('heads_now', '[]');
        if (reply.kind === 'error') throw new Error(reply.error.message);
        const { best, finalized } = JSON.parse(reply.result) as { best: Block; finalized: Block };
        return { best: withHeader(best), finalized: withHeader(finalized) };
      },
      fetch: async (client, hash) => {
        const reply = await client.request('header', JSON.stringify([hash]));
        if (reply.kind === 'error' || reply.result === 'null') return undefined;
        return withHeader(JSON.parse(reply.result) as Block);
      },
    },
    probes: {
      health: async (client) => {
        const reply = await client.request('health', '[]');
        if (reply.kind === 'error') throw new Error(reply.error.message);
        return JSON.parse(reply.result);
      },
      methods: async (client) => {
        const reply = await client.request('methods', '[]');
        return reply.kind === 'error' || reply.result === 'null'
          ? undefined
          : new Set(JSON.parse(reply.result) as string[]);
      },
      keeps: async (client, data, height) => {
        const reply = await client.request('keeps', JSON.stringify([data, height]));
        if (reply.kind === 'error') throw new Error(reply.error.message);
        return reply.result === 'true';
      },
    },
    submissions,
    judge: (_method, { code, message }) => {
      if (code === 503) return { action: 'missing', reason: message };
      if (code === 404) return { action: 'missing', reason: message, lacksBlock: true };
      if (code === 429) return { action: 'cool down', reason: message };
      if (code === 500) return { action: 'failure', reason: message };
      if (code === 501) return { action: 'failure', reason: message, isDoubtful: true };
      return { action: 'return' };
    },
  };
}

function answer(method: string, _params: readonly unknown[], view: ChainView): RawJson | undefined {
  switch (method) {
    case 'best_hash':
      return view.best && JSON.stringify(view.best.hash);
    case 'pool_methods': {
      const names = view.methods();
      return names && JSON.stringify([...names].sort());
    }
    case 'pool_health': {
      const health = view.health();
      return health.length === 0 ? undefined : JSON.stringify(health);
    }
    default:
      return undefined;
  }
}

function withHeader({ number, hash, parentHash }: Omit<Block, 'header'>): Block {
  return { number, hash, parentHash, header: JSON.stringify({ number, hash, parentHash }) };
}
