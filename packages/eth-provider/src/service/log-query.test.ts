import { BalancerError, type Block, errorReply, type Reply, Session } from '@dshackle/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../testing/fake-host.ts';
import { EthereumService } from './ethereum-service.ts';
import type { LogOptions } from './log-options.ts';

interface Query {
  readonly fromBlock: string;
  readonly toBlock: string;
  readonly blockHash?: string;
}

let host: FakeHost;
let best: Block;
/** What upstreams were asked for, as `from-to`. */
let asked: string[];
let running: number;
let mostRunning: number;

/** A height of 100, whose blocks 0 to 100 have one log each: its height. */
beforeEach(() => {
  host = new FakeHost();
  asked = [];
  running = 0;
  mostRunning = 0;
  best = { ...host.add('best'), number: 100 };
  host.best = best;
  host.safe = { ...best, number: 90 };
  host.finalized = { ...best, number: 80 };
});

const tooMuch = (message: string): Reply => errorReply({ code: -32_005, message });

/** Nodes that take so many blocks at once. */
function taking(blocks: number, message = `block range is too wide`): void {
  host.answer = async (_, [query]) => {
    const { fromBlock, toBlock } = query as Query;
    const [from, to] = [Number(fromBlock), Number(toBlock)];
    asked.push(`${from}-${to}`);
    running += 1;
    mostRunning = Math.max(mostRunning, running);
    await Promise.resolve();
    running -= 1;
    if (to - from + 1 > blocks) return tooMuch(message);
    const logs = [];
    for (let at = from; at <= Math.min(to, 100); at += 1) logs.push(at);
    return { kind: 'result', result: ` [${logs.join(' ,')}]\n` };
  };
}

async function query(filter: unknown, options?: LogOptions, client?: Session): Promise<Reply> {
  const service = new EthereumService(host, options);
  return ask(service, filter, client);
}

async function ask(service: EthereumService, filter: unknown, client?: Session): Promise<Reply> {
  const reply = service.call({
    method: 'eth_getLogs',
    params: [filter],
    client,
    signal: undefined,
  });
  // Looked at only after the clock has moved.
  Promise.resolve(reply).catch(() => {});
  await host.clock.advance(0);
  return reply;
}

const numbers = (reply: Reply): unknown =>
  reply.kind === 'result' ? JSON.parse(reply.result) : reply.error;
const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('a query for the logs of a range', () => {
  it('is one call where upstreams take it, whose answer stays as it is', async () => {
    taking(1000);
    const reply = await query({ fromBlock: '0x1', toBlock: '0x2' });
    expect(reply).toEqual({ kind: 'result', result: ' [1 ,2]\n' });
    expect(asked).toEqual(['1-2']);
  });

  it.each([
    [{}, '100-100'],
    [{ fromBlock: 'earliest', toBlock: 'latest' }, '0-100'],
    [{ fromBlock: 'finalized', toBlock: 'safe' }, '80-90'],
    [{ fromBlock: '0x5', toBlock: null }, '5-100'],
  ])('of %j asks for blocks of the agreed heads: %s', async (filter, span) => {
    taking(1000);
    await query(filter);
    expect(asked).toEqual([span]);
  });

  it.each([
    [5],
    [{ fromBlock: 'pending' }],
    [{ fromBlock: 'x' }],
    [{ blockHash: 'x' }],
    [{ blockHash: `0x${'1'.repeat(64)}`, fromBlock: '0x1' }],
  ])('of %j is for a node to decline', async (filter) => {
    host.answer = () => errorReply({ code: -32_602, message: 'invalid argument 0' });
    expect(numbers(await query(filter))).toMatchObject({ message: 'invalid argument 0' });
    expect(host.calls.map(({ params }) => params)).toEqual([[filter]]);
  });

  it.each([1, 3, 7, 10, 50])('is cut for nodes that take %i blocks, and joined', async (blocks) => {
    taking(blocks);
    const reply = await query({ fromBlock: '0x0', toBlock: 'latest' });
    expect(numbers(reply)).toEqual(upTo(0, 100));
    expect(mostRunning).toBeGreaterThan(1);
    expect(mostRunning).toBeLessThanOrEqual(4);
  });

  it.each([
    ['eth_getLogs is limited to a 10 block range', ['0-100', '0-9', '10-19']],
    ['exceed maximum block range: 10', ['0-100', '0-9', '10-19']],
    ['ranges over 10 blocks are not supported on free plan', ['0-100', '0-9', '10-19']],
    ['eth_getLogs is limited to a 10 range', ['0-100', '0-9', '10-19']],
    ['eth_getLogs and eth_newFilter are limited to a 10 blocks range', ['0-100', '0-9', '10-19']],
    ['logs matched by query exceeds limit of 10', ['0-100', '0-50', '51-100']],
    ['Too many logs requested. Max logs per response is 10.', ['0-100', '0-50', '51-100']],
    ['getLogs request exceeded max allowed range', ['0-100', '0-50', '51-100']],
    ['query exceeds max results 20000, retry with the range 0-9', ['0-100', '0-9', '10-100']],
    ['Log response size exceeded. This block range should work: [0x0, 0x9]', ['0-100', '0-9']],
  ])('is cut as upstreams say: %s', async (message, first) => {
    taking(10, message);
    const reply = await query({ fromBlock: '0x0', toBlock: 'latest' });
    expect(asked.slice(0, first.length)).toEqual(first);
    expect(numbers(reply)).toEqual(upTo(0, 100));
  });

  it('begins with what upstreams are known to take, and asks nobody for more', async () => {
    host.widestRange = 40;
    taking(40);
    expect(numbers(await query({ fromBlock: '0x0', toBlock: 'latest' }))).toEqual(upTo(0, 100));
    expect(asked).toEqual(['0-39', '40-79', '80-100']);
    expect(numbers(await query({ fromBlock: '0x0' }, { maxCalls: 2 }))).toMatchObject({
      code: -32_005,
    });
    expect(asked).toHaveLength(3);
  });

  it('is halved where it takes a node too long, and asked for whole the next time', async () => {
    taking(60, 'query timeout exceeded. Consider reducing your block range.');
    const service = new EthereumService(host);
    for (const end of ['latest', '0x64']) {
      asked = [];
      expect(numbers(await ask(service, { fromBlock: '0x0', toBlock: end }))).toEqual(upTo(0, 100));
      expect(asked).toEqual(['0-100', '0-50', '51-100']);
    }
  });

  it('takes no longer than its caller allows', async () => {
    host.hang();
    const late = new EthereumService(host).call({
      method: 'eth_getLogs',
      params: [{ fromBlock: '0x0', toBlock: 'latest' }],
      client: undefined,
      signal: undefined,
      deadlineMs: 500,
    });
    const outcome = expect(late).rejects.toMatchObject({ code: 'timeout' });
    await host.clock.advance(500);
    await outcome;
  });

  it('is cut as the data of an error says where its message says nothing', async () => {
    taking(10);
    const usual = host.answer;
    const declined = { code: -32_603, message: 'Internal error', data: 'max block range: 10' };
    host.answer = async (method, params) => {
      const reply = await usual(method, params);
      return reply.kind === 'error' ? errorReply(declined) : reply;
    };
    expect(numbers(await query({ fromBlock: '0x0', toBlock: 'latest' }))).toEqual(upTo(0, 100));
    expect(asked.slice(0, 3)).toEqual(['0-100', '0-9', '10-19']);
  });

  it('asks for no more than upstreams are known to take, for a while', async () => {
    taking(10, 'exceed maximum block range: 10');
    const service = new EthereumService(host);
    await ask(service, { fromBlock: '0x0', toBlock: 'latest' });
    asked = [];
    await ask(service, { fromBlock: '0x0', toBlock: '0x13' });
    expect(asked).toEqual(['0-9', '10-19']);
    await host.clock.advance(600_000);
    asked = [];
    await ask(service, { fromBlock: '0x0', toBlock: '0x13' });
    expect(asked[0]).toBe('0-19');
  });

  it('is declined when one block alone is too much', async () => {
    taking(0, 'query returned more than 10000 results');
    expect(numbers(await query({ fromBlock: '0x1', toBlock: '0x4' }))).toMatchObject({
      message: 'query returned more than 10000 results',
    });
  });

  it('is declined beyond the bounds of calls and of characters, before more is asked', async () => {
    taking(1);
    const whole = { fromBlock: '0x0', toBlock: 'latest' };
    expect(numbers(await query(whole, { maxCalls: 20 }))).toEqual({
      code: -32_005,
      message: 'query needs more than 20 calls: narrow the range',
    });
    expect(asked.length).toBeLessThanOrEqual(20);
    taking(5, 'exceed maximum block range: 5');
    const wide = { fromBlock: '0x0', toBlock: '0xfffffffff' };
    host.best = { ...best, number: 2 ** 40 };
    asked = [];
    expect(numbers(await query(wide))).toMatchObject({ code: -32_005 });
    expect(asked).toHaveLength(1);
    host.best = best;
    taking(10);
    expect(numbers(await query(whole, { maxChars: 20 }))).toEqual({
      code: -32_005,
      message: 'query exceeds 20 characters of logs: narrow the range',
    });
    expect(() => new EthereumService(host, { parallel: 0 })).toThrow('logs.parallel is 0');
  });

  it('fails as a whole when a part does, and when it takes too long', async () => {
    host.answer = (_, [each]) => {
      const { fromBlock, toBlock } = each as Query;
      if (Number(toBlock) - Number(fromBlock) > 50) return tooMuch('block range is too wide');
      if (fromBlock === '0x0') return errorReply({ code: -32_000, message: 'boom' });
      return { kind: 'result', result: '[]' };
    };
    const whole = { fromBlock: '0x0', toBlock: 'latest' };
    expect(numbers(await query(whole))).toMatchObject({ message: 'boom' });
    host.answer = () => Promise.reject(new BalancerError('no eligible upstream', 'gone'));
    await expect(query(whole)).rejects.toThrow('gone');
    host.hang();
    const late = query(whole, { deadlineMs: 5000 });
    const outcome = expect(late).rejects.toMatchObject({ code: 'timeout' });
    await host.clock.advance(5000);
    await outcome;
  });

  it('above the head is as on one node: asked once as it is written', async () => {
    taking(100_000);
    expect(numbers(await query({ fromBlock: '0x60', toBlock: '0xffff' }))).toEqual(upTo(96, 100));
    await query({ fromBlock: '0x65', toBlock: '0x66' });
    await query({ fromBlock: '0x5', toBlock: '0x4' });
    expect(asked).toEqual(['96-65535', '101-102', '5-4']);
    // Whoever answers has the head.
    expect(host.seen).toEqual([100, -1, -1]);
    taking(10);
    expect(numbers(await query({ fromBlock: '0x0', toBlock: '0xffff' }))).toEqual(upTo(0, 100));
  });

  it('reads again what a reorganisation reaches', async () => {
    taking(10, 'exceed maximum block range: 10');
    const fork = { ...host.add('fork'), number: 101 };
    const usual = host.answer;
    host.path = (from, to) =>
      from === best.hash && to === fork.hash
        ? { retracted: [best, { ...best, number: 95 }], applied: [fork] }
        : { retracted: [], applied: [] };
    host.answer = (method, params) => {
      host.best = fork;
      return usual(method, params);
    };
    expect(numbers(await query({ fromBlock: '0x0', toBlock: 'latest' }))).toEqual(upTo(0, 100));
    expect(asked.filter((span) => span === '90-99')).toHaveLength(2);
    expect(asked.filter((span) => span === '100-100')).toHaveLength(2);
    expect(asked.filter((span) => span === '80-89')).toHaveLength(1);
  });

  it('fails when that has no end', async () => {
    taking(50);
    const usual = host.answer;
    let forks = 0;
    host.path = () => ({ retracted: [{ ...best, number: 95 }], applied: [] });
    host.answer = (method, params) => {
      forks += 1;
      host.best = { ...best, hash: `fork ${forks}` };
      return usual(method, params);
    };
    await expect(query({ fromBlock: '0x0', toBlock: 'latest' })).rejects.toThrow('changed');
  });

  it('has shown its client the head', async () => {
    taking(1000);
    const session = new Session();
    await query({ fromBlock: '0x1', toBlock: '0x2' }, {}, session);
    expect(session.seen).toBe(2);
    session.observe(101);
    await query({ toBlock: 'latest' }, {}, session);
    // The pool went back behind what the client has seen: the engine waits for who has it.
    expect(host.calls.at(-1)?.params).toEqual([{ toBlock: 'latest' }]);
  });
});

describe('a query for the logs of one block', () => {
  it('asks nobody when the bloom rules them out', async () => {
    const b2 = host.add('b2', undefined, '01');
    const filter = { blockHash: b2.hash, address: `0x${'12'.repeat(20)}` };
    expect(await query(filter)).toEqual({ kind: 'result', result: '[]' });
    expect(host.calls).toEqual([]);
    await query({ blockHash: b2.hash });
    await query({ ...filter, address: 'nonsense' });
    await query({ ...filter, blockHash: `0x${'34'.repeat(32)}` });
    expect(host.calls).toHaveLength(3);
  });
});
