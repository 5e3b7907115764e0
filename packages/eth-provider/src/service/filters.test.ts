import {
  BalancerError,
  type Block,
  errorReply,
  type Reply,
  Session,
  type SubscriberHandlers,
} from '@dshackle/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../testing/fake-host.ts';
import { EthereumService } from './ethereum-service.ts';

let host: FakeHost;
let service: EthereumService;
let b1: Block;

const notFound = { code: -32_000, message: 'filter not found' };

/** Each block has one log. */
function oneLogEach(_method: string, [query]: readonly unknown[]): Reply {
  const { blockHash } = query as { blockHash?: string };
  const log = { blockHash, data: blockHash, removed: false };
  return { kind: 'result', result: JSON.stringify(blockHash ? [log] : ['range']) };
}

/** The result, or the error. */
async function call(method: string, params: readonly unknown[], client?: Session) {
  const reply = await service.call({ method, params, client, signal: undefined });
  return reply.kind === 'result' ? JSON.parse(reply.result) : reply.error;
}

async function logChanges(id: string): Promise<unknown> {
  const logs = await call('eth_getFilterChanges', [id]);
  if (!Array.isArray(logs)) return logs;
  return logs.map(({ data, removed }) => `${removed ? '-' : '+'}${data}`);
}

beforeEach(() => {
  host = new FakeHost();
  host.answer = oneLogEach;
  b1 = host.add('b1');
  host.best = b1;
  service = new EthereumService(host);
});

describe('a filter of logs', () => {
  it('tells what came and what was taken back since it was asked', async () => {
    const id = await call('eth_newFilter', [{}]);
    expect(id).toMatch(/^0x[0-9a-f]{32}$/);
    expect(await logChanges(id)).toEqual([]);
    const b2 = host.add('b2', b1);
    const b3 = host.add('b3', b2);
    await host.show(b3);
    expect(await logChanges(id)).toEqual([`+${b2.hash}`, `+${b3.hash}`]);
    expect(await logChanges(id)).toEqual([]);
    const c3 = host.add('c3', b2);
    await host.show(c3);
    expect(await logChanges(id)).toEqual([`-${b3.hash}`, `+${c3.hash}`]);
  });

  it('takes nothing back when best only steps back', async () => {
    const id = await call('eth_newFilter', [{}]);
    const blocks = await call('eth_newBlockFilter', []);
    const b2 = host.add('b2', b1);
    await host.show(b2);
    await logChanges(id);
    await call('eth_getFilterChanges', [blocks]);
    await host.show(b1);
    expect(await logChanges(id)).toEqual([]);
    expect(await call('eth_getFilterChanges', [blocks])).toEqual([]);
    const b3 = host.add('b3', b2);
    await host.show(b3);
    expect(await logChanges(id)).toEqual([`+${b3.hash}`]);
    expect(await call('eth_getFilterChanges', [blocks])).toEqual([b3.hash]);
  });

  it('tells all the next time when it could not be answered', async () => {
    const id = await call('eth_newFilter', [{}]);
    const b2 = host.add('b2', b1);
    await host.show(b2);
    host.answer = () => Promise.reject(new BalancerError('no eligible upstream', 'gone'));
    await expect(logChanges(id)).rejects.toThrow('gone');
    host.answer = oneLogEach;
    expect(await logChanges(id)).toEqual([`+${b2.hash}`]);
  });

  it('asks again where the node changes over to another block meanwhile', async () => {
    const id = await call('eth_newFilter', [{}]);
    const b2 = host.add('b2', b1);
    await host.show(b2);
    host.answer = (...asked) => {
      host.answer = oneLogEach;
      return asked[0] === 'eth_getLogs'
        ? { kind: 'result', result: `[{"blockHash":"${b1.hash}"}]` }
        : oneLogEach(...asked);
    };
    const told = logChanges(id);
    await host.clock.advance(200);
    expect(await told).toEqual([`+${b2.hash}`]);
  });

  it('tells each log once, however many ask at a time', async () => {
    const id = await call('eth_newFilter', [{}]);
    const b2 = host.add('b2', b1);
    await host.show(b2);
    expect(await Promise.all([logChanges(id), logChanges(id)])).toEqual([[`+${b2.hash}`], []]);
  });

  it('tells nothing beyond its heights', async () => {
    const id = await call('eth_newFilter', [{ fromBlock: '0x3', toBlock: '0x3' }]);
    const b2 = host.add('b2', b1);
    const b3 = host.add('b3', b2);
    await host.show(host.add('b4', b3));
    expect(await logChanges(id)).toEqual([`+${b3.hash}`]);
  });

  it('fills a hole in the tree by a range', async () => {
    const id = await call('eth_newFilter', [{}]);
    const b2 = host.add('b2', b1);
    const b3 = host.add('b3', b2);
    host.forget(b2);
    await host.show(b3);
    expect(await call('eth_getFilterChanges', [id])).toEqual(['range']);
    expect(host.calls.at(-1)?.params).toEqual([{ fromBlock: '0x2', toBlock: '0x3' }]);
  });

  it('reads all its logs by eth_getFilterLogs', async () => {
    const id = await call('eth_newFilter', [{ fromBlock: '0x0' }]);
    expect(await call('eth_getFilterLogs', [id])).toEqual(['range']);
    expect(host.calls.at(-1)?.params).toEqual([{ fromBlock: '0x0', toBlock: '0x1' }]);
    const blocks = await call('eth_newBlockFilter', []);
    expect(await call('eth_getFilterLogs', [blocks])).toEqual(notFound);
  });

  it.each([
    [{ address: 'x' }],
    [{ fromBlock: 'pending' }],
    [{ fromBlock: '0x3', toBlock: '0x2' }],
    [{ blockHash: `0x${'1'.repeat(64)}` }],
  ])('is declined when it is %j', async (param) => {
    expect(await call('eth_newFilter', [param])).toMatchObject({ code: -32_602 });
  });
});

describe('a filter of blocks', () => {
  it('tells the hashes of those that came', async () => {
    const id = await call('eth_newBlockFilter', []);
    const b2 = host.add('b2', b1);
    const b3 = host.add('b3', b2);
    await host.show(b3);
    expect(await call('eth_getFilterChanges', [id])).toEqual([b2.hash, b3.hash]);
    expect(await call('eth_getFilterChanges', [id])).toEqual([]);
    const c3 = host.add('c3', b2);
    await host.show(c3);
    expect(await call('eth_getFilterChanges', [id])).toEqual([c3.hash]);
  });
});

describe('a filter of pending transactions', () => {
  it('tells what the shared subscription brought, within bounds', async () => {
    let handlers: SubscriberHandlers | undefined;
    let ended = false;
    host.subscribe = async (_method, params, given) => {
      expect(params).toEqual(['newPendingTransactions']);
      handlers = given;
      given.onSubscribed({ id: 'id', unsubscribe: () => (ended = true) });
      return { kind: 'subscribed' };
    };
    const id = await call('eth_newPendingTransactionFilter', []);
    for (let i = 0; i < 10_001; i += 1) handlers?.onItem(String(i));
    const told = await call('eth_getFilterChanges', [id]);
    expect([told.length, told[0]]).toEqual([10_000, 1]);
    handlers?.onItem('7');
    handlers?.onEnd(new BalancerError('transport', 'lost'));
    expect(await call('eth_getFilterChanges', [id])).toEqual([7]);
    expect(ended).toBe(false);
    expect(await call('eth_getFilterChanges', [id])).toEqual(notFound);
    expect(ended).toBe(true);
  });

  it('cannot be had where nobody tells of them', async () => {
    await expect(call('eth_newPendingTransactionFilter', [])).rejects.toThrow('nobody');
    host.subscribe = async () => errorReply({ code: -32_601, message: 'no such thing' });
    expect(await call('eth_newPendingTransactionFilter', [])).toMatchObject({ code: -32_601 });
  });
});

describe('filters', () => {
  it('belong to the session that made them, and go with it', async () => {
    const [mine, other] = [new Session(), new Session()];
    const id = await call('eth_newBlockFilter', [], mine);
    for (const client of [other, undefined]) {
      expect(await call('eth_getFilterChanges', [id], client)).toEqual(notFound);
      expect(await call('eth_uninstallFilter', [id], client)).toBe(false);
    }
    expect(await call('eth_getFilterChanges', [id], mine)).toEqual([]);
    mine.close();
    expect(await call('eth_getFilterChanges', [id], mine)).toEqual(notFound);
    expect(await call('eth_newBlockFilter', [], mine)).toEqual(notFound);
  });

  it('end when they are uninstalled, or not asked for five minutes', async () => {
    const [one, two] = [await call('eth_newBlockFilter', []), await call('eth_newFilter', [])];
    expect(await call('eth_uninstallFilter', [one])).toBe(true);
    expect(await call('eth_uninstallFilter', [one])).toBe(false);
    expect(await call('eth_getFilterChanges', [one])).toEqual(notFound);
    await host.clock.advance(290_000);
    expect(await call('eth_getFilterChanges', [two])).toEqual([]);
    await host.clock.advance(290_000);
    expect(await call('eth_getFilterChanges', [two])).toEqual([]);
    await host.clock.advance(330_000);
    expect(await call('eth_getFilterChanges', [two])).toEqual(notFound);
    expect(await call('eth_getFilterChanges', [5])).toEqual(notFound);
  });

  it('are bounded for each client', async () => {
    const session = new Session();
    for (let made = 0; made < 100; made += 1) await call('eth_newBlockFilter', [], session);
    expect(await call('eth_newFilter', [{}], session)).toMatchObject({ code: -32_005 });
    expect(await call('eth_newBlockFilter', [], new Session())).toMatch(/^0x/);
    expect(await call('eth_newBlockFilter', [])).toMatch(/^0x/);
  });

  it('leave nothing behind when the balancer closes', async () => {
    const session = new Session();
    await call('eth_newBlockFilter', [], session);
    expect(host.clock.pendingTimers).toBe(1);
    service.close();
    expect(host.clock.pendingTimers).toBe(0);
    session.close();
  });
});
