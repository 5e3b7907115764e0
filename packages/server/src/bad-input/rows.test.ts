import { errorReply, type Reply } from '@dshackle/core';
import { result } from '@dshackle/core/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type BadInputStage, badInputStage } from '../testing/bad-input-stage.ts';
import { call, FrameClient, post } from '../testing/clients.ts';
import { height, invalidParams, word } from '../testing/substrate-node.ts';

/* The kinds of bad input, a row each, through every door. */

/** Sockets and servers that keep this process alive. */
const openHandles = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => /TCP|Pipe.*Server/.test(name));
const before = openHandles();

let stage: BadInputStage;
beforeAll(async () => {
  stage = await badInputStage();
});
afterEach(() => {
  for (const node of stage.nodes) {
    node.answers = () => invalidParams;
    node.asked.length = 0;
  }
  expect(stage.bugs).toEqual([]);
  expect(stage.balancer.snapshot().calls.running).toBe(0);
  for (const { breaker, failed } of stage.balancer.snapshot().upstreams) {
    expect({ breaker, failed }).toEqual({ breaker: 'closed', failed: 0 });
  }
});
afterAll(async () => {
  await vi.waitFor(() => expect(stage.balancer.snapshot().subscriptions).toBe(0));
  await stage[Symbol.asyncDispose]();
  expect(stage.server.load).toEqual({ webSockets: 0, subscriptions: 0, requests: 0 });
  await vi.waitFor(() => expect(openHandles()).toEqual(before));
});

/** Calls of these methods that reached a node: those of the test before may still be on their way. */
const asked = (...methods: readonly string[]): number =>
  stage.nodes.flatMap((node) => node.asked).filter((call) => methods.includes(call.method)).length;
const hash = `0x${'ab'.repeat(32)}`;
const doors = ['HTTP', 'WebSocket', 'provider'] as const;
const through = (name: string) => {
  const door = stage.doors.find((each) => each.name === name);
  if (door === undefined) throw new Error(`no door ${name}`);
  return door;
};

describe.each(doors)('through the door %s', (name) => {
  it.each([
    ['state_getStorage', [], 'key is missing; state_getStorage takes key, hash?'],
    ['chain_getHeader', ['0x12'], 'hash must be a hash of 32 bytes in hex, not "0x12"'],
    ['chain_getBlock', [`${hash}00`], 'of 68 characters'],
    ['chain_getBlockHash', [-1], 'not -1'],
    ['state_getKeysPaged', ['0x', 4_294_967_296], 'count must be a whole number from 0 to'],
    ['state_queryStorageAt', ['0x'], 'keys must be a list of keys in hex, not "0x"'],
    ['author_submitExtrinsic', ['nonsense'], 'extrinsic must be bytes in hex, not "nonsense"'],
    ['system_accountNextIndex', ['x'.repeat(1_000_000)], 'of 1000000 characters'],
  ])('%s is declined here, and no node is asked', async (method, params, text) => {
    const { error } = await through(name).ask(method, params);
    expect(error?.code).toBe(-32_602);
    expect(error?.message).toContain(`Invalid params: `);
    expect(error?.message).toContain(text);
    expect(asked(method)).toBe(0);
  });

  it.each([
    // What only a node can tell: its text is told, and nobody else is asked.
    [
      'state_call',
      ['No_such', '0x'],
      4003,
      'Client error: Execution failed: Other: No_such not found',
    ],
    ['system_accountNextIndex', ['alice'], -32_602, 'Invalid params'],
    [
      'state_getKeysPaged',
      ['0x', 5000],
      4002,
      'count exceeds maximum value. value: 5000, max: 1000',
    ],
    [
      'chain_getBlockHash',
      ['0xffffffffff'],
      3000,
      '`0xffffffffff` > u32::max_value(), the max block height.',
    ],
    ['foo_bar', [{}], -32_602, 'Invalid params'],
  ])('%s is declined by a node, in its own words', async (method, params, code, message) => {
    const data = 'what its parser says';
    for (const node of stage.nodes) node.answers = () => errorReply({ code, message, data });
    const { error } = await through(name).ask(method, params);
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(message);
    expect(error?.data).toBe(data);
    // The highest of three answers is a nonce, by its row.
    expect(asked(method)).toBe(method === 'system_accountNextIndex' ? 3 : 1);
  });

  it('a call that every node stumbles over is answered in their words, however often', async () => {
    const message = 'Internal TypeError: key.startsWith is not a function';
    for (const node of stage.nodes) node.answers = () => errorReply({ code: -32_603, message });
    for (let i = 0; i < 50; i += 1) {
      const { error } = await through(name).ask('state_call', ['Core_version', `0x${i}`]);
      expect(error).toMatchObject({ code: -32_603 });
      expect(error?.message).toContain(message);
    }
  });

  it('ten thousand keys are answered', async () => {
    const keys = Array.from({ length: 10_000 }, (_, i) => `0x${i.toString(16).padStart(64, '0')}`);
    const answers = (_: string, params: string): Reply => {
      const [list] = JSON.parse(params) as [string[]];
      return result([{ block: word(1), changes: list.map((key) => [key, null]) }]);
    };
    for (const node of stage.nodes) node.answers = answers;
    const { result: sets } = await through(name).ask('state_queryStorageAt', [keys]);
    expect((sets as [{ changes: unknown[] }])[0].changes).toHaveLength(10_000);
  });

  it('an extrinsic of five megabytes reaches the nodes, and their word comes back', async () => {
    const big = errorReply({
      code: 1010,
      message: 'Invalid Transaction',
      data: 'Exhausts resources',
    });
    for (const node of stage.nodes) node.answers = () => big;
    const extrinsic = `0x${'00'.repeat(5_000_000)}`;
    const { error } = await through(name).ask('author_submitExtrinsic', [extrinsic]);
    expect(error).toMatchObject({ code: 1010, data: 'Exhausts resources' });
  });

  it('ids that name nothing are answered', async () => {
    const door = through(name);
    const { error } = await door.ask('transaction_v1_stop', ['nothing']);
    expect(error?.code).toBe(-32_602);
    expect(await door.ask('chainHead_v1_header', ['nothing', hash])).toMatchObject({
      result: null,
    });
    expect(await door.ask('chainHead_v1_body', ['nothing', hash])).toMatchObject({
      result: { result: 'limitReached' },
    });
    expect(await door.ask('chainHead_v1_unpin', ['nothing', hash])).toMatchObject({ result: null });
    const [header, body] = ['chain_getHeader', 'chain_getBlock'];
    expect(asked('transaction_v1_stop', header, body)).toBe(0);
  });
});

describe('an extrinsic of ten megabytes, 20 MB in hex', () => {
  const request = JSON.stringify(call('author_submitExtrinsic', [`0x${'00'.repeat(10_000_000)}`]));

  it('is too big for a body', async () => {
    const { status, text } = await post(stage.url, request);
    expect(status).toBe(413);
    expect(JSON.parse(text).error).toMatchObject({ code: -32_007, message: 'Request is too big' });
  });

  it('is too big for a message', async () => {
    const client = await FrameClient.open(stage.url);
    client.send(request);
    expect(await client.closed).toMatchObject({ code: 1009 });
  });

  it('goes to the nodes from inside an application', async () => {
    const big = errorReply({ code: -32_007, message: 'Request is too big' });
    for (const node of stage.nodes) node.answers = () => big;
    const { params } = JSON.parse(request) as { params: unknown[] };
    const { error } = await through('provider').ask('author_submitExtrinsic', params);
    expect(error?.code).toBe(-32_007);
  });
});

describe('subscriptions over WebSocket', () => {
  const open = async () => {
    const client = await FrameClient.open(stage.url);
    onTestFinished(() => client.close());
    let ids = 0;
    const events: { event?: string }[] = [];
    const ask = async (method: string, ...params: readonly unknown[]) => {
      ids += 1;
      const id = ids;
      client.send(call(method, params, id));
      for (;;) {
        const frame = JSON.parse(await client.next());
        if (frame.id === id) return frame;
        events.push(frame.params.result);
      }
    };
    /** Waits for the next event of this kind. */
    const until = async (event: string): Promise<void> => {
      while (!events.some((each) => each.event === event)) {
        events.push(JSON.parse(await client.next()).params.result);
      }
    };
    return { ask, until };
  };

  it('are ended once: the second time, and the id of another client, are false', async () => {
    const [one, other] = [await open(), await open()];
    const { result: id } = await one.ask('chain_subscribeNewHeads');
    expect(await other.ask('chain_unsubscribeNewHeads', id)).toMatchObject({ result: false });
    expect(await one.ask('chain_unsubscribeNewHeads', id)).toMatchObject({ result: true });
    expect(await one.ask('chain_unsubscribeNewHeads', id)).toMatchObject({ result: false });
    for (const none of [null, 5, '', {}, [], 'nothing', '__proto__']) {
      expect(await one.ask('chain_unsubscribeNewHeads', none)).toMatchObject({ result: false });
    }
    expect(await one.ask('chain_unsubscribeNewHeads')).toMatchObject({ result: false });
  });

  it('with params that no node takes are declined, and no node hears of them', async () => {
    const { ask } = await open();
    for (const keys of ['x', [5], [['0x']], { a: 1 }, -1]) {
      const { error } = await ask('state_subscribeStorage', keys);
      expect(error).toMatchObject({ code: -32_602 });
    }
    expect((await ask('chainHead_v1_follow')).error).toMatchObject({ code: -32_602 });
    expect((await ask('author_submitAndWatchExtrinsic', 'zz')).error).toMatchObject({
      code: -32_602,
    });
    expect(stage.nodes.flatMap(({ subscriptions }) => subscriptions)).toEqual([]);
  });

  it('of a follow answer what they do not know as the specification says', async () => {
    const [one, other] = [await open(), await open()];
    const { result: follow } = await one.ask('chainHead_v1_follow', false);
    await one.until('initialized');
    const at = word(height + 1);
    const code = async (...[method, ...params]: readonly [string, ...unknown[]]) =>
      (await one.ask(method, follow, ...params)).error?.code;
    // Without a runtime, and of blocks that are not pinned.
    expect(await code('chainHead_v1_call', at, 'Core_version', '0x')).toBe(-32_802);
    expect(await code('chainHead_v1_header', hash)).toBe(-32_801);
    expect(await code('chainHead_v1_body', hash)).toBe(-32_801);
    expect(await code('chainHead_v1_unpin', hash)).toBe(-32_801);
    expect(await code('chainHead_v1_unpin', [at, at])).toBe(-32_804);
    expect(await code('chainHead_v1_unpin', '0x12')).toBe(-32_602);
    expect(await code('chainHead_v1_storage', at, 'no list')).toBe(-32_602);
    // Another client's id is nobody's.
    expect(await other.ask('chainHead_v1_header', follow, at)).toMatchObject({ result: null });
    expect(await other.ask('chainHead_v1_unpin', follow, at)).toMatchObject({ result: null });
    expect(await other.ask('chainHead_v1_unfollow', follow)).toMatchObject({ result: null });
    // All or none, once; and it lives on.
    expect(await one.ask('chainHead_v1_unpin', follow, [at])).toMatchObject({ result: null });
    expect(await code('chainHead_v1_unpin', at)).toBe(-32_801);
    expect(await one.ask('chainHead_v1_continue', follow, 'none')).toMatchObject({ result: null });
    expect(await one.ask('chainHead_v1_stopOperation', follow, 'none')).toMatchObject({
      result: null,
    });
    expect(await one.ask('chainHead_v1_unfollow', follow)).toMatchObject({ result: null });
    expect(await one.ask('chainHead_v1_unfollow', follow)).toMatchObject({ result: null });
    expect(await one.ask('chainHead_v1_header', follow, at)).toMatchObject({ result: null });
  });
});
