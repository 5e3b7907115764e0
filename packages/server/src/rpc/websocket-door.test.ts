import { once } from 'node:events';
import { BalancerError } from '@dshackle/core';
import { FakeClock } from '@dshackle/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Server, type ServerOptions, startServer } from '../server.ts';
import { call, FrameClient } from '../testing/clients.ts';
import { FakeBalancer, stalled } from '../testing/fake-balancer.ts';

let balancer: FakeBalancer;
let server: Server;
let client: FrameClient;

async function start(options: Partial<ServerOptions> = {}): Promise<void> {
  balancer = new FakeBalancer();
  server = await startServer({ port: 0, routes: [{ id: 'test', balancer }], ...options });
  client = await FrameClient.open(`${server.url}/test`);
}

beforeEach(() => start());
afterEach(async () => {
  client.webSocket.terminate();
  await server.close();
});

const subscribe = (id: unknown = 1) => call('chain_subscribeNewHeads', [], id);

describe('calls over WebSocket', () => {
  it('are answered with the raw result and their own id', async () => {
    balancer.on('balance', () => '[12345678901234567890 ]');
    expect(await client.ask(call('balance', [], 'a'))).toBe(
      '{"jsonrpc":"2.0","result":[12345678901234567890 ],"id":"a"}',
    );
  });

  it('are answered as they finish, not in turn', async () => {
    const slow = stalled();
    balancer.on('slow', slow.handler);
    client.send(call('slow', [], 1));
    expect(await client.ask(call('echo', [], 2))).toBe('{"jsonrpc":"2.0","result":[],"id":2}');
    slow.release('0');
    expect(await client.next()).toBe('{"jsonrpc":"2.0","result":0,"id":1}');
  });

  it('may come as binary frames', async () => {
    client.webSocket.send(Buffer.from(JSON.stringify(call('echo'))), { binary: true });
    expect(await client.next()).toBe('{"jsonrpc":"2.0","result":[],"id":1}');
  });

  it('come in batches, answered in order', async () => {
    const answer = await client.ask([call('echo', [1], 1), 5, call('echo', [2], 2)]);
    expect(JSON.parse(answer)).toEqual([
      { jsonrpc: '2.0', result: [1], id: 1 },
      {
        jsonrpc: '2.0',
        error: { code: -32600, message: 'Invalid request: not an object' },
        id: null,
      },
      { jsonrpc: '2.0', result: [2], id: 2 },
    ]);
  });

  it('that are malformed are answered, and the connection lives on', async () => {
    expect(await client.ask('{"jsonrpc"')).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}',
    );
    expect(await client.ask('[]')).toContain('-32600');
    expect(await client.ask(call('echo'))).toContain('"result"');
  });

  it('without an id are carried out in silence', async () => {
    client.send({ jsonrpc: '2.0', method: 'echo', params: [1] });
    client.send([{ jsonrpc: '2.0', method: 'echo', params: [2] }]);
    expect(await client.ask(call('echo', [3]))).toContain('[3]');
    expect(balancer.calls.map(({ params }) => params)).toEqual(['[1]', '[2]', '[3]']);
    expect(client.waiting).toBe(0);
  });

  it('of one connection share one session, and another connection has its own', async () => {
    await client.ask(call('echo'));
    await client.ask([call('echo')]);
    const other = await FrameClient.open(`${server.url}/test`);
    await other.ask(call('echo'));
    const sessions = balancer.calls.map(({ options }) => options.session);
    expect(sessions[0]).toBe(balancer.sessions[0]);
    expect(sessions[1]).toBe(sessions[0]);
    expect(sessions[2]).toBe(balancer.sessions[1]);
    await other.close();
  });

  it('know that their client has left once the connection is gone', async () => {
    await client.ask(call('echo'));
    const [session] = balancer.sessions;
    expect(session?.isClosed).toBe(false);
    client.webSocket.terminate();
    await expect.poll(() => session?.isClosed).toBe(true);
  });

  it('above the limit of the connection are declined at once', async () => {
    await server.close();
    await start({ limits: { maxCallsPerConnection: 2 } });
    const slow = stalled();
    balancer.on('slow', slow.handler);
    client.send(call('slow', [], 1));
    client.send(call('slow', [], 2));
    expect(JSON.parse(await client.ask(call('slow', [], 3)))).toEqual({
      jsonrpc: '2.0',
      id: 3,
      error: {
        code: -32009,
        message: 'Too many calls on the connection',
        data: 'Exceeded max limit of 2',
      },
    });
    slow.release('0');
    await client.next();
    await client.next();
    expect(await client.ask(call('echo'))).toContain('"result"');
  });

  it('are given up when the client goes, except submissions', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const slow = stalled();
    for (const method of ['slow', 'author_submitExtrinsic']) {
      balancer.on(method, (params, options) => {
        signals.push(options.signal);
        return slow.handler(params, options);
      });
    }
    client.send(call('slow'));
    client.send(call('author_submitExtrinsic', ['0x'], 2));
    await expect.poll(() => signals.length).toBe(2);
    expect(signals[1]).toBeUndefined();
    client.webSocket.terminate();
    await expect.poll(() => signals[0]?.aborted).toBe(true);
    slow.release('0');
  });
});

describe('subscriptions', () => {
  it('are told their id before the first notification', async () => {
    balancer.on('chain_subscribeNewHeads', () => '{"number":"0x1"}');
    expect(await client.ask(subscribe('s'))).toBe('{"jsonrpc":"2.0","result":"sub-1","id":"s"}');
    expect(await client.next()).toBe(
      '{"jsonrpc":"2.0","method":"chain_newHead","params":{"subscription":"sub-1","result":{"number":"0x1"}}}',
    );
    balancer.subscribers[0]!.push('2');
    expect(await client.next()).toBe(
      '{"jsonrpc":"2.0","method":"chain_newHead","params":{"subscription":"sub-1","result":2}}',
    );
  });

  it('end at the request of their client', async () => {
    await client.ask(subscribe());
    expect(server.load.subscriptions).toBe(1);
    expect(await client.ask(call('chain_unsubscribeNewHeads', ['sub-1'], 2))).toBe(
      '{"jsonrpc":"2.0","result":true,"id":2}',
    );
    expect(balancer.subscribers[0]!.unsubscribed).toBe(true);
    expect(server.load.subscriptions).toBe(0);
    expect(await client.ask(call('chain_unsubscribeNewHeads', ['sub-1'], 3))).toBe(
      '{"jsonrpc":"2.0","result":false,"id":3}',
    );
  });

  it('cannot be ended by another client', async () => {
    await client.ask(subscribe());
    const other = await FrameClient.open(`${server.url}/test`);
    expect(await other.ask(call('chain_unsubscribeNewHeads', ['sub-1']))).toContain(
      '"result":false',
    );
    expect(balancer.subscribers[0]!.unsubscribed).toBe(false);
    await other.close();
  });

  it.each([[[]], [[7]], [[null]], [[['sub-1']]], [{}]])(
    'are none with the id in %j, as at a node',
    async (params) => {
      expect(await client.ask(call('chain_unsubscribeNewHeads', params))).toContain(
        '"result":false',
      );
    },
  );

  it("that the upstream declines give its error as the call's answer", async () => {
    const raw = '{"code":-32602,"message":"bad key"}';
    balancer.on('state_subscribeStorage', () => ({ kind: 'error', error: JSON.parse(raw), raw }));
    expect(await client.ask(call('state_subscribeStorage'))).toBe(
      `{"jsonrpc":"2.0","error":${raw},"id":1}`,
    );
  });

  it('that nobody can take fail as calls do', async () => {
    balancer.on('chain_subscribeNewHeads', () => {
      throw new BalancerError('no eligible upstream', 'none');
    });
    expect(await client.ask(subscribe())).toContain('"code":-32050');
    expect(server.load.subscriptions).toBe(0);
  });

  it('that cannot go on end with an error notification', async () => {
    await client.ask(call('author_submitAndWatchExtrinsic', ['0x']));
    balancer.subscribers[0]!.end(new BalancerError('transport', 'the connection went away'));
    expect(JSON.parse(await client.next())).toEqual({
      jsonrpc: '2.0',
      method: 'author_extrinsicUpdate',
      params: {
        subscription: 'sub-1',
        error: {
          code: -32053,
          message: '[transport] the connection went away',
          data: { reason: 'transport', origin: 'local', attempts: [] },
        },
      },
    });
    expect(server.load.subscriptions).toBe(0);
  });

  it('that have said all end without a word, and leave their place to others', async () => {
    await start({ limits: { maxSubscriptionsPerConnection: 1 } });
    await client.ask(subscribe(1));
    const [subscriber] = balancer.subscribers;
    subscriber?.push('"last"');
    subscriber?.done();
    expect(await client.next()).toContain('"last"');
    expect(await client.ask(call('chain_unsubscribeNewHeads', ['sub-1'], 2))).toContain(
      '"result":false',
    );
    expect(await client.ask(subscribe(3))).toContain('"result":"sub-2"');
  });

  it('may be ended by a method that answers the same in any case', async () => {
    expect(await client.ask(call('quiet_unsubscribe', ['nonsense'], 2))).toBe(
      '{"jsonrpc":"2.0","result":null,"id":2}',
    );
  });

  it('may be ended by a method that declines what there is none of', async () => {
    expect(await client.ask(call('strict_unsubscribe', ['nonsense'], 2))).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32000,"message":"no such"},"id":2}',
    );
    await client.ask(subscribe(3));
    expect(await client.ask(call('strict_unsubscribe', ['sub-1'], 4))).toContain('"result":true');
  });

  it('end when the connection does', async () => {
    await client.ask(subscribe());
    await client.ask(subscribe());
    client.webSocket.terminate();
    await expect.poll(() => balancer.subscribers.map((s) => s.unsubscribed)).toEqual([true, true]);
    await expect.poll(() => server.load).toEqual({ webSockets: 0, subscriptions: 0, requests: 0 });
  });

  it('that come about after the connection went are ended at once', async () => {
    const slow = stalled();
    balancer.on('chain_subscribeNewHeads', (params) => slow.handler(params, {}));
    client.send(subscribe());
    await expect.poll(() => balancer.calls.length).toBe(1);
    client.webSocket.terminate();
    await expect.poll(() => server.load.webSockets).toBe(0);
    slow.release('1');
    await expect.poll(() => balancer.subscribers[0]?.unsubscribed).toBe(true);
    expect(server.load.subscriptions).toBe(0);
  });

  it('without an id are not made: nobody could end them', async () => {
    client.send({ jsonrpc: '2.0', method: 'chain_subscribeNewHeads' });
    await client.ask(call('echo'));
    expect(balancer.subscribers).toHaveLength(0);
  });

  it('above the limit of the connection are declined', async () => {
    await server.close();
    await start({ limits: { maxSubscriptionsPerConnection: 1 } });
    await client.ask(subscribe());
    expect(JSON.parse(await client.ask(subscribe(2)))).toEqual({
      jsonrpc: '2.0',
      id: 2,
      error: {
        code: -32006,
        message: 'Too many subscriptions on the connection',
        data: 'Exceeded max limit of 1',
      },
    });
    await client.ask(call('chain_unsubscribeNewHeads', ['sub-1']));
    expect(await client.ask(subscribe(3))).toContain('"result":"sub-2"');
  });

  it('can be ended whatever else the connection is at', async () => {
    await server.close();
    await start({ limits: { maxCallsPerConnection: 1 } });
    const slow = stalled();
    balancer.on('slow', slow.handler);
    await client.ask(subscribe());
    client.send(call('slow', [], 2));
    expect(await client.ask(call('echo', [], 3))).toContain('-32009');
    expect(await client.ask(call('chain_unsubscribeNewHeads', ['sub-1'], 4))).toContain('true');
    expect(balancer.subscribers[0]!.unsubscribed).toBe(true);
    slow.release('0');
  });

  it('made in a batch notify after the response to the batch', async () => {
    const slow = stalled();
    balancer.on('chain_subscribeNewHeads', () => '1').on('slow', slow.handler);
    client.send([subscribe('s'), call('slow', [], 't')]);
    await expect.poll(() => balancer.subscribers.length).toBe(1);
    balancer.subscribers[0]!.push('2');
    slow.release('0');
    expect(await client.next()).toBe(
      '[{"jsonrpc":"2.0","result":"sub-1","id":"s"},{"jsonrpc":"2.0","result":0,"id":"t"}]',
    );
    expect(await client.next()).toContain('"result":1');
    expect(await client.next()).toContain('"result":2');
    balancer.subscribers[0]!.push('3');
    expect(await client.next()).toContain('"result":3');
  });
});

describe('a subscription whose response was left out of a batch', () => {
  it('is ended, and not heard of', async () => {
    await server.close();
    await start({ limits: { maxBatchResponseBytes: 100 } });
    const big = JSON.stringify('x'.repeat(100));
    balancer.on('chain_subscribeNewHeads', () => '1').on('big', () => big);
    const slow = stalled();
    balancer.on('slow', slow.handler);
    client.send([subscribe('kept'), call('slow', [], 'slow')]);
    await expect.poll(() => balancer.subscribers.length).toBe(1);
    slow.release('0');
    expect(await client.next()).toContain('"result":"sub-1"');
    expect(await client.next()).toContain('"subscription":"sub-1","result":1');

    const held = stalled();
    balancer.on('held', held.handler);
    client.send([call('big', [], 'b'), subscribe('lost'), call('held', [], 'h')]);
    await expect.poll(() => balancer.subscribers.length).toBe(2);
    held.release('0');
    const answers = JSON.parse(await client.next()) as { error?: { code: number } }[];
    expect(answers.map(({ error }) => error?.code)).toEqual([-32008, -32008, -32008]);
    expect(balancer.subscribers.map(({ unsubscribed }) => unsubscribed)).toEqual([false, true]);
    expect(server.load.subscriptions).toBe(1);
    expect(await client.ask(call('chain_unsubscribeNewHeads', ['sub-1'], 9))).toContain('true');
    expect(client.waiting).toBe(0);
  });
});

describe('the WebSocket door', () => {
  it('declines paths that are no route', async () => {
    await expect(FrameClient.open(`${server.url}/other`)).rejects.toThrow('404');
  });

  it('declines everything when WebSocket is off', async () => {
    await server.close();
    await using plain = await startServer({
      port: 0,
      routes: [{ id: 'test', balancer }],
      webSocket: false,
    });
    await expect(FrameClient.open(`${plain.url}/test`)).rejects.toThrow('404');
  });

  it('declines pages of other machines unless they are named', async () => {
    const from = (origin: string) => FrameClient.open(`${server.url}/test`, { origin });
    for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null']) {
      await expect(from(origin)).rejects.toThrow('403');
    }
    for (const origin of ['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:5173']) {
      const allowed = await from(origin);
      expect(await allowed.ask(call('echo'))).toContain('"result"');
      await allowed.close();
    }
  });

  it('takes pages of origins that are named', async () => {
    await server.close();
    await start({ webSocketOrigins: ['https://app.example'] });
    const from = (origin: string) => FrameClient.open(`${server.url}/test`, { origin });
    await expect(from('https://evil.example')).rejects.toThrow('403');
    const allowed = await from('https://app.example');
    expect(await allowed.ask(call('echo'))).toContain('"result"');
    await allowed.close();
  });

  it('does not compress', () => {
    expect(client.webSocket.extensions).toBe('');
  });

  it('closes with 1009 on a message above its limit', async () => {
    await server.close();
    await start({ limits: { maxBodyBytes: 1024 } });
    client.send('x'.repeat(1025));
    expect((await client.closed).code).toBe(1009);
  });

  it('answers a ping', async () => {
    client.webSocket.ping('here');
    const [data] = (await once(client.webSocket, 'pong')) as [Buffer];
    expect(String(data)).toBe('here');
  });

  it('pings, keeps who answers, and hangs up on who does not', async () => {
    await server.close();
    const clock = new FakeClock();
    await start({ clock });
    const mute = await FrameClient.open(`${server.url}/test`, { autoPong: false });
    const pinged = [client, mute].map(({ webSocket }) => once(webSocket, 'ping'));
    await clock.advance(20_000);
    await Promise.all(pinged);
    await client.ask(call('echo'));
    await clock.advance(20_000);
    expect((await mute.closed).code).toBe(1006);
    expect(await client.ask(call('echo'))).toContain('"result"');
    expect(server.load.webSockets).toBe(1);
  });

  it('pings clients in groups, each client once in an interval', async () => {
    await server.close();
    const clock = new FakeClock();
    await start({ clock });
    const others = await Promise.all(
      Array.from({ length: 39 }, () => FrameClient.open(`${server.url}/test`)),
    );
    const clients = [client, ...others];
    const pings = clients.map(() => 0);
    clients.forEach(({ webSocket }, index) => {
      webSocket.on('ping', () => {
        pings[index]! += 1;
      });
    });
    const pinged = async (): Promise<number> => {
      // What was sent before an answer has come before it.
      await Promise.all(clients.map((each) => each.ask(call('echo'))));
      return pings.filter((count) => count > 0).length;
    };
    await clock.advance(1_000);
    expect(await pinged()).toBe(2);
    await clock.advance(9_000);
    expect(await pinged()).toBe(20);
    await clock.advance(10_000);
    expect(await pinged()).toBe(40);
    expect(new Set(pings)).toEqual(new Set([1]));
    for (const each of others) each.webSocket.close();
  });

  it('closes on a client that does not read what it subscribed to', async () => {
    await server.close();
    await start({ limits: { maxBufferedBytes: 64 * 1024 } });
    await client.ask(subscribe());
    client.webSocket.pause();
    const item = JSON.stringify('x'.repeat(256 * 1024));
    // The kernel's buffers take some megabytes first.
    for (let sent = 0; sent < 400 && !balancer.subscribers[0]!.unsubscribed; sent++) {
      balancer.subscribers[0]!.push(item);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(balancer.subscribers[0]!.unsubscribed).toBe(true);
    await expect.poll(() => server.load).toEqual({ webSockets: 0, subscriptions: 0, requests: 0 });
  });

  it('slows down a client that asks faster than it reads, and loses nothing', async () => {
    await server.close();
    await start({ limits: { maxBufferedBytes: 16 * 1024 * 1024 } });
    const big = JSON.stringify('x'.repeat(512 * 1024));
    balancer.on('big', () => big);
    client.webSocket.pause();
    for (let id = 0; id < 100; id++) client.send(call('big', [], id));
    await expect.poll(() => balancer.calls.length).toBeGreaterThan(0);
    client.webSocket.resume();
    for (let id = 0; id < 100; id++) expect(await client.next()).toContain('"result":"xxx');
    expect(server.load.webSockets).toBe(1);
  });
});
