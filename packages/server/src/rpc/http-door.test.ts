import { once } from 'node:events';
import { connect } from 'node:net';
import { BalancerError, type BalancerErrorCode } from '@dshackle/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../server.ts';
import { call, post } from '../testing/clients.ts';
import { FakeBalancer, stalled } from '../testing/fake-balancer.ts';

let balancer: FakeBalancer;
let server: Server;
let url: string;

beforeEach(async () => {
  balancer = new FakeBalancer();
  server = await startServer({
    port: 0,
    routes: [{ id: 'test', balancer }],
    cors: { origins: ['https://app.example'], allowedHeaders: ['Content-Type'] },
    limits: { maxBodyBytes: 4096, maxBatchItems: 5, batchConcurrency: 2 },
  });
  url = `${server.url}/test`;
});
afterEach(() => server.close());

const error = (code: number, message: string, id = 'null') =>
  `{"jsonrpc":"2.0","error":{"code":${code},"message":${JSON.stringify(message)}},"id":${id}}`;

describe('a single call over HTTP', () => {
  it('is answered with the raw result and its own id', async () => {
    balancer.on('balance', () => '{"free":12345678901234567890,  "odd": 1.50}');
    const answer = await post(url, '{"jsonrpc":"2.0","id":7,"method":"balance","params":["a"]}');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.text).toBe(
      '{"jsonrpc":"2.0","result":{"free":12345678901234567890,  "odd": 1.50},"id":7}',
    );
  });

  it.each([
    ['absent', '', '[]'],
    ['null', ',"params":null', '[]'],
    ['an array', ',"params": [1, {"a":"\\u00e9"} ] ', '[1, {"a":"\\u00e9"} ]'],
    [
      'numbers beyond 2^53',
      ',"params":[9007199254740993,1.10,1e400]',
      '[9007199254740993,1.10,1e400]',
    ],
    ['given twice', ',"params":[1],"params":[2]', '[2]'],
    ['an object', ',"params":{"hash":"0x00"}', '{"hash":"0x00"}'],
  ])('passes params on that are %s', async (_name, params, expected) => {
    await post(url, `{"jsonrpc":"2.0","id":1,"method":"echo"${params}}`);
    expect(balancer.calls[0]!.params).toBe(expected);
  });

  it.each(['"text"', '"\\u00e9\\n"', '0', '-1', 'null', '1.50', '1e3', '9007199254740993'])(
    'gives the id %s back as it was written',
    async (id) => {
      const answer = await post(url, `{"jsonrpc":"2.0","id":${id},"method":"echo"}`);
      expect(answer.text).toBe(`{"jsonrpc":"2.0","result":[],"id":${id}}`);
    },
  );

  it("passes an upstream's error on unchanged", async () => {
    const raw = '{"code":4003,"message":"Client error: pruned","data":{"at":  1e2}}';
    balancer.on('old', () => ({ kind: 'error', error: JSON.parse(raw), raw }));
    const answer = await post(url, JSON.stringify(call('old')));
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(`{"jsonrpc":"2.0","error":${raw},"id":1}`);
  });

  it('without an id is carried out and answered with 204', async () => {
    const answer = await post(url, '{"jsonrpc":"2.0","method":"echo","params":[1]}');
    expect(answer.status).toBe(204);
    expect(answer.text).toBe('');
    expect(balancer.calls).toHaveLength(1);
  });

  it('needs no content type from a client that is no browser', async () => {
    const answer = await post(url, JSON.stringify(call('echo', [1])), {});
    expect(answer.text).toBe('{"jsonrpc":"2.0","result":[1],"id":1}');
  });

  it('is found with a query and a final slash as well', async () => {
    expect((await post(`${url}/?key=1`, JSON.stringify(call('echo')))).status).toBe(200);
  });

  it.each(['chain_subscribeNewHeads', 'chain_unsubscribeNewHeads'])(
    'of %s says that it needs a WebSocket',
    async (method) => {
      const answer = await post(url, JSON.stringify(call(method)));
      expect(answer.text).toBe(error(-32601, 'Subscriptions need a WebSocket connection', '1'));
      expect(balancer.calls).toHaveLength(0);
    },
  );
});

describe('a failed call', () => {
  it.each<[BalancerErrorCode, number]>([
    ['no eligible upstream', -32050],
    ['timeout', -32051],
    ['retry budget exhausted', -32052],
    ['transport', -32053],
    ['cancelled', -32054],
    ['closed', -32055],
    ['rate limited', -32005],
    ['overloaded', -32009],
    ['denied', -32601],
    ['invalid request', -32602],
  ])('for "%s" has the code %d and says who was asked', async (code, expected) => {
    const attempts = [{ upstream: 'a', durationMs: 12.3456, outcome: 'HTTP 503', hedge: true }];
    balancer.on('fail', () => {
      throw new BalancerError(code, 'why', { origin: 'upstream', attempts });
    });
    const answer = await post(url, JSON.stringify(call('fail')));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: {
        code: expected,
        message: `[${code}] why`,
        data: {
          reason: code,
          origin: 'upstream',
          attempts: [{ upstream: 'a', durationMs: 12.3, outcome: 'HTTP 503', hedge: true }],
        },
      },
    });
  });

  it('through a bug of ours tells the client nothing of it', async () => {
    balancer.on('fail', () => {
      throw new Error('https://user:secret@node');
    });
    const answer = await post(url, JSON.stringify(call('fail')));
    expect(answer.text).toBe(error(-32603, 'Internal error', '1'));
  });
});

describe('a body that is no request', () => {
  const notAnId = 'Invalid request: the id must be a string, a number or null';
  it.each([
    ['nothing', '', -32700, 'Parse error', 'null'],
    ['no JSON', '{"jsonrpc":"2.0","id":1,"method":"echo"', -32700, 'Parse error', 'null'],
    ['two values', '{} {}', -32700, 'Parse error', 'null'],
    [
      'an unquoted word',
      '{"jsonrpc":"2.0","id":1,"method":"echo","params":[NaN]}',
      -32700,
      'Parse error',
      'null',
    ],
    ['a number', '1', -32600, 'Invalid request: not an object', 'null'],
    ['null', 'null', -32600, 'Invalid request: not an object', 'null'],
    ['an empty object', '{}', -32600, 'Invalid request: jsonrpc must be "2.0"', 'null'],
    [
      'another version',
      '{"jsonrpc":"1.0","id":4,"method":"echo"}',
      -32600,
      'Invalid request: jsonrpc must be "2.0"',
      '4',
    ],
    [
      'no method',
      '{"jsonrpc":"2.0","id":"x"}',
      -32600,
      'Invalid request: the method must be a string',
      '"x"',
    ],
    [
      'a method that is no string',
      '{"jsonrpc":"2.0","id":4,"method":1}',
      -32600,
      'Invalid request: the method must be a string',
      '4',
    ],
    [
      'params that are text',
      '{"jsonrpc":"2.0","id":4,"method":"echo","params":"a"}',
      -32600,
      'Invalid request: params must be an array or an object',
      '4',
    ],
    [
      'params that are a number',
      '{"jsonrpc":"2.0","id":4,"method":"echo","params":0}',
      -32600,
      'Invalid request: params must be an array or an object',
      '4',
    ],
    [
      'an id that is an object',
      '{"jsonrpc":"2.0","id":{},"method":"echo"}',
      -32600,
      notAnId,
      'null',
    ],
    ['an id that is a list', '{"jsonrpc":"2.0","id":[1],"method":"echo"}', -32600, notAnId, 'null'],
    ['an id that is true', '{"jsonrpc":"2.0","id":true,"method":"echo"}', -32600, notAnId, 'null'],
    ['an empty batch', '[]', -32600, 'Invalid request: empty batch', 'null'],
    ['an empty batch in space', ' [ ] ', -32600, 'Invalid request: empty batch', 'null'],
  ])('(%s) is declined with the right code', async (_name, body, code, message, id) => {
    const answer = await post(url, body);
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(error(code, message, id));
    expect(balancer.calls).toHaveLength(0);
  });
});

describe('a batch over HTTP', () => {
  it('is answered in the order of its items, whatever the order of their answers', async () => {
    const slow = stalled();
    balancer.on('slow', slow.handler).on('fast', () => {
      slow.release('"slow"');
      return '"fast"';
    });
    const answer = await post(url, JSON.stringify([call('slow', [], 'a'), call('fast', [], 'b')]));
    expect(answer.text).toBe(
      '[{"jsonrpc":"2.0","result":"slow","id":"a"},{"jsonrpc":"2.0","result":"fast","id":"b"}]',
    );
  });

  it('has an error for each bad item, none for a notification, and the rest answered', async () => {
    const answer = await post(
      url,
      '[{"jsonrpc":"2.0","id":1,"method":"echo"},7,{"jsonrpc":"2.0","method":"echo"},{"jsonrpc":"2.0","id":2,"method":"nope"},[]]',
    );
    const notAnObject = error(-32600, 'Invalid request: not an object');
    expect(answer.text).toBe(
      `[{"jsonrpc":"2.0","result":[],"id":1},${notAnObject},${error(-32601, 'Method not found', '2')},${notAnObject}]`,
    );
  });

  it('of notifications only is answered with 204', async () => {
    const answer = await post(
      url,
      '[{"jsonrpc":"2.0","method":"echo"},{"jsonrpc":"2.0","method":"echo"}]',
    );
    expect(answer.status).toBe(204);
    expect(balancer.calls).toHaveLength(2);
  });

  it('runs only so many items at a time', async () => {
    let running = 0;
    let most = 0;
    balancer.on('count', async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return '0';
    });
    await post(url, JSON.stringify(Array.from({ length: 5 }, (_, id) => call('count', [], id))));
    expect(most).toBe(2);
  });

  it('with too many items is declined, and the limit named', async () => {
    const items = Array.from({ length: 6 }, (_, id) => call('echo', [], id));
    const answer = await post(url, JSON.stringify(items));
    expect(JSON.parse(answer.text)).toEqual({
      jsonrpc: '2.0',
      id: null,
      error: {
        code: -32010,
        message: 'The batch request was too large',
        data: 'Exceeded max limit of 5',
      },
    });
    expect(balancer.calls).toHaveLength(0);
  });

  it('gets an error for what no longer fits into its answer', async () => {
    await server.close();
    server = await startServer({
      port: 0,
      routes: [{ id: 'test', balancer }],
      limits: { maxBatchResponseBytes: 100, batchConcurrency: 1 },
    });
    balancer.on('big', () => `"${'x'.repeat(50)}"`);
    const answer = await post(
      `${server.url}/test`,
      JSON.stringify([call('big', [], 1), call('big', [], 2), call('echo', [], 3)]),
    );
    const responses = JSON.parse(answer.text) as { id: number; error?: { code: number } }[];
    expect(responses.map(({ id, error }) => [id, error?.code])).toEqual([
      [1, undefined],
      [2, -32008],
      [3, -32008],
    ]);
  });
});

describe('the HTTP door', () => {
  it('declines a body above its limit with 413, whether its length was told or not', async () => {
    const body = JSON.stringify(call('echo', ['x'.repeat(5000)]));
    const told = await post(url, body);
    expect(told.status).toBe(413);
    expect(JSON.parse(told.text).error).toEqual({
      code: -32007,
      message: 'Request is too big',
      data: 'Exceeded max limit of 4096',
    });

    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /test HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    socket.write(`1388\r\n${'x'.repeat(5000)}\r\n0\r\n\r\n`);
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(String(data)).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it('goes on serving a connection after a body that was too big', async () => {
    const socket = connect(server.port, '127.0.0.1');
    const big = 'x'.repeat(5000);
    const small = JSON.stringify(call('echo'));
    socket.write(`POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${big.length}\r\n\r\n${big}`);
    socket.write(
      `POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${small.length}\r\n\r\n${small}`,
    );
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
    });
    await expect.poll(() => text).toContain('"result":[]');
    expect(text).toContain(' 413 ');
    socket.destroy();
  });

  it('reads a body that comes in pieces, cut through a character', async () => {
    const body = Buffer.from(JSON.stringify(call('echo', ['é'])));
    const socket = connect(server.port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.write(`POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`);
    const cut = body.indexOf(Buffer.from('é')) + 1;
    socket.write(body.subarray(0, cut));
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(body.subarray(cut));
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(String(data)).toContain('{"jsonrpc":"2.0","result":["é"],"id":1}');
    socket.destroy();
  });

  it('refuses what a page of another origin can send without being asked', async () => {
    const body = JSON.stringify(call('echo'));
    const headers = { origin: 'https://evil.example', 'content-type': 'text/plain' };
    expect((await post(url, body, headers)).status).toBe(415);
    expect((await post(url, body, { origin: 'https://evil.example' })).status).toBe(415);
    expect(balancer.calls).toHaveLength(0);
  });

  it('refuses a compressed body', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    expect((await post(url, Buffer.from([31, 139]), headers)).status).toBe(415);
  });

  it('lets the configured origin read its answers, and no other', async () => {
    const body = JSON.stringify(call('echo'));
    const from = (origin: string) =>
      post(url, body, { 'content-type': 'application/json', origin });
    const allowed = await from('https://app.example');
    expect(allowed.headers['access-control-allow-origin']).toBe('https://app.example');
    const other = await from('https://evil.example');
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
    expect(other.headers.vary).toBe('Origin');
  });

  it('gives up the reads of a client that hung up, and not its submissions', async () => {
    const outcomes: string[] = [];
    const submitted = stalled();
    const read = stalled();
    balancer
      .on('author_submitExtrinsic', async (params, options) => {
        const result = await submitted.handler(params, options);
        outcomes.push('submitted');
        return result;
      })
      .on('read', async (params, options) => {
        try {
          return await read.handler(params, options);
        } catch (failure) {
          outcomes.push((failure as BalancerError).code);
          throw failure;
        }
      });
    const body = JSON.stringify([call('read'), call('author_submitExtrinsic', ['0x00'], 2)]);
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await expect.poll(() => balancer.calls.length).toBe(2);
    socket.destroy();
    await expect.poll(() => outcomes).toEqual(['cancelled']);
    submitted.release('"0x01"');
    await expect.poll(() => outcomes).toEqual(['cancelled', 'submitted']);
  });

  it('hangs up on a client that leaves its answer unread', async () => {
    await server.close();
    const routes = [{ id: 'test', balancer }];
    server = await startServer({ port: 0, routes, stallTimeoutMs: 100 });
    balancer.on('big', () => JSON.stringify('x'.repeat(32 * 1024 * 1024)));
    const body = JSON.stringify(call('big'));
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await expect.poll(() => server.load.requests).toBe(1);
    await expect.poll(() => server.load.requests, { timeout: 20_000 }).toBe(0);
    expect(balancer.calls).toHaveLength(1);
    socket.destroy();
  });

  it('hangs up on one that leaves unread what waited for an earlier answer', async () => {
    await server.close();
    const routes = [{ id: 'test', balancer }];
    server = await startServer({ port: 0, routes, stallTimeoutMs: 100 });
    const slow = stalled();
    balancer.on('slow', slow.handler).on('big', () => JSON.stringify('x'.repeat(32 * 1024 * 1024)));
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    for (const method of ['slow', 'big']) {
      const body = JSON.stringify(call(method));
      socket.write(
        `POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    }
    await expect.poll(() => balancer.calls.length).toBe(2);
    await post(`${server.url}/test`, JSON.stringify(call('echo')));
    slow.release('1');
    await expect.poll(() => server.load.requests, { timeout: 20_000 }).toBe(0);
    socket.destroy();
  });

  it('counts no request of a client that hung up before the answers it asked for', async () => {
    const slow = stalled();
    balancer.on('slow', slow.handler);
    const body = JSON.stringify(call('slow'));
    const request = `POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const socket = connect(server.port, '127.0.0.1');
    socket.write(request.repeat(3));
    await expect.poll(() => balancer.calls.length).toBe(3);
    expect(server.load.requests).toBe(3);
    socket.destroy();
    await expect.poll(() => server.load.requests).toBe(0);
  });

  it('answers all that one socket has asked before it drains', async () => {
    const slow = stalled();
    balancer.on('slow', slow.handler);
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
    });
    for (const id of [1, 2, 3]) {
      const body = JSON.stringify(call('slow', [], id));
      socket.write(
        `POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    }
    await expect.poll(() => balancer.calls.length).toBe(3);
    const closed = server.close({ drainMs: 10_000 });
    slow.release('"done"');
    await Promise.all([closed, once(socket, 'close')]);
    expect([...text.matchAll(/"done","id":(\d)/g)].map(([, id]) => id)).toEqual(['1', '2', '3']);
  });

  it('serves a client that offers HTTP/2 as one that does not', async () => {
    const big = JSON.stringify(call('echo', ['x'.repeat(2000)]));
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
    });
    const head =
      `POST /test HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n` +
      `HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\nContent-Length: ${big.length}\r\n\r\n`;
    for (let round = 1; round <= 2; round++) {
      socket.write(head + big.slice(0, 500));
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.write(big.slice(500));
      await expect.poll(() => text.match(/"result":\["x/g)?.length).toBe(round);
    }
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
    socket.destroy();
    await expect.poll(() => server.load.requests).toBe(0);
  });

  it('bounds the calls of one connection', async () => {
    await server.close();
    server = await startServer({
      port: 0,
      routes: [{ id: 'test', balancer }],
      limits: { maxCallsPerConnection: 2 },
    });
    const slow = stalled();
    balancer.on('slow', slow.handler);
    const pending = post(
      `${server.url}/test`,
      JSON.stringify([1, 2, 3].map((id) => call('slow', [], id))),
    );
    await expect.poll(() => balancer.calls.length).toBe(2);
    slow.release('0');
    const responses = JSON.parse((await pending).text) as { error?: { code: number } }[];
    expect(responses.map((response) => response.error?.code)).toEqual([
      undefined,
      undefined,
      -32009,
    ]);
  });
});
