import {
  BalancerError,
  type Block,
  errorReply,
  type Reply,
  type ServiceSubscription,
  Session,
} from '@dshackle/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../testing/fake-host.ts';
import { EthereumService } from './ethereum-service.ts';

interface Query {
  readonly blockHash?: string;
  readonly fromBlock?: string;
  readonly toBlock?: string;
}

let host: FakeHost;
let service: EthereumService;
/** b1 is the best when subscriptions begin. */
let b1: Block;

const logOf = (blockHash: string, data: string): object => ({ blockHash, data, removed: false });
const result = (value: unknown): Reply => ({ kind: 'result', result: JSON.stringify(value) });

/** Each block has one log, whose data is the block's hash. */
function oneLogEach(_method: string, [query]: readonly unknown[]): Reply {
  const { blockHash, fromBlock, toBlock } = query as Query;
  if (blockHash) return result([logOf(blockHash, blockHash)]);
  return result([logOf('0x', `${fromBlock} to ${toBlock}`)]);
}

function listen(filter?: unknown, client?: Session) {
  const heard: string[] = [];
  const ended: BalancerError[] = [];
  const accepted = service.subscribe(
    {
      method: 'eth_subscribe',
      params: ['logs', filter],
      client,
      signal: undefined,
      id: 'id',
    },
    {
      onItem: (item) => {
        const { data, removed } = JSON.parse(item) as { data: string; removed: boolean };
        heard.push(`${removed ? '-' : '+'}${data}`);
      },
      onDone: () => heard.push('done'),
      onEnd: (error) => ended.push(error),
    },
  );
  if ('kind' in accepted) throw accepted.error;
  const subscription: ServiceSubscription = accepted;
  subscription.start();
  return { heard, ended, close: () => subscription.close() };
}

beforeEach(() => {
  host = new FakeHost();
  host.answer = oneLogEach;
  b1 = host.add('b1');
  host.best = b1;
  service = new EthereumService(host);
});

describe('a subscription to logs', () => {
  it('asks once for all who want the same, in whatever spelling', async () => {
    const address = `0x${'aB'.repeat(20)}`;
    const one = listen({ address });
    const other = listen({ address: [address.toLowerCase()], topics: [] });
    const b2 = host.add('b2', b1);
    await host.show(b2);
    expect(one.heard).toEqual([`+${b2.hash}`]);
    expect(other.heard).toEqual(one.heard);
    expect(host.calls).toEqual([
      {
        method: 'eth_getLogs',
        params: [{ address: [address.toLowerCase()], blockHash: b2.hash }],
      },
    ]);
  });

  it('asks nobody for blocks whose bloom rules its logs out', async () => {
    const { heard } = listen();
    const b2 = host.add('b2', b1);
    const b3 = host.add('b3', b2, '00');
    await host.show(b3);
    expect(heard).toEqual([`+${b2.hash}`]);
    // On a chain where all are empty that means nothing.
    const empty = new FakeHost();
    empty.answer = oneLogEach;
    const a1 = empty.add('a1');
    empty.best = a1;
    service = new EthereumService(empty);
    const second = listen();
    const a2 = empty.add('a2', a1, '00');
    await empty.show(a2);
    expect(second.heard).toEqual([`+${a2.hash}`]);
  });

  it('takes back what it told from what it kept, and nothing that it did not tell', async () => {
    const { heard, ended } = listen();
    const b2 = host.add('b2', b1);
    await host.show(b2);
    host.answer = (method, params) => {
      const [{ blockHash }] = params as [Query];
      // Taken back: nobody has them.
      if (blockHash === b1.hash || blockHash === b2.hash) {
        return errorReply({ code: -32_000, message: 'unknown block' });
      }
      return oneLogEach(method, params);
    };
    const root = host.add('root');
    // Forks that begin below the first block: its logs were never told.
    Object.assign(root, { number: 0, hash: host.genesisHash });
    const c1 = host.add('c1');
    const known = new Map([[host.genesisHash, root]]);
    host.block = (
      (block) => (hash: string) =>
        known.get(hash) ?? block.call(host, hash)
    )(host.block);
    const c2 = host.add('c2', c1);
    await host.show(c2);
    expect(heard).toEqual([`+${b2.hash}`, `-${b2.hash}`, `+${c1.hash}`, `+${c2.hash}`]);
    expect(ended).toEqual([]);
  });

  it('takes nothing back when best only steps back', async () => {
    const { heard } = listen();
    const b2 = host.add('b2', b1);
    const b3 = host.add('b3', b2);
    await host.show(b3);
    await host.show(b1);
    expect(heard).toEqual([`+${b2.hash}`, `+${b3.hash}`]);
    await host.show(b2);
    await host.show(b3);
    const b4 = host.add('b4', b3);
    await host.show(b4);
    expect(heard).toEqual([`+${b2.hash}`, `+${b3.hash}`, `+${b4.hash}`]);
    await host.show(b2);
    const c3 = host.add('c3', b2);
    await host.show(c3);
    expect(heard.slice(3)).toEqual([`-${b4.hash}`, `-${b3.hash}`, `+${c3.hash}`]);
  });

  it('leaves out what was taken back before it was told', async () => {
    const { heard } = listen();
    const b2 = host.add('b2', b1);
    const c2 = host.add('c2', b1);
    let release: (reply: Reply) => void = () => {};
    host.answer = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    await host.show(b2);
    host.answer = oneLogEach;
    await host.show(c2);
    release(result([logOf(b2.hash, 'late')]));
    await host.clock.advance(0);
    expect(heard).toEqual([`+${c2.hash}`]);
  });

  it('fills a hole in the tree by a range', async () => {
    const { heard } = listen();
    const b2 = host.add('b2', b1);
    const b3 = host.add('b3', b2);
    host.forget(b2);
    await host.show(b3);
    expect(heard).toEqual(['+0x2 to 0x3']);
    const b4 = host.add('b4', b3);
    await host.show(b4);
    expect(heard).toEqual(['+0x2 to 0x3', `+${b4.hash}`]);
  });

  it('waits while nobody can answer', async () => {
    const { heard, ended } = listen();
    host.answer = () => Promise.reject(new BalancerError('no eligible upstream', 'all are gone'));
    const b2 = host.add('b2', b1);
    await host.show(b2);
    await host.clock.advance(600_000);
    expect(heard).toEqual([]);
    host.answer = oneLogEach;
    await host.clock.advance(5000);
    expect(heard).toEqual([`+${b2.hash}`]);
    expect(ended).toEqual([]);
  });

  it.each([
    ['an error', errorReply({ code: -32_000, message: 'boom' })],
    ['logs of another block', result([logOf(`0x${'9'.repeat(64)}`, '')])],
    ['none though there must be some', result([])],
    ['nonsense', result({})],
  ])('ends, rather than leaving a hole, when all answers are %s', async (_, reply) => {
    const { heard, ended } = listen();
    host.answer = () => reply;
    await host.show(host.add('b2', b1));
    await host.clock.advance(20_000);
    expect(ended).toEqual([]);
    await host.clock.advance(60_000);
    expect(ended).toHaveLength(1);
    expect(ended[0]?.message).toMatch('[transport] logs could not be read: ');
    expect(heard).toEqual([]);
    const asked = host.calls.length;
    await host.show(host.add('c2', b1));
    expect(host.calls.length).toBe(asked);
  });

  it('tells its client of no older state afterwards', async () => {
    const session = new Session();
    listen(undefined, session);
    await host.show(host.add('b2', b1));
    expect(session.seen).toBe(2);
  });

  it('says nothing after it was closed, nor after the service was', async () => {
    const one = listen();
    const other = listen();
    let release: (reply: Reply) => void = () => {};
    host.answer = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const b2 = host.add('b2', b1);
    await host.show(b2);
    one.close();
    one.close();
    service.close();
    release(result([logOf(b2.hash, 'late')]));
    await host.clock.advance(0);
    expect([one.heard, other.heard, one.ended, other.ended]).toEqual([[], [], [], []]);
  });
});

describe('a subscription to syncing', () => {
  it('tells when the pool begins to sync, and when that is over', async () => {
    const items: string[] = [];
    const accepted = service.subscribe(
      {
        method: 'eth_subscribe',
        params: ['syncing'],
        client: undefined,
        signal: undefined,
        id: 'id',
      },
      { onItem: (item) => items.push(item), onDone: () => {}, onEnd: () => {} },
    );
    if ('kind' in accepted) throw accepted.error;
    host.answer = () => result(false);
    accepted.start();
    await host.clock.advance(0);
    host.answer = () => result({ currentBlock: '0x1' });
    await host.show(b1);
    await host.show(b1);
    host.answer = () => Promise.reject(new BalancerError('no eligible upstream', 'all are gone'));
    await host.show(b1);
    host.answer = () => result(false);
    await host.show(b1);
    expect(items).toEqual(['{"syncing":true,"status":{"currentBlock":"0x1"}}', 'false']);
    accepted.close();
    host.answer = () => result({});
    await host.show(b1);
    expect(items).toHaveLength(2);
  });
});
