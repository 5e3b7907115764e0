import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TimeoutError, TransportError } from '../errors.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import {
  deferred,
  echo,
  eventually,
  failure,
  opened,
  type PeerScript,
  statesOf,
} from '../testing/transport-contract.ts';
import { systemClock } from '../time/clock.ts';
import { notification, response, WebSocketPeer } from './test-peers/websocket-peer.ts';
import type {
  Handshake,
  SubscriptionHandlers,
  Transport,
  TransportContext,
  TransportState,
} from './transport.ts';
import { websocket } from './websocket.ts';
import type { WebSocketOptions } from './websocket-options.ts';

const context: TransportContext = { upstream: 'a', clock: systemClock, random: () => 0.5 };
const quick = { initialMs: 5, maxMs: 20 };
const passes: Handshake = async () => {};
const hang: PeerScript = () => new Promise(() => {});
const call = { method: 'sub', params: '[]', unsubscribe: 'unsub' };

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(script: PeerScript = echo): Promise<WebSocketPeer> {
  const peer = await WebSocketPeer.listen();
  peer.script = script;
  cleanups.push(async () => {
    // The transport was closed first: its connections must be gone by themselves.
    await eventually(() => expect(peer.connections()).toBe(0));
    await peer.close();
  });
  return peer;
}

/** A TCP server for peers that do not even speak WebSocket. */
async function listenTcp(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(async () => {
    await eventually(() => expect(sockets.size).toBe(0));
    await new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connect(
  url: string,
  options: WebSocketOptions = {},
  handshake: Handshake = passes,
  given: Partial<TransportContext> = {},
): Transport {
  const transport = websocket(url, { backoff: quick, ...options })({ ...context, ...given });
  cleanups.push(() => transport.close());
  transport.start(handshake);
  return transport;
}

async function connected(
  peer: WebSocketPeer,
  options: WebSocketOptions = {},
  given: Partial<TransportContext> = {},
): Promise<Transport> {
  const transport = connect(peer.url, options, passes, given);
  await opened(transport);
  return transport;
}

/** The next state of this kind, or the present one. */
async function when<S extends TransportState['status']>(
  transport: Transport,
  status: S,
): Promise<Extract<TransportState, { status: S }>> {
  const { state } = transport;
  if (state.status === status) return state as Extract<TransportState, { status: S }>;
  return new Promise((resolve) => {
    const stop = transport.onState((changed) => {
      if (changed.status !== status) return;
      stop();
      resolve(changed as Extract<TransportState, { status: S }>);
    });
  });
}

function listener(): { handlers: SubscriptionHandlers; heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    handlers: {
      onSubscribed: ({ id }) => heard.push(`subscribed ${id}`),
      onNotification: (item) => heard.push(item),
      onEnd: (reason) => heard.push(`end: ${reason}`),
    },
  };
}

describe('websocket, connecting', () => {
  it('waits when the connection is refused, and says so', async () => {
    const peer = await WebSocketPeer.listen();
    const { url, port } = peer;
    await peer.close();
    const transport = connect(url, { backoff: { initialMs: 60_000, maxMs: 60_000 } });
    const { reason, retryAtMs } = await when(transport, 'waiting');
    expect(reason).toBe(`cannot connect: 1006 connect ECONNREFUSED 127.0.0.1:${port}`);
    expect(retryAtMs - systemClock.now()).toBeGreaterThan(10_000);
    const error = await failure(transport.request('get', '[]'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ sent: false });
    expect((error as Error).message).toBe(`[transport] a: not connected: ${reason}`);
    expect(transport.pending).toBe(0);
  });

  it('gives up on a peer that accepts and says nothing', async () => {
    const address = await listenTcp((socket) => socket.resume());
    const options = { connectTimeoutMs: 30, backoff: { initialMs: 60_000 } };
    const transport = connect(`ws://${address}`, options);
    const { reason } = await when(transport, 'waiting');
    expect(reason).toBe('cannot connect: not ready within 30 ms');
  });

  it('gives up on a peer that never ends its handshake', async () => {
    const peer = await listen(hang);
    const clock = new FakeClock();
    const asked = deferred<void>();
    const handshake: Handshake = async (connection) => {
      asked.resolve();
      await connection.request('who', '[]');
    };
    const transport = connect(peer.url, {}, handshake, { clock });
    await asked.promise;
    await clock.advance(5000);
    const { reason } = await when(transport, 'waiting');
    expect(reason).toBe('cannot connect: not ready within 5000 ms');
  });

  it('waits when the peer leaves during the handshake', async () => {
    const peer = await listen();
    peer.script = () => {
      for (const socket of peer.sockets) socket.close(1012, 'restarting');
      return new Promise(() => {});
    };
    const errors: unknown[] = [];
    const transport = connect(peer.url, { backoff: { initialMs: 60_000 } }, async (connection) => {
      errors.push(await failure(connection.request('who', '[]')));
    });
    const { reason } = await when(transport, 'waiting');
    expect(reason).toBe('disconnected: 1012 restarting');
    expect(errors[0]).toBeInstanceOf(TransportError);
  });

  it('keeps a node of another chain out until it is of ours', async () => {
    let chain = '"0xbb"';
    const peer = await listen(() => ({ kind: 'result', result: chain }));
    const states: TransportState[] = [];
    const transport = connect(peer.url, {}, async (connection) => {
      const reply = await connection.request('genesis', '[]');
      if (reply.kind !== 'result' || reply.result !== '"0xaa"') throw new Error('wrong chain');
    });
    transport.onState((state) => states.push(state));
    await eventually(() => expect(peer.upgrades.length).toBeGreaterThan(3));
    expect(states.some(({ status }) => status === 'open')).toBe(false);
    chain = '"0xaa"';
    await opened(transport);
    expect(peer.connections()).toBe(1);
    chain = '"0xbb"';
    peer.cut();
    expect(await when(transport, 'waiting')).toBeDefined();
    await eventually(() => expect(peer.upgrades.length).toBeGreaterThan(7));
    expect(states.filter(({ status }) => status === 'open').length).toBe(1);
  });

  it('shows no secret when it is turned away', async () => {
    const server = createHttpServer((_request, out) => out.end()).on(
      'upgrade',
      (request, socket) => {
        expect(request.url).toBe('/v1/abcdef123456?key=topsecret');
        expect(request.headers.authorization).toBe(`Basic ${btoa('me:password')}`);
        socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
      },
    );
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    cleanups.push(async () => {
      await new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    const url = `ws://me:password@127.0.0.1:${port}/v1/abcdef123456?key=topsecret`;
    const transport = connect(url, { backoff: { initialMs: 60_000 } });
    const { reason } = await when(transport, 'waiting');
    expect(reason).toBe('cannot connect: 1006 Unexpected server response: 401');
    const error = (await failure(transport.request('get', '[]'))) as Error;
    expect(JSON.stringify([error, error.message, error.stack])).not.toMatch(
      /password|topsecret|abcdef/,
    );
  });

  it('hides a secret that the peer repeats in its reason', async () => {
    const peer = await listen();
    const transport = connect(`${peer.url}/?key=topsecret`, { backoff: { initialMs: 60_000 } });
    await opened(transport);
    for (const socket of peer.sockets) socket.close(4001, 'key topsecret expired');
    expect((await when(transport, 'waiting')).reason).toBe('disconnected: 4001 key *** expired');
  });

  it('hides a secret that a failed handshake repeats', async () => {
    const peer = await listen();
    const refuses = () => Promise.reject(new Error('key topsecret expired'));
    const transport = connect(`${peer.url}/?key=topsecret`, {}, refuses);
    const { reason } = await when(transport, 'waiting');
    expect(reason).toBe('handshake failed: key *** expired');
  });

  it('sends headers and credentials with the upgrade', async () => {
    const peer = await listen();
    await connected(peer, { headers: { 'X-Team': 'red' }, bearerToken: 'abc' });
    expect(peer.upgrades[0]?.headers).toMatchObject({
      'x-team': 'red',
      authorization: 'Bearer abc',
    });
    expect(peer.upgrades[0]?.headers).not.toHaveProperty('sec-websocket-extensions');
  });

  it('waits longer after every failure, and starts over after a stable connection', async () => {
    const closed = await WebSocketPeer.listen();
    const { url, port } = closed;
    await closed.close();
    const clock = new FakeClock();
    const options = { backoff: { initialMs: 100, maxMs: 1000 }, stableAfterMs: 5000 };
    const transport = connect(url, options, passes, { clock });
    const delays: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const { retryAtMs } = await when(transport, 'waiting');
      delays.push(retryAtMs - clock.now());
      const connecting = when(transport, 'connecting');
      await clock.advance(retryAtMs - clock.now());
      await connecting;
    }
    expect(delays).toEqual([50, 100, 200, 400, 500]);
    const { retryAtMs } = await when(transport, 'waiting');
    const peer = await WebSocketPeer.listen(port);
    cleanups.push(() => peer.close());
    await clock.advance(retryAtMs - clock.now());
    await opened(transport);
    await clock.advance(5000);
    peer.cut();
    expect((await when(transport, 'waiting')).retryAtMs - clock.now()).toBe(50);
    await transport.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('stays away for as long as a server that refuses it asks, whoever needs it', async () => {
    const clock = new FakeClock();
    for (const [answer, delayMs] of [
      ['429 Too Many Requests\r\nRetry-After: 30', 30_000],
      ['503 Service Unavailable\r\nRetry-After: 5', 5_000],
      ['503 Service Unavailable\r\nRetry-After: 999999999', 3_600_000],
      ['429 Too Many Requests', 0],
      ['404 Not Found\r\nRetry-After: 30', 0],
    ] as const) {
      const address = await listenTcp((socket) => {
        socket.resume();
        socket.end(`HTTP/1.1 ${answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      });
      const backoff = { initialMs: 100, maxMs: 100 };
      const transport = connect(`ws://${address}`, { backoff }, passes, { clock });
      const { reason, retryAtMs } = await when(transport, 'waiting');
      expect(reason).toContain(`Unexpected server response: ${answer.slice(0, 3)}`);
      expect(retryAtMs - clock.now()).toBe(delayMs + 50);
      transport.hurry?.();
      expect(transport.state).toMatchObject({ status: 'waiting', retryAtMs });
      await transport.close();
    }
  });

  it('tries sooner when somebody waits for it', async () => {
    const closed = await WebSocketPeer.listen();
    const { url, port } = closed;
    await closed.close();
    const clock = new FakeClock();
    const options = { backoff: { initialMs: 100, maxMs: 60_000, factor: 600 } };
    const transport = connect(url, options, passes, { clock });
    await when(transport, 'waiting');
    const connecting = when(transport, 'connecting');
    await clock.advance(50);
    await connecting;
    expect((await when(transport, 'waiting')).retryAtMs).toBe(50 + 30_000);
    const peer = await WebSocketPeer.listen(port);
    cleanups.push(() => peer.close());
    transport.hurry?.();
    // Not at once: it has only just failed.
    expect(transport.state).toMatchObject({ status: 'waiting', retryAtMs: 50 + 150 });
    await clock.advance(150);
    await opened(transport);
    // Of no use to one that is open, or closed.
    transport.hurry?.();
    await transport.close();
    transport.hurry?.();
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves no timer behind, wherever it is closed', async () => {
    const silent = await listenTcp((socket) => socket.resume());
    for (const until of ['connecting', 'waiting', 'open'] as const) {
      const clock = new FakeClock();
      const peer = await listen(hang);
      const url = until === 'connecting' ? `ws://${silent}` : peer.url;
      const handshake = async (): Promise<void> => {
        if (until === 'waiting') throw new Error('no');
      };
      const transport = connect(url, {}, handshake, { clock });
      await when(transport, until);
      if (until === 'open') void transport.request('get', '[]').catch(() => {});
      expect(clock.pendingTimers).toBeGreaterThan(0);
      await transport.close();
      expect(clock.pendingTimers).toBe(0);
    }
  });
});

describe('websocket, calling', () => {
  it('names code and reason of a close in what it fails', async () => {
    const peer = await listen(hang);
    const transport = await connected(peer);
    const pending = failure(transport.request('get', '[]'));
    await eventually(() => expect(peer.calls.length).toBe(1));
    for (const socket of peer.sockets) socket.close(1001, 'going away');
    expect(((await pending) as Error).message).toBe('[transport] a: disconnected: 1001 going away');
  });

  it('drops answers that come twice, late, or to calls never made', async () => {
    const peer = await listen(hang);
    const transport = await connected(peer);
    const reply = transport.request('get', '[]');
    await eventually(() => expect(peer.received.length).toBe(1));
    const { id } = peer.received[0]!;
    for (const other of ['99', '"1"', 'true', '[1]', `"${id}"`]) peer.send(response(other, '0'));
    for (const result of ['1', '2']) peer.send(response(id, result));
    expect(await reply).toEqual({ kind: 'result', result: '1' });
    await eventually(() => expect(transport.counters?.unknownResponses).toBe(6));
    expect(transport.state.status).toBe('open');
  });

  it('reads answers in a batch and in binary messages', async () => {
    const peer = await listen(hang);
    const transport = await connected(peer);
    const replies = ['a', 'b', 'c'].map((method) => transport.request(method, '[]'));
    await eventually(() => expect(peer.received.length).toBe(3));
    const [a, b, c] = peer.received.map(({ id }) => id) as [string, string, string];
    peer.send(` [${response(b, '2')},${response(a, '1')}]`);
    peer.send(Buffer.from(response(c, '"ü"')));
    expect(await Promise.all(replies)).toEqual(
      ['1', '2', '"ü"'].map((result) => ({ kind: 'result', result })),
    );
  });

  it('takes an error that names no call for the answer to the only one', async () => {
    const peer = await listen(hang);
    const transport = await connected(peer);
    const error = '{"jsonrpc":"2.0","id":null,"error":{"code":-32007,"message":"too big"}}';
    const only = transport.request('get', '[]');
    await eventually(() => expect(peer.received.length).toBe(1));
    peer.send(error);
    expect(await only).toMatchObject({ kind: 'error', error: { code: -32007 } });
    const two = [1, 2].map(() => failure(transport.request('get', '[]', { timeoutMs: 50 })));
    peer.send(error);
    for (const result of await Promise.all(two)) expect(result).toBeInstanceOf(TimeoutError);
  });

  it('blames the upstream for an answer that is none', async () => {
    const peer = await listen(hang);
    const transport = await connected(peer);
    const reply = failure(transport.request('get', '[]'));
    await eventually(() => expect(peer.received.length).toBe(1));
    peer.send(`{"id":${peer.received[0]!.id},"result":1,"error":{"code":1,"message":"m"}}`);
    expect(await reply).toMatchObject({ code: 'transport', origin: 'upstream' });
    expect(transport.state.status).toBe('open');
  });

  it('ends a connection that sends garbage again and again', async () => {
    const peer = await listen(hang);
    const transport = await connected(peer);
    const pending = failure(transport.request('get', '[]'));
    await eventually(() => expect(peer.received.length).toBe(1));
    const waiting = when(transport, 'waiting');
    for (const garbage of ['hello', '{"id":1', response('77', '1'), '', '[1]', '{}']) {
      peer.send(garbage);
    }
    expect((await waiting).reason).toContain('disconnected: 3 malformed messages, the last: ');
    expect(await pending).toMatchObject({ code: 'transport', sent: true });
    expect(transport.counters).toMatchObject({ malformedMessages: 5, unknownResponses: 1 });
    await opened(transport);
  });

  it('ends a connection that sends too large a message', async () => {
    const peer = await listen();
    const transport = await connected(peer, { maxMessageBytes: 1000 });
    const params = (length: number): string => JSON.stringify('x'.repeat(length));
    expect(await transport.request('get', params(500))).toMatchObject({ kind: 'result' });
    const error = (await failure(transport.request('get', params(2000)))) as Error;
    expect(error.message).toContain('Max payload size exceeded');
    await opened(transport);
  });

  it('refuses more calls than it may have in flight', async () => {
    const peer = await listen(hang);
    const transport = await connected(peer, { maxPending: 10 });
    const pending = Array.from({ length: 10 }, () => failure(transport.request('get', '[]')));
    const error = await failure(transport.request('get', '[]'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: 'overloaded', sent: false });
    expect(transport.pending).toBe(10);
    await transport.close();
    await Promise.all(pending);
  });

  it('refuses calls while the upstream reads too slowly', async () => {
    const peer = await listen();
    const transport = await connected(peer, { maxBufferedBytes: 100_000 });
    for (const socket of peer.sockets) socket.pause();
    const errors: unknown[] = [];
    const params = JSON.stringify('x'.repeat(100_000));
    // The kernel takes a few megabytes before anything is held back.
    await eventually(() => {
      for (let index = 0; index < 50; index++) {
        transport.request('get', params).catch((error: unknown) => errors.push(error));
      }
      return new Promise<void>((resolve, reject) => {
        setImmediate(() => (errors.length > 0 ? resolve() : reject(new Error('not yet'))));
      });
    });
    expect(errors[0]).toMatchObject({ code: 'overloaded', sent: false });
    expect((errors[0] as Error).message).toContain('reads too slowly');
    await transport.close();
    for (const socket of peer.sockets) socket.resume();
  });

  it('ends a connection whose peer is frozen', async () => {
    const peer = await listen();
    const options = { pingIntervalMs: 20, pongTimeoutMs: 30, backoff: { initialMs: 60_000 } };
    const transport = await connected(peer, options);
    const pending = failure(transport.request('get', '[]'));
    // It reads nothing any more, and so answers no ping either.
    for (const socket of peer.sockets) socket.pause();
    expect((await when(transport, 'waiting')).reason).toBe('disconnected: no pong within 30 ms');
    await pending;
    for (const socket of peer.sockets) socket.resume();
  });

  it('keeps a quiet connection whose peer is alive', async () => {
    const peer = await listen();
    const clock = new FakeClock();
    const transport = await connected(peer, {}, { clock });
    let pings = 0;
    for (const socket of peer.sockets) socket.on('ping', () => pings++);
    for (let minute = 0; minute < 6; minute++) {
      await clock.advance(10_000);
      await eventually(() => expect(pings).toBe(minute + 1));
      // The pong is on its way back: let it arrive before time goes on.
      await transport.request('get', '[]');
    }
    expect(transport.state).toMatchObject({ status: 'open', generation: 1 });
  });
});

describe('websocket, with several sockets', () => {
  it('sends calls to the one with the fewest in flight', async () => {
    const peer = await listen(hang);
    const transport = connect(peer.url, { sockets: 3 });
    await eventually(() => expect(transport.state).toMatchObject({ generation: 3 }));
    for (let index = 0; index < 30; index++) void transport.request('get', '[]').catch(() => {});
    await eventually(() => expect(peer.received.length).toBe(30));
    const perSocket = peer.sockets.map(
      (socket) => peer.received.filter((received) => received.socket === socket).length,
    );
    expect(perSocket).toEqual([10, 10, 10]);
    expect(transport.pending).toBe(30);
  });

  it('goes on with the others when one breaks', async () => {
    const peer = await listen();
    const transport = connect(peer.url, { sockets: 2 });
    await eventually(() => expect(transport.state).toMatchObject({ generation: 2 }));
    const states = statesOf(transport);
    peer.sockets[0]?.terminate();
    await eventually(() => expect(transport.state).toMatchObject({ generation: 3 }));
    expect(states.every(({ status }) => status === 'open')).toBe(true);
    for (let index = 0; index < 10; index++) {
      expect(await transport.request('get', `[${index}]`)).toMatchObject({ kind: 'result' });
    }
  });
});

describe('websocket, subscribing', () => {
  const accept: PeerScript = (received) =>
    received.method === 'sub' ? { kind: 'result', result: '"s1"' } : echo(received);

  it('ends the connection when a subscription id is given twice', async () => {
    const peer = await listen(accept);
    const transport = await connected(peer, { backoff: { initialMs: 60_000 } });
    const first = listener();
    const second = listener();
    await transport.subscribe(call, first.handlers);
    const error = await failure(transport.subscribe(call, second.handlers));
    expect(error).toMatchObject({ code: 'transport', origin: 'upstream' });
    expect(first.heard.at(-1)).toContain('end: disconnected: sub was answered with a subscription');
    expect(second.heard).toEqual([]);
    expect(transport.state.status).toBe('waiting');
  });

  it('refuses an answer that is no subscription id', async () => {
    const peer = await listen(() => ({ kind: 'result', result: 'true' }));
    const transport = await connected(peer);
    const { handlers, heard } = listener();
    expect(await failure(transport.subscribe(call, handlers))).toMatchObject({
      code: 'transport',
      origin: 'upstream',
    });
    expect(heard).toEqual([]);
    expect(transport.state.status).toBe('open');
  });

  it('knows an id however it is spelled', async () => {
    const peer = await listen(accept);
    const transport = await connected(peer);
    const { handlers, heard } = listener();
    await transport.subscribe(call, handlers);
    peer.notify('"\\u0073\\u0031"', '1');
    await eventually(() => expect(heard).toEqual(['subscribed "s1"', '1']));
  });

  it('takes numbers for ids', async () => {
    const peer = await listen(() => ({ kind: 'subscribed', id: '7', early: ['1'] }));
    const transport = await connected(peer);
    const { handlers, heard } = listener();
    await transport.subscribe(call, handlers);
    peer.notify('7', '2');
    await eventually(() => expect(heard).toEqual(['subscribed 7', '1', '2']));
  });

  it('ends upstream what is accepted after it was given up', async () => {
    const late = deferred<void>();
    const peer = await listen(async (received) => {
      if (received.method === 'sub') await late.promise;
      return accept(received);
    });
    const transport = await connected(peer);
    const { handlers, heard } = listener();
    const error = await failure(transport.subscribe(call, handlers, { timeoutMs: 20 }));
    expect(error).toBeInstanceOf(TimeoutError);
    late.resolve();
    await eventually(() => {
      expect(peer.calls.at(-1)).toEqual({ method: 'unsub', params: '["s1"]' });
    });
    peer.notify('"s1"', '1');
    await transport.request('get', '[]');
    expect(heard).toEqual([]);
    expect(transport.counters?.unknownNotifications).toBe(0);
    expect(transport.pending).toBe(0);
  });

  it('ends a subscription whose early notifications were more than it keeps', async () => {
    const early = ['1', '2', '3', '4', '5'];
    const peer = await listen((received) =>
      received.method === 'sub' ? { kind: 'subscribed', id: '"s1"', early } : echo(received),
    );
    const transport = await connected(peer, { maxEarlyNotifications: 3 });
    const { handlers, heard } = listener();
    await transport.subscribe(call, handlers);
    expect(heard).toEqual([
      'subscribed "s1"',
      '1',
      '2',
      '3',
      expect.stringContaining('end: more notifications came before the response'),
    ]);
    await eventually(() => expect(peer.calls.at(-1)?.method).toBe('unsub'));
  });

  it('ends a subscription that the upstream says has failed', async () => {
    const peer = await listen(accept);
    const transport = await connected(peer);
    const { handlers, heard } = listener();
    await transport.subscribe(call, handlers);
    peer.send('{"method":"item","params":{"subscription":"s1","error":"lagged"}}');
    peer.notify('"s1"', '1');
    await transport.request('get', '[]');
    expect(heard).toEqual(['subscribed "s1"', expect.stringContaining('end: the upstream ended')]);
  });

  it('counts notifications that nobody waits for, and keeps none of them', async () => {
    const peer = await listen(accept);
    const transport = await connected(peer);
    for (let index = 0; index < 1000; index++) peer.notify(`"x${index}"`, '1');
    peer.send('{"method":"item"}');
    peer.send('{"method":"item","params":[1]}');
    peer.send('{"id":1,"method":"ask","params":{"subscription":"s1","result":1}}');
    await eventually(() => expect(transport.counters?.unknownNotifications).toBe(1003));
    const { handlers, heard } = listener();
    await transport.subscribe(call, handlers);
    expect(heard).toEqual(['subscribed "s1"']);
  });

  it('refuses more subscriptions than it may hold', async () => {
    let next = 0;
    const peer = await listen((received) =>
      received.method === 'sub' ? { kind: 'result', result: `${++next}` } : echo(received),
    );
    const transport = await connected(peer, { maxSubscriptions: 2 });
    await transport.subscribe(call, listener().handlers);
    await transport.subscribe(call, listener().handlers);
    const refused = failure(transport.subscribe(call, listener().handlers));
    expect(await refused).toMatchObject({ code: 'overloaded', sent: false });
  });

  it('delivers to others when one subscriber throws', async () => {
    const uncaught: unknown[] = [];
    const enqueue = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
      try {
        task();
      } catch (error) {
        uncaught.push(error);
      }
    });
    const peer = await listen(accept);
    const transport = await connected(peer);
    const heard: string[] = [];
    await transport.subscribe(call, {
      onSubscribed: () => {
        throw new Error('mine');
      },
      onNotification: (item) => {
        heard.push(item);
        throw new Error('mine too');
      },
      onEnd: () => {},
    });
    peer.send(`[${notification('"s1"', '1')},${notification('"s1"', '2')}]`);
    await eventually(() => expect(heard).toEqual(['1', '2']));
    enqueue.mockRestore();
    expect(uncaught.map((error) => (error as Error).message)).toEqual([
      'mine',
      'mine too',
      'mine too',
    ]);
    expect(transport.state.status).toBe('open');
  });
});
