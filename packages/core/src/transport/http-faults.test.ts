import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TimeoutError, TransportError } from '../errors.ts';
import type { Reply } from '../json-rpc/message.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import {
  deferred,
  eventually,
  failure,
  opened,
  type PeerScript,
  statesOf,
} from '../testing/transport-contract.ts';
import { systemClock } from '../time/clock.ts';
import { http } from './http.ts';
import type { HttpOptions } from './http-options.ts';
import { HttpPeer, type HttpPeerResponse } from './test-peers/http-peer.ts';
import type { Handshake, Transport, TransportContext, TransportState } from './transport.ts';

const context: TransportContext = { upstream: 'a', clock: systemClock, random: () => 0.5 };
const quick = { initialMs: 5, maxMs: 20 };
const passes: Handshake = async () => {};
const hang: PeerScript = () => new Promise(() => {});

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(port = 0): Promise<HttpPeer> {
  const peer = await HttpPeer.listen(port);
  cleanups.push(async () => {
    // The transport was closed first: its connections must be gone by themselves.
    await eventually(() => expect(peer.connections()).toBe(0));
    await peer.close();
  });
  return peer;
}

/** A TCP server that does with every connection what it is told. */
async function listenTcp(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.resume();
    onSocket(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(async () => {
    await eventually(() => expect(sockets.size).toBe(0));
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connect(
  url: string,
  options: HttpOptions = {},
  handshake: Handshake = passes,
  given: Partial<TransportContext> = {},
): Transport {
  const transport = http(url, { backoff: quick, ...options })({ ...context, ...given });
  cleanups.push(() => transport.close());
  transport.start(handshake);
  return transport;
}

async function connected(url: string, options: HttpOptions = {}): Promise<Transport> {
  const transport = connect(url, options);
  await opened(transport);
  return transport;
}

async function when<S extends TransportState['status']>(
  transport: Transport,
  status: S,
): Promise<Extract<TransportState, { status: S }>> {
  await eventually(() => expect(transport.state.status).toBe(status));
  return transport.state as Extract<TransportState, { status: S }>;
}

describe('http, calling', () => {
  it('posts JSON to path and query of its URL, with its credentials', async () => {
    const peer = await listen();
    const url = `http://me:pass%20word@127.0.0.1:${peer.port}/v1/key?net=main`;
    const transport = await connected(url, { headers: { 'X-Team': 'red' } });
    await transport.request('get', '[1]');
    expect(peer.received[0]).toMatchObject({
      verb: 'POST',
      path: '/v1/key?net=main',
      headers: {
        'content-type': 'application/json',
        'x-team': 'red',
        authorization: `Basic ${btoa('me:pass word')}`,
      },
    });
  });

  it('keeps its connections, and opens no more than it may', async () => {
    const peer = await listen();
    const transport = await connected(peer.url, { connections: 3 });
    for (let index = 0; index < 20; index++) await transport.request('get', '[]');
    // Undici lets go of a connection a moment after it gave the answer away.
    expect(peer.connections()).toBeLessThanOrEqual(2);
    const held: (() => void)[] = [];
    peer.script = () =>
      new Promise((resolve) => held.push(() => resolve({ kind: 'result', result: '1' })));
    const replies = Array.from({ length: 30 }, () => transport.request('get', '[]'));
    for (let answered = 0; answered < 30; answered++) {
      await eventually(() => expect(held.length).toBeGreaterThan(0));
      expect(held.length).toBeLessThanOrEqual(3);
      held.shift()?.();
    }
    await Promise.all(replies);
    // And the one that is kept for handshakes.
    expect(peer.connections()).toBeLessThanOrEqual(3 + 1);
  });

  it('never sends a call that was given up while it waited for a connection', async () => {
    const peer = await listen();
    const answer = deferred<Reply>();
    peer.script = () => answer.promise;
    const transport = await connected(peer.url, { connections: 1 });
    const first = transport.request('first', '[]');
    const controller = new AbortController();
    const { signal } = controller;
    const second = failure(transport.request('second', '[]', { signal }));
    const third = failure(transport.request('third', '[]', { timeoutMs: 20 }));
    const fourth = transport.request('fourth', '[]');
    controller.abort();
    expect(await second).toMatchObject({ code: 'cancelled' });
    expect(await third).toBeInstanceOf(TimeoutError);
    answer.resolve({ kind: 'result', result: '1' });
    await Promise.all([first, fourth]);
    expect(peer.calls.map(({ method }) => method)).toEqual(['first', 'fourth']);
  });

  it('frees the place of a call that is given up', async () => {
    const peer = await listen();
    peer.script = ({ method }) =>
      method === 'slow' ? new Promise(() => {}) : { kind: 'result', result: '1' };
    const transport = await connected(peer.url, { connections: 2 });
    const slow = [1, 2].map(() => failure(transport.request('slow', '[]', { timeoutMs: 30 })));
    const reply = transport.request('get', '[]');
    for (const error of await Promise.all(slow)) expect(error).toBeInstanceOf(TimeoutError);
    expect(await reply).toEqual({ kind: 'result', result: '1' });
    expect(transport.state).toMatchObject({ status: 'open', generation: 1 });
  });

  it('refuses more calls than it may have in flight', async () => {
    const peer = await listen();
    peer.script = hang;
    const transport = await connected(peer.url, { maxPending: 5, connections: 2 });
    const pending = Array.from({ length: 5 }, () => failure(transport.request('get', '[]')));
    const error = await failure(transport.request('get', '[]'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: 'overloaded', sent: false });
    await transport.close();
    const sent = (await Promise.all(pending)).map((closed) => {
      expect(closed).toBeInstanceOf(TransportError);
      expect(closed).toMatchObject({ code: 'closed' });
      return (closed as TransportError).sent;
    });
    expect(sent).toEqual([true, true, false, false, false]);
  });

  it.each<[string, HttpPeerResponse, object]>([
    [
      'a rate limit',
      { status: 429, headers: { 'retry-after': '7' } },
      { code: 'rate limited', retryAfterMs: 7000, sent: false },
    ],
    ['an outage', { status: 502, body: '<html>' }, { rawMessage: 'a: HTTP 502' }],
    [
      'a refusal',
      { status: 403, body: 'key topsecret' },
      { rawMessage: 'a: HTTP 403: our credentials were refused' },
    ],
    [
      'a redirect',
      { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
      { rawMessage: 'a: HTTP 307: redirects are not followed' },
    ],
    ['a page', { body: 'Welcome' }, { rawMessage: 'a: HTTP 200 with a body that is not JSON-RPC' }],
    [
      'another`s answer',
      { body: '{"id":999,"result":1}' },
      { rawMessage: 'a: the response is to another id than ours' },
    ],
    [
      'a long body',
      { body: 'x'.repeat(3000) },
      { rawMessage: 'a: the response is longer than 2000 bytes' },
    ],
    [
      'a long body without a length',
      { headers: { 'transfer-encoding': 'chunked' }, body: 'x'.repeat(3000) },
      { rawMessage: 'a: the response is longer than 2000 bytes' },
    ],
  ])('blames the upstream for %s', async (_what, response, expected) => {
    const peer = await listen();
    peer.respond = () => response;
    const transport = await connected(`${peer.url}/?key=topsecret`, { maxResponseBytes: 2000 });
    for (let index = 0; index < 5; index++) {
      const error = await failure(transport.request('get', '[]'));
      expect(error).toBeInstanceOf(TransportError);
      expect(error).toMatchObject({ origin: 'upstream', sent: true, ...expected });
    }
    // It can be reached: whether it deserves traffic is for others to say.
    expect(transport.state.status).toBe('open');
    expect(transport.pending).toBe(0);
  });

  it('takes an error status with an answer in it for the answer', async () => {
    const peer = await listen();
    peer.respond = ({ id }) => ({
      status: 400,
      body: `{"jsonrpc":"2.0","id":${id},"error":{"code":-32600,"message":"bad"}}`,
    });
    const transport = await connected(peer.url);
    expect(await transport.request('get', '[]')).toMatchObject({ error: { code: -32600 } });
  });

  it('reads a body that comes in pieces', async () => {
    const peer = await listen();
    const result = JSON.stringify('ü'.repeat(100_000));
    peer.respond = ({ id }, out) => {
      const body = Buffer.from(`{"id":${id},"result":${result}}`);
      out.write(body.subarray(0, 100_001));
      setImmediate(() => out.end(body.subarray(100_001)));
      return undefined;
    };
    const transport = await connected(peer.url);
    expect(await transport.request('get', '[]')).toEqual({ kind: 'result', result });
  });

  it('gives up on a body that never ends', async () => {
    const peer = await listen();
    peer.respond = (_call, out) => {
      out.write('{"id":');
      return undefined;
    };
    const transport = await connected(peer.url);
    const error = await failure(transport.request('get', '[]', { timeoutMs: 30 }));
    expect(error).toBeInstanceOf(TimeoutError);
  });

  it('fails a call whose answer breaks off', async () => {
    const peer = await listen();
    peer.respond = (_call, out) => {
      out.writeHead(200, { 'content-length': '100' });
      out.write('{"id":');
      setImmediate(() => out.destroy());
      return undefined;
    };
    const transport = await connected(peer.url);
    expect(await failure(transport.request('get', '[]'))).toMatchObject({
      code: 'transport',
      origin: 'local',
      sent: true,
      rawMessage: expect.stringContaining('disconnected: '),
    });
  });

  it('fails a call that something else than HTTP answers', async () => {
    const url = await listenTcp((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    const transport = await connected(url);
    const error = await failure(transport.request('get', '[]'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: 'transport', sent: true });
  });
});

describe('http, opening and closing its door', () => {
  it('waits when the connection is refused, as not sent', async () => {
    const gone = await HttpPeer.listen();
    const { url, port } = gone;
    await gone.close();
    const transport = connect(url, { backoff: { initialMs: 60_000 } }, async (connection) => {
      await connection.request('who', '[]');
    });
    const { reason } = await when(transport, 'waiting');
    const refused = `cannot connect: connect ECONNREFUSED 127.0.0.1:${port}`;
    expect(reason).toBe(`handshake failed: a: ${refused}`);
    const error = await failure(transport.request('get', '[]'));
    expect(error).toMatchObject({ code: 'transport', sent: false });
  });

  it('waits after so many connection failures in a row, and comes back', async () => {
    const gone = await HttpPeer.listen();
    const { url, port } = gone;
    const transport = await connected(url, { maxFailures: 3 });
    const states = statesOf(transport);
    await gone.close();
    for (let index = 0; index < 3; index++) {
      expect(transport.state.status).toBe('open');
      const error = await failure(transport.request('get', '[]'));
      expect(error).toMatchObject({ code: 'transport', sent: false });
    }
    expect(transport.state.status).toBe('waiting');
    const peer = await listen(port);
    await eventually(() => expect(states.at(-1)).toEqual({ status: 'open', generation: 2 }));
    expect(await transport.request('get', '[2]')).toEqual({ kind: 'result', result: '[2]' });
    expect(peer.calls.length).toBe(1);
    await transport.close();
  });

  it('starts counting failures anew after any response', async () => {
    const peer = await listen();
    const transport = await connected(peer.url, { maxFailures: 2 });
    for (let index = 0; index < 5; index++) {
      peer.respond = (_call, out) => void out.destroy();
      expect(await failure(transport.request('get', '[]'))).toMatchObject({ sent: true });
      peer.respond = () => ({ status: 500 });
      expect(await failure(transport.request('get', '[]'))).toMatchObject({ origin: 'upstream' });
    }
    expect(transport.state).toMatchObject({ status: 'open', generation: 1 });
  });

  it('fails calls that wait for a connection when the door closes, as not sent', async () => {
    const peer = await listen();
    peer.script = hang;
    const transport = await connected(peer.url, { connections: 2, maxFailures: 2 });
    const sent = [1, 2].map(() => failure(transport.request('sent', '[]')));
    const queued = [1, 2].map(() => failure(transport.request('queued', '[]')));
    await eventually(() => expect(peer.calls.length).toBe(2));
    peer.respond = (_call, out) => void out.destroy();
    peer.cut();
    for (const error of await Promise.all(sent)) expect(error).toMatchObject({ sent: true });
    const outcomes = (await Promise.all(queued)) as TransportError[];
    expect(outcomes.some(({ sent }) => !sent)).toBe(true);
  });

  it('stays away for as long as the answer to its handshake asks', async () => {
    const peer = await listen();
    peer.respond = () => ({ status: 429, headers: { 'retry-after': '30' } });
    const clock = new FakeClock();
    const asks: Handshake = async (connection) => {
      await connection.request('hash', '[]');
    };
    const transport = connect(peer.url, {}, asks, { clock });
    expect((await when(transport, 'waiting')).retryAtMs).toBe(30_000 + quick.initialMs / 2);
    transport.hurry?.();
    peer.respond = undefined;
    await clock.advance(29_999);
    expect(transport.state.status).toBe('waiting');
    await clock.advance(10);
    await when(transport, 'open');
  });

  it('gives up on a peer that never ends its handshake', async () => {
    const peer = await listen();
    peer.script = hang;
    const options = { connectTimeoutMs: 30, backoff: { initialMs: 60_000 } };
    const transport = connect(peer.url, options, async (connection) => {
      await connection.request('who', '[]');
    });
    expect((await when(transport, 'waiting')).reason).toBe('not ready within 30 ms');
    expect(transport.pending).toBe(0);
  });

  it('asks again who is there, and goes on when all is well', async () => {
    const peer = await listen();
    let handshakes = 0;
    const transport = connect(peer.url, { recheckMs: 5 }, async (connection) => {
      handshakes++;
      await connection.request('who', '[]');
    });
    await opened(transport);
    const states = statesOf(transport);
    await eventually(() => expect(handshakes).toBeGreaterThan(4));
    expect(states).toEqual([]);
  });

  it('hides a secret that a failed handshake repeats', async () => {
    const peer = await listen();
    const refuses = () => Promise.reject(new Error('key topsecret expired'));
    const transport = connect(`${peer.url}/?key=topsecret`, {}, refuses);
    const { reason } = await when(transport, 'waiting');
    expect(reason).toBe('handshake failed: key *** expired');
  });

  it('closes its door at once when somebody else is there, also to calls under way', async () => {
    const peer = await listen();
    let chain = '"0xaa"';
    peer.script = ({ method }) =>
      method === 'slow' ? new Promise(() => {}) : { kind: 'result', result: chain };
    const clock = new FakeClock();
    const transport = connect(
      peer.url,
      { recheckMs: 60_000 },
      async (connection) => {
        const reply = await connection.request('genesis', '[]');
        if (reply.kind !== 'result' || reply.result !== '"0xaa"') throw new Error('wrong chain');
      },
      { clock },
    );
    await opened(transport);
    const slow = failure(transport.request('slow', '[]', { timeoutMs: 300_000 }));
    chain = '"0xbb"';
    await clock.advance(60_000);
    expect((await when(transport, 'waiting')).reason).toBe('handshake failed: wrong chain');
    expect(await slow).toMatchObject({ code: 'transport', sent: true });
    await transport.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets calls under way go on when the recheck could not be made', async () => {
    const peer = await listen();
    let busy = false;
    const release = deferred<Reply>();
    peer.script = ({ method }) =>
      method === 'slow' ? release.promise : { kind: 'result', result: '1' };
    const clock = new FakeClock();
    const transport = connect(
      peer.url,
      {},
      async (connection) => {
        await connection.request('who', '[]');
        if (busy) throw new TransportError('HTTP 502', { origin: 'upstream' });
      },
      { clock },
    );
    await opened(transport);
    const slow = transport.request('slow', '[]', { timeoutMs: 300_000 });
    await eventually(() => expect(peer.calls.at(-1)?.method).toBe('slow'));
    busy = true;
    await clock.advance(60_000);
    expect((await when(transport, 'waiting')).reason).toBe('handshake failed: HTTP 502');
    release.resolve({ kind: 'result', result: '"done"' });
    expect(await slow).toEqual({ kind: 'result', result: '"done"' });
  });

  it('takes a busy upstream for alive: its handshake does not queue', async () => {
    const peer = await listen();
    peer.script = ({ method }) =>
      method === 'slow' ? new Promise(() => {}) : { kind: 'result', result: '1' };
    let handshakes = 0;
    const options = { connections: 1, recheckMs: 5, connectTimeoutMs: 2000 };
    const transport = connect(peer.url, options, async (connection) => {
      await connection.request('who', '[]');
      handshakes++;
    });
    await opened(transport);
    const states = statesOf(transport);
    for (let index = 0; index < 5; index++) void transport.request('slow', '[]').catch(() => {});
    const before = handshakes;
    await eventually(() => expect(handshakes).toBeGreaterThan(before + 2));
    expect(states).toEqual([]);
  });

  it('leaves no timer behind, wherever it is closed', async () => {
    for (const until of ['connecting', 'waiting', 'open'] as const) {
      const clock = new FakeClock();
      const peer = await listen();
      peer.script = hang;
      const handshake: Handshake = async (connection) => {
        if (until === 'connecting') await connection.request('who', '[]');
        if (until === 'waiting') throw new Error('no');
      };
      const transport = connect(peer.url, {}, handshake, { clock });
      await when(transport, until);
      if (until === 'open') void transport.request('get', '[]').catch(() => {});
      await eventually(() => expect(clock.pendingTimers).toBeGreaterThan(0));
      await transport.close();
      expect(clock.pendingTimers).toBe(0);
    }
  });
});
