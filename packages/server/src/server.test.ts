import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Server, type ServerOptions, startServer } from './server.ts';
import { call, FrameClient, post } from './testing/clients.ts';
import { FakeBalancer, stalled } from './testing/fake-balancer.ts';

function start(balancer: FakeBalancer, options: Partial<ServerOptions> = {}): Promise<Server> {
  return startServer({ port: 0, routes: [{ id: 'test', balancer }], ...options });
}

/** Sockets and servers that keep this process alive. */
function openHandles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCP|Pipe.*Server/.test(name));
}

const idle = { webSockets: 0, subscriptions: 0, requests: 0 };
const body = (method: string) => JSON.stringify(call(method));

describe('a server', () => {
  it('says where it listens', async () => {
    await using server = await start(new FakeBalancer());
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    await using six = await start(new FakeBalancer(), { host: '::1' });
    expect(six.url).toBe(`http://[::1]:${six.port}`);
    expect((await post(`${six.url}/test`, body('echo'))).status).toBe(200);
  });

  it('serves several routes', async () => {
    const [one, two] = [new FakeBalancer(), new FakeBalancer()];
    await using server = await start(one, {
      routes: [
        { id: 'one', balancer: one },
        { id: 'two', balancer: two },
      ],
    });
    await post(`${server.url}/two`, body('echo'));
    expect([one.calls.length, two.calls.length]).toEqual([0, 1]);
  });

  it('says that the port is in use', async () => {
    await using first = await start(new FakeBalancer());
    await expect(start(new FakeBalancer(), { port: first.port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${first.port}: the port is in use`,
    );
  });

  it('says that the host is not of this machine', async () => {
    await expect(start(new FakeBalancer(), { host: '192.0.2.1' })).rejects.toThrow(
      'cannot listen on 192.0.2.1:0: this machine has no such address',
    );
  });

  it('hangs up on connections above its limit', async () => {
    await using server = await start(new FakeBalancer(), { limits: { maxConnections: 1 } });
    const client = await FrameClient.open(`${server.url}/test`);
    await expect(post(`${server.url}/test`, body('echo'))).rejects.toThrow();
    expect(await client.ask(call('echo'))).toContain('"result"');
    await client.close();
  });
});

describe('closing a server', () => {
  it('lets calls in flight finish, over HTTP and WebSocket', async () => {
    const balancer = new FakeBalancer();
    const server = await start(balancer);
    const slow = stalled();
    balancer.on('slow', slow.handler);
    const http = post(`${server.url}/test`, body('slow'));
    const client = await FrameClient.open(`${server.url}/test`);
    client.send(call('slow', [], 'ws'));
    await expect.poll(() => balancer.calls.length).toBe(2);

    const closed = server.close({ drainMs: 60_000 });
    await expect(FrameClient.open(`${server.url}/test`)).rejects.toThrow();
    expect(await client.ask(call('echo'))).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32055,"message":"The server is shutting down"},"id":1}',
    );
    slow.release('"done"');

    const answer = await http;
    expect(answer.text).toBe('{"jsonrpc":"2.0","result":"done","id":1}');
    expect(answer.headers.connection).toBe('close');
    expect(await client.next()).toBe('{"jsonrpc":"2.0","result":"done","id":"ws"}');
    expect((await client.closed).code).toBe(1012);
    await closed;
    expect(server.load).toEqual(idle);
  });

  it('closes idle WebSockets with 1012 at once and ends their subscriptions', async () => {
    const balancer = new FakeBalancer();
    const server = await start(balancer);
    const client = await FrameClient.open(`${server.url}/test`);
    await client.ask(call('chain_subscribeNewHeads'));
    await server.close({ drainMs: 60_000 });
    expect(await client.closed).toEqual({ code: 1012, reason: 'the server is shutting down' });
    expect(balancer.subscribers[0]!.unsubscribed).toBe(true);
  });

  it('gives up the calls that outlast the drain time, and tells their clients', async () => {
    const balancer = new FakeBalancer();
    const server = await start(balancer);
    balancer.on('slow', stalled().handler);
    const http = post(`${server.url}/test`, body('slow'));
    const client = await FrameClient.open(`${server.url}/test`);
    client.send(call('slow'));
    await expect.poll(() => balancer.calls.length).toBe(2);
    await server.close({ drainMs: 10 });
    expect((await http).text).toContain('"code":-32054');
    expect(await client.next()).toContain('"code":-32054');
    expect((await client.closed).code).toBe(1012);
    expect(server.load).toEqual(idle);
  });

  it('does not wait for what cannot be given up', async () => {
    const balancer = new FakeBalancer();
    const server = await start(balancer);
    balancer.on('author_submitExtrinsic', stalled().handler);
    const http = post(`${server.url}/test`, body('author_submitExtrinsic'));
    const client = await FrameClient.open(`${server.url}/test`);
    client.send(call('author_submitExtrinsic'));
    await expect.poll(() => balancer.calls.length).toBe(2);
    const hungUp = expect(http).rejects.toThrow();
    await server.close();
    await hungUp;
    expect((await client.closed).code).toBe(1012);
  });

  it('does not wait for half a request, an idle connection or a client that does not read', async () => {
    const server = await start(new FakeBalancer());
    const half = connect(server.port, '127.0.0.1');
    half.write('POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{');
    const idleSocket = connect(server.port, '127.0.0.1');
    const deaf = await FrameClient.open(`${server.url}/test`);
    deaf.webSocket.pause();
    await post(`${server.url}/test`, body('echo'));
    await server.close();
    for (const socket of [half, idleSocket]) socket.destroy();
    deaf.webSocket.terminate();
    expect(server.load).toEqual(idle);
  });

  it('twice is closing once', async () => {
    const server = await start(new FakeBalancer());
    expect(server.close()).toBe(server.close());
    await server.close();
  });

  it('leaves nothing open', async () => {
    await expect.poll(openHandles).toEqual([]);
    const server = await start(new FakeBalancer());
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => FrameClient.open(`${server.url}/test`)),
    );
    for (const client of clients) await client.ask(call('chain_subscribeNewHeads'));
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    await server.close();
    await Promise.all(clients.map(({ closed }) => closed));
    socket.destroy();
    await expect.poll(openHandles).toEqual([]);
  });
});
