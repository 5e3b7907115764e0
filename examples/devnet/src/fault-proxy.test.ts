import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from './eventually.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

/** An upstream that answers what it was asked, over HTTP and WebSocket. */
const upstream = createServer((request, response) => {
  request.pipe(response.writeHead(200, { 'content-type': 'application/json' }));
});
const sockets = new WebSocketServer({ server: upstream });
sockets.on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});

let target: string;
let proxy: FaultProxy;
const opened: WebSocket[] = [];

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  target = `127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
beforeEach(async () => {
  proxy = await startFaultProxy({ target });
});
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.terminate();
  await proxy.close();
});
afterAll(() => {
  sockets.close();
  upstream.closeAllConnections();
  upstream.close();
});

const post = (body: string) => fetch(proxy.httpUrl, { method: 'POST', body });

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(proxy.wsUrl);
  opened.push(socket);
  await once(socket, 'open');
  return socket;
}

async function ask(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  const [data] = await once(socket, 'message');
  return String(data);
}

/** Resolves with `true` if nothing arrived by the time a later thing has. */
async function silent(answer: Promise<unknown>, until: Promise<unknown>): Promise<boolean> {
  return Promise.race([answer.then(() => false), until.then(() => true)]);
}

const aWhile = () => new Promise((resolve) => setTimeout(resolve, 100));

describe('a fault proxy without a fault', () => {
  it('forwards HTTP requests and answers', async () => {
    const response = await post('{"a":1}');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ a: 1 });
  });

  it('forwards WebSocket messages, text and binary, in order', async () => {
    const socket = await open();
    expect(await ask(socket, 'first')).toBe('first');
    socket.send(Buffer.from([1, 2]));
    const [data, binary] = await once(socket, 'message');
    expect([data, binary]).toEqual([Buffer.from([1, 2]), true]);
  });

  it('lets the upstream answer the pings of the client', async () => {
    const socket = await open();
    socket.ping('are you there');
    const [data] = await once(socket, 'pong');
    expect(String(data)).toBe('are you there');
  });

  it('passes on how the upstream closed', async () => {
    const socket = await open();
    for (const client of sockets.clients) client.close(4000, 'moved');
    const [code, reason] = await once(socket, 'close');
    expect([code, String(reason)]).toEqual([4000, 'moved']);
  });

  it('looks as dead as a dead upstream', async () => {
    await using toNobody = await startFaultProxy({ target: 'ws://127.0.0.1:1' });
    await expect(fetch(toNobody.httpUrl)).rejects.toThrow();
    const socket = new WebSocket(toNobody.wsUrl);
    await expect(once(socket, 'open')).rejects.toThrow();
  });

  it('counts connections and bytes', async () => {
    const socket = await open();
    await ask(socket, 'x'.repeat(1_000));
    expect(proxy.stats).toMatchObject({ connections: 1, openConnections: 1 });
    expect(proxy.stats.bytesFromClients).toBeGreaterThan(1_000);
    expect(proxy.stats.bytesToClients).toBeGreaterThan(1_000);
    socket.terminate();
    await eventually(() => proxy.stats.openConnections).toBe(0);
    expect(proxy.stats.connections).toBe(1);
  });
});

describe('latency', () => {
  it('delays HTTP answers', async () => {
    proxy.setLatency(300);
    const answer = post('1');
    expect(await silent(answer, aWhile())).toBe(true);
    expect(await (await answer).text()).toBe('1');
  });

  it('delays WebSocket messages and keeps their order when it shrinks', async () => {
    const socket = await open();
    const seen: string[] = [];
    socket.on('message', (data) => seen.push(String(data)));
    proxy.setLatency(300);
    socket.send('slow');
    await aWhile();
    proxy.setLatency(0);
    socket.send('fast');
    await eventually(() => seen).toEqual(['slow', 'fast']);
  });
});

describe('cut', () => {
  it('ends an HTTP exchange in flight and serves the next one', async () => {
    proxy.setLatency(10_000);
    const answer = post('1');
    const failed = expect(answer).rejects.toThrow();
    await eventually(() => proxy.stats.bytesFromClients).toBeGreaterThan(0);
    proxy.cut();
    await failed;
    proxy.setLatency(0);
    expect(await (await post('2')).text()).toBe('2');
  });

  it('ends WebSockets abnormally, on both sides, and admits new ones', async () => {
    const socket = await open();
    proxy.cut();
    const [code] = await once(socket, 'close');
    expect(code).toBe(1006);
    await eventually(() => sockets.clients.size).toBe(0);
    expect(await ask(await open(), 'again')).toBe('again');
  });
});

describe('refuse', () => {
  it('destroys new connections, HTTP and WebSocket, until it ends', async () => {
    proxy.refuse(true);
    await expect(post('1')).rejects.toThrow();
    await expect(open()).rejects.toThrow();
    proxy.refuse(false);
    expect((await post('1')).status).toBe(200);
    expect(await ask(await open(), 'in')).toBe('in');
  });

  it('leaves open connections alone', async () => {
    const socket = await open();
    proxy.refuse(true);
    expect(await ask(socket, 'still here')).toBe('still here');
  });
});

describe('black hole', () => {
  it('accepts connections and never answers an HTTP request, not even later', async () => {
    proxy.blackHole(true);
    const abort = new AbortController();
    const answer = fetch(proxy.httpUrl, { method: 'POST', body: '1', signal: abort.signal });
    answer.catch(() => {});
    await eventually(() => proxy.stats.bytesFromClients).toBeGreaterThan(0);
    proxy.blackHole(false);
    expect(await silent(answer, post('2'))).toBe(true);
    abort.abort();
  });

  it('accepts connections and never answers a WebSocket upgrade', async () => {
    proxy.blackHole(true);
    const socket = new WebSocket(proxy.wsUrl);
    opened.push(socket);
    socket.on('error', () => {});
    await eventually(() => proxy.stats.bytesFromClients).toBeGreaterThan(0);
    expect(await silent(once(socket, 'open'), aWhile())).toBe(true);
  });

  it('loses the messages of an open WebSocket, and its pings, and carries the later ones', async () => {
    const socket = await open();
    proxy.blackHole(true);
    const pong = once(socket, 'pong');
    socket.ping();
    socket.send('lost');
    await aWhile();
    proxy.blackHole(false);
    expect(await ask(socket, 'kept')).toBe('kept');
    expect(await silent(pong, aWhile())).toBe(true);
  });

  it('hides that the upstream left until the client speaks again', async () => {
    const socket = await open();
    proxy.blackHole(true);
    for (const client of sockets.clients) client.terminate();
    await eventually(() => sockets.clients.size).toBe(0);
    await aWhile();
    expect(socket.readyState).toBe(WebSocket.OPEN);
    proxy.blackHole(false);
    socket.send('anybody');
    const [code] = await once(socket, 'close');
    expect(code).toBe(1006);
  });
});

describe('garbage', () => {
  it('answers HTTP with 200 and a body that is not JSON', async () => {
    proxy.garbage(true);
    const response = await post('{}');
    expect(response.status).toBe(200);
    await expect(response.json()).rejects.toThrow(SyntaxError);
    proxy.garbage(false);
    expect(await (await post('{}')).json()).toEqual({});
  });

  it('turns WebSocket messages into text that is not JSON', async () => {
    const socket = await open();
    proxy.garbage(true);
    const garbage = await ask(socket, '{}');
    expect(() => JSON.parse(garbage)).toThrow(SyntaxError);
    proxy.garbage(false);
    expect(await ask(socket, '{}')).toBe('{}');
  });
});

describe('rate limit', () => {
  it('answers HTTP with 429 and Retry-After until it ends', async () => {
    expect((await post('1')).status).toBe(200);
    proxy.rateLimit(7);
    const response = await post('1');
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('7');
    proxy.rateLimit(false);
    expect((await post('1')).status).toBe(200);
  });

  it('answers WebSocket upgrades with 429 and Retry-After', async () => {
    proxy.rateLimit(7);
    const socket = new WebSocket(proxy.wsUrl);
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    expect(response.statusCode).toBe(429);
    expect(response.headers['retry-after']).toBe('7');
    socket.terminate();
  });
});

describe('onMessage', () => {
  it('hears what clients say before it is passed on, until it is told to stop', async () => {
    const socket = await open();
    const heard: string[] = [];
    const off = proxy.onMessage((message) => {
      heard.push(message);
      proxy.garbage(message === 'two');
    });
    expect(await ask(socket, 'one')).toBe('one');
    expect(await ask(socket, 'two')).not.toBe('two');
    expect(await ask(socket, 'three')).toBe('three');
    off();
    expect(await ask(socket, 'two')).toBe('two');
    expect(heard).toEqual(['one', 'two', 'three']);
  });
});

describe('close', () => {
  it('ends every connection and stops listening, once', async () => {
    const socket = await open();
    const closed = once(socket, 'close');
    await proxy.close();
    await proxy.close();
    await closed;
    const attempt = connect(proxy.port, '127.0.0.1');
    await expect(once(attempt, 'connect')).rejects.toThrow('ECONNREFUSED');
  });
});
