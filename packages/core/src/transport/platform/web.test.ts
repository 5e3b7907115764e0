import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import { FakeClock } from '../../testing/fake-clock.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import {
  describeTransport,
  eventually,
  failure,
  opened,
  type TransportHarness,
} from '../../testing/transport-contract.ts';
import { systemClock } from '../../time/clock.ts';
import { http } from '../http.ts';
import { HttpPeer } from '../test-peers/http-peer.ts';
import { WebSocketPeer } from '../test-peers/websocket-peer.ts';
import type { Transport } from '../transport.ts';
import { websocket } from '../websocket.ts';

// What a bundler for browsers takes for these two names.
vi.mock('#socket', () => import('./socket-web.ts'));
vi.mock('#fetcher', () => import('./fetcher-web.ts'));

const context = { upstream: 'a', clock: systemClock, random: seededRandom(1) };
const backoff = { initialMs: 5, maxMs: 20 };
const passes = async (): Promise<void> => {};

// `ws` has the interface of a browser's WebSocket, which Node 20 lacks.
beforeAll(() => vi.stubGlobal('WebSocket', NodeWebSocket));
afterAll(() => vi.unstubAllGlobals());

describeTransport('websocket of the web platform', async () => {
  const peer = await WebSocketPeer.listen();
  const transport = websocket(peer.url, { backoff })(context);
  return harness(transport, peer, (id, item) => peer.notify(id, item));
});

describeTransport(
  'http of the web platform',
  async () => {
    const peer = await HttpPeer.listen();
    const transport = http(peer.url, { backoff })(context);
    // Nothing closes the connections that `fetch` keeps for later: only calls can be ended.
    return harness(
      transport,
      peer,
      () => {},
      () => 0,
    );
  },
  {
    canSubscribe: false,
    skip: [
      {
        reason: 'takes `fetch` many seconds',
        tests: ['has nothing pending after ten thousand calls'],
      },
      {
        reason: 'has no standing connection whose loss it could notice',
        tests: ['comes back by itself, with a handshake and a new generation'],
      },
    ],
  },
);

function harness(
  transport: Transport,
  peer: WebSocketPeer | HttpPeer,
  notify: TransportHarness['notify'],
  connections = () => peer.connections(),
): TransportHarness {
  return {
    transport,
    get script() {
      return peer.script;
    },
    set script(script) {
      peer.script = script;
    },
    calls: peer.calls,
    notify,
    cut: () => peer.cut(),
    connections,
    close: () => peer.close(),
  };
}

describe('websocket of the web platform', () => {
  it('refuses what a browser cannot do', () => {
    for (const options of [{ headers: { a: 'b' } }, { bearerToken: 'secret' }, { tls: {} }]) {
      expect(() => websocket('ws://user.example/secret', options)).toThrow(
        /^\[invalid request\] ws:\/\/user\.example: this platform (sends no headers|takes no TLS)/,
      );
    }
  });

  it('puts basic authentication back into the URL', async () => {
    const peer = await WebSocketPeer.listen();
    await using transport = websocket(`ws://me:pass%20word@127.0.0.1:${peer.port}`)(context);
    transport.start(passes);
    await opened(transport);
    expect(peer.upgrades[0]?.headers.authorization).toBe(`Basic ${btoa('me:pass word')}`);
    await transport.close();
    await peer.close();
  });

  it('reads binary messages, and ends a connection that sends too large a message', async () => {
    const peer = await WebSocketPeer.listen();
    const options = { maxMessageBytes: 100, backoff: { initialMs: 60_000 } };
    await using transport = websocket(peer.url, options)(context);
    transport.start(passes);
    await opened(transport);
    peer.script = () => new Promise(() => {});
    const reply = transport.request('get', '[]');
    await eventually(() => expect(peer.received.length).toBe(1));
    peer.send(Buffer.from(`{"id":${peer.received[0]!.id},"result":"ü"}`));
    expect(await reply).toEqual({ kind: 'result', result: '"ü"' });
    peer.send('x'.repeat(101));
    await eventually(() => {
      expect(transport.state).toMatchObject({
        reason: 'disconnected: 1009 a message of 101 bytes is over the limit',
      });
    });
    await transport.close();
    await peer.close();
  });

  it('notices by its silence that a peer is frozen', async () => {
    const clock = new FakeClock();
    const peer = await WebSocketPeer.listen();
    await using transport = websocket(peer.url)({ ...context, clock });
    transport.start(passes);
    await opened(transport);
    await clock.advance(600_000);
    expect(transport.state.status).toBe('open');
    peer.script = () => new Promise(() => {});
    const pending = failure(transport.request('get', '[]', { timeoutMs: 300_000 }));
    await clock.advance(40_000);
    expect(((await pending) as Error).message).toContain('silent for 30000 ms with calls pending');
    await transport.close();
    expect(clock.pendingTimers).toBe(0);
    await peer.close();
  });
});

describe('http of the web platform', () => {
  it('refuses what a browser cannot do', () => {
    expect(() => http('https://host/secret', { tls: {} })(context)).toThrow(
      '[invalid request] https://host: this platform takes no TLS options',
    );
  });

  it('posts with headers, follows no redirect and bounds the body', async () => {
    const peer = await HttpPeer.listen();
    const url = `http://me:password@127.0.0.1:${peer.port}/path?key=topsecret`;
    await using transport = http(url, { maxResponseBytes: 100, headers: { 'x-a': 'b' } })(context);
    transport.start(passes);
    await opened(transport);
    await transport.request('get', '[]');
    expect(peer.received[0]).toMatchObject({
      verb: 'POST',
      path: '/path?key=topsecret',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${btoa('me:password')}`,
        'x-a': 'b',
      },
    });
    peer.respond = () => ({ status: 302, headers: { location: '/elsewhere' } });
    expect(await failure(transport.request('get', '[]'))).toMatchObject({
      rawMessage: 'a: HTTP 302: redirects are not followed',
    });
    peer.respond = () => ({ body: 'x'.repeat(101) });
    expect(await failure(transport.request('get', '[]'))).toMatchObject({
      origin: 'upstream',
      rawMessage: 'a: the response is longer than 100 bytes',
    });
    peer.respond = (_call, out) => void out.destroy();
    const error = await failure(transport.request('get', '[]'));
    expect(error).toMatchObject({ code: 'transport', origin: 'local', sent: true });
    expect(JSON.stringify([error, (error as Error).stack])).not.toMatch(/password|topsecret/);
    await transport.close();
    await peer.close();
  });
});
