import { once } from 'node:events';
import { connect } from 'node:net';
import { seededRandom } from '@dshackle/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../server.ts';
import { call, FrameClient, post } from '../testing/clients.ts';
import { FakeBalancer } from '../testing/fake-balancer.ts';

let server: Server;
let url: string;

beforeAll(async () => {
  server = await startServer({ port: 0, routes: [{ id: 'test', balancer: new FakeBalancer() }] });
  url = `${server.url}/test`;
});
afterAll(() => server.close());

const good = '[{"jsonrpc":"2.0","id":1,"method":"echo","params":[{"a":[1,"\\u00e9"]}]}]';
const pieces = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\u0000',
  '1e999',
  'null',
  '"id"',
  '\ud800',
];

/** Valid requests with a few of their characters replaced, dropped or doubled. */
function mangled(random: () => number): string {
  let text = good;
  const times = 1 + Math.floor(random() * 4);
  for (let i = 0; i < times; i++) {
    const at = Math.floor(random() * text.length);
    const piece = pieces[Math.floor(random() * pieces.length)]!;
    const drop = Math.floor(random() * 3);
    text = text.slice(0, at) + piece + text.slice(at + drop);
  }
  return text;
}

const bodies = ((random) => Array.from({ length: 300 }, () => mangled(random)))(seededRandom(1));

const nasty: readonly (readonly [string, string])[] = [
  ['deep lists', '['.repeat(200_000)],
  ['deep lists that close', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
  [
    'deep params',
    `{"jsonrpc":"2.0","id":1,"method":"echo","params":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
  ],
  ['many keys', `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":0`).join(',')}}`],
  ['a prototype', '{"__proto__":{"jsonrpc":"2.0"},"id":1,"method":"echo"}'],
  ['a method of Object', '{"jsonrpc":"2.0","id":1,"method":"__proto__"}'],
  ['a huge id', `{"jsonrpc":"2.0","id":"${'x'.repeat(100_000)}","method":"echo"}`],
  ['a byte order mark', '\ufeff{"jsonrpc":"2.0","id":1,"method":"echo"}'],
];

describe('malformed bodies over HTTP', () => {
  it('are each answered with JSON-RPC, and never crash the server', async () => {
    for (const body of bodies) {
      const answer = await post(url, body);
      expect([200, 204]).toContain(answer.status);
      if (answer.status === 200) expect(JSON.parse(answer.text)).toBeTypeOf('object');
    }
  });

  it.each(nasty)('%s are answered', async (_name, body) => {
    const answer = await post(url, body);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toBeTypeOf('object');
  });

  it('bytes that are no text are answered', async () => {
    const random = seededRandom(2);
    for (let i = 0; i < 50; i++) {
      const bytes = Buffer.from(Array.from({ length: 100 }, () => Math.floor(random() * 256)));
      expect((await post(url, bytes)).text).toContain('-32700');
    }
  });

  it('requests that are no HTTP are answered with 400 or hung up on', async () => {
    const random = seededRandom(3);
    for (let i = 0; i < 50; i++) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256))));
      socket.resume();
      await once(socket, 'close');
    }
    expect((await post(url, good)).status).toBe(200);
  });
});

describe('malformed messages over WebSocket', () => {
  it('are each answered, and the connection lives on', async () => {
    const client = await FrameClient.open(url);
    for (const body of [...bodies, ...nasty.map(([, text]) => text)]) {
      client.send(body);
      client.send(call('echo', [], 'after'));
      // A message with notifications only is answered with nothing.
      let frame = await client.next();
      while (!frame.includes('"after"')) {
        expect(JSON.parse(frame)).toBeTypeOf('object');
        frame = await client.next();
      }
    }
    await client.close();
  });

  it('frames that break the protocol close the connection', async () => {
    const random = seededRandom(4);
    for (let i = 0; i < 50; i++) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(
        'GET /test HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
          'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      await once(socket, 'data');
      // The reserved bits are set: no such frame is valid.
      const bytes = Array.from({ length: 50 }, () => Math.floor(random() * 256));
      socket.write(Buffer.from([0xf1, ...bytes]));
      socket.resume();
      await once(socket, 'close');
    }
    await expect.poll(() => server.load.webSockets).toBe(0);
  });

  it('handshakes that are none are declined', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      'GET /test HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n',
    );
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(String(data)).toMatch(/^HTTP\/1\.1 4/);
    socket.destroy();
  });
});
