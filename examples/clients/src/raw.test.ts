import { once } from 'node:events';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Stage, useStage } from './stage.ts';

/** An answer as it stood on the wire. */
interface Answer {
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** What a follow tells, as far as it is read here. */
interface FollowEvent {
  readonly event: string;
  readonly finalizedBlockHashes?: readonly string[];
  readonly items?: readonly { readonly key: string; readonly hash: string }[];
}

/** The prefix of `System.Account`. */
const accounts = '0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9';

const open = useStage();

let stage: Stage;
let socket: WebSocket;
let notifications: { readonly subscription: unknown; readonly result: unknown }[];
let answers: unknown[];
let wake: () => void = () => {};

beforeAll(() => {
  stage = open();
});

beforeEach(async () => {
  notifications = [];
  answers = [];
  socket = new WebSocket(stage.url);
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    if (message.method === undefined) answers.push(message);
    else notifications.push(message.params);
    wake();
  });
  await once(socket, 'open');
});
afterEach(() => socket.terminate());

/** Sends a message and resolves with the next that is no notification. */
async function ask<T = Answer>(message: unknown): Promise<T> {
  socket.send(JSON.stringify(message));
  return next<T>();
}

async function next<T = Answer>(): Promise<T> {
  while (answers.length === 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  return answers.shift() as T;
}

const request = (method: string, params: unknown = [], id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});

/** Makes one call; the id is always the one that was sent. */
async function call(method: string, params: unknown = []): Promise<unknown> {
  const { error, result } = await ask(request(method, params));
  if (error) throw Object.assign(new Error(error.message), { code: error.code });
  return result;
}

describe('a plain JSON-RPC client', () => {
  it('uses methods that no library does', async () => {
    expect(await call('system_name')).toBe('Dshackle devnet');
    expect(await call('system_chainType')).toBe('Development');
    expect(await call('system_nodeRoles')).toEqual(['Full']);
    expect(await call('chain_getHead', [0])).toBe(stage.devnet.genesisHash);
    expect(await call('archive_v1_genesisHash')).toBe(stage.devnet.genesisHash);
    expect(await call('chainSpec_v1_genesisHash')).toBe(stage.devnet.genesisHash);
  });

  it('gives params by position or by name', async () => {
    const { genesisHash } = stage.devnet;
    expect(await call('chain_getBlockHash', [0])).toBe(genesisHash);
    expect(await call('chain_getBlockHash', { hash: 0 })).toBe(genesisHash);
    const keys = await call('state_getKeysPaged', [accounts, 3]);
    expect(keys).toHaveLength(3);
    const [, , startKey] = keys as readonly string[];
    const more = await call('state_getKeysPaged', [accounts, 3, startKey]);
    expect(more).not.toEqual(keys);
    const named = { prefix: accounts, count: 3 };
    expect(await call('state_getKeysPaged', { ...named, startKey })).toEqual(more);
    expect(await call('state_getKeysPaged', { ...named, start_key: startKey })).toEqual(more);
  });

  it('gets its own ids back, whatever they are', async () => {
    for (const id of [0, -1, 2 ** 53 - 1, '', 'a"b', 'é', null]) {
      const answer = await ask(request('system_chain', [], id));
      expect(answer).toEqual({ jsonrpc: '2.0', id, result: 'dshackle-devnet' });
    }
  });

  it('sends batches of calls, subscriptions, notifications and mistakes', async () => {
    const best = await call('chain_getBlockHash');
    const answered = await ask<readonly Answer[]>([
      request('chain_getBlockHash', [0], 'a'),
      { jsonrpc: '2.0', method: 'system_chain' },
      request('chain_subscribeNewHeads', [], 'b'),
      { nonsense: true },
      request('chain_getHeader', [best], 'c'),
      request('no_such_method', [], 'd'),
    ]);
    expect(answered.map(({ id }) => id)).toEqual(['a', 'b', null, 'c', 'd']);
    expect(answered[0]?.result).toBe(stage.devnet.genesisHash);
    expect(answered[2]?.error?.code).toBe(-32600);
    expect(answered[3]?.result).toHaveProperty('parentHash');
    expect(answered[4]?.error?.code).toBe(-32601);
    const subscription = answered[1]?.result;
    await expect.poll(() => notifications[0]?.subscription, { timeout: 20_000 }).toBe(subscription);
    expect(await call('chain_unsubscribeNewHeads', [subscription])).toBe(true);
  });

  it('is told of an unknown method, and of params that are none', async () => {
    await expect(call('no_such_method')).rejects.toMatchObject({ code: -32601 });
    await expect(call('chain_unsubscribeNothing', ['1'])).rejects.toMatchObject({ code: -32601 });
    await expect(call('system_chain', 'text')).rejects.toMatchObject({ code: -32600 });
  });

  it('ends a subscription once; then, and of an unknown id, it is told false', async () => {
    const id = await call('chain_subscribeFinalizedHeads');
    expect(await call('chain_unsubscribeFinalizedHeads', ['unknown'])).toBe(false);
    expect(await call('chain_unsubscribeFinalizedHeads', [7])).toBe(false);
    expect(await call('chain_unsubscribeFinalizedHeads', [id])).toBe(true);
    expect(await call('chain_unsubscribeFinalizedHeads', [id])).toBe(false);
    const heard = notifications.length;
    const other = await call('chain_subscribeNewHeads');
    await expect
      .poll(() => notifications.filter(({ subscription }) => subscription === other).length, {
        timeout: 20_000,
      })
      .toBeGreaterThan(1);
    expect(notifications.slice(heard).map(({ subscription }) => subscription)).not.toContain(id);
    expect(await call('chain_unsubscribeNewHeads', [other])).toBe(true);
  });
});

describe('a plain JSON-RPC client, while its upstream is killed', () => {
  it('has its whole batch answered', async () => {
    const { struck } = stage.killWhenAsked((text) => text.includes('"state_getKeysPaged"'));
    const hash = await call('chain_getBlockHash');
    const batch = Array.from({ length: 50 }, (_, id) =>
      request('state_getKeysPaged', [accounts, id + 1, null, hash], id),
    );
    const answered = await ask<readonly Answer[]>(batch);
    await struck;
    expect(answered.map(({ id }) => id)).toEqual(batch.map(({ id }) => id));
    expect(answered.filter(({ error }) => error)).toEqual([]);
  });

  it('hears all of the operations it has begun', async () => {
    const events = () => notifications.map(({ result }) => result as FollowEvent);
    const ended = (event: string) => () => events().filter((each) => each.event === event).length;
    const follow = await call('chainHead_v1_follow', [false]);
    await expect.poll(() => events()[0]?.finalizedBlockHashes, { timeout: 20_000 }).toBeDefined();
    const at = events()[0]?.finalizedBlockHashes?.at(-1);
    const { struck } = stage.cutOffWhenAsked((text) => text.includes('"state_getStorage'));
    const items = [{ key: accounts, type: 'descendantsHashes' }];
    await call('chainHead_v1_storage', [follow, at, items]);
    await struck;
    await expect.poll(ended('operationStorageDone'), { timeout: 20_000 }).toBe(1);
    const found = events().flatMap((event) => event.items ?? []);
    const keys = await call('state_getKeysPaged', [accounts, 1_000, null, at]);
    expect(found.map(({ key }) => key)).toEqual(keys);
    expect(found.filter(({ hash }) => !/^0x[0-9a-f]{64}$/.test(hash))).toEqual([]);
    await stage.heal({ restart: false });
    const again = stage.cutOffWhenAsked((text) => text.includes('"chain_getBlock"'));
    await call('chainHead_v1_body', [follow, at]);
    await again.struck;
    await expect.poll(ended('operationBodyDone'), { timeout: 20_000 }).toBe(1);
    for (const event of ['stop', 'operationError', 'operationInaccessible']) {
      expect(ended(event)()).toBe(0);
    }
    await stage.heal();
  }, 90_000);

  it('hears the end of its transaction, sent to the node that is killed', async () => {
    const [from, to] = [stage.accounts[0]!, stage.accounts[1]!];
    const api = await ApiPromise.create({
      provider: new WsProvider(stage.url),
      noInitWarn: true,
    });
    const transfer = api.tx.balances!.transferKeepAlive!(to.address, 1n);
    const signed = (await transfer.signAsync(from)).toHex();
    await api.disconnect();
    const statuses = () => notifications.map(({ result }) => result);
    const [, { hash }] = await stage.killBetweenSubmissionAndBlock(async () => {
      await call('author_submitAndWatchExtrinsic', [signed]);
      await expect
        .poll(() => JSON.stringify(statuses()), { timeout: 20_000 })
        .toContain('finalized');
    });
    expect(statuses()).toEqual(['ready', { inBlock: hash }, { finalized: hash }]);
  }, 90_000);

  it('hears every finalized block of its subscription once', async () => {
    const heights = () =>
      notifications.map(({ result }) => Number((result as { readonly number: string }).number));
    const id = await call('chain_subscribeFinalizedHeads');
    await expect.poll(heights, { timeout: 20_000 }).not.toEqual([]);
    const { struck } = stage.killWhenAsked((text) => text.includes('"system_name"'));
    expect(await call('system_name')).toBe('Dshackle devnet');
    await struck;
    const until = stage.devnet.head.number + 2;
    await expect.poll(() => heights().at(-1), { timeout: 20_000 }).toBeGreaterThanOrEqual(until);
    const [first = 0] = heights();
    expect(heights()).toEqual(heights().map((_, index) => first + index));
    expect(await call('chain_unsubscribeFinalizedHeads', [id])).toBe(true);
  }, 90_000);
});
