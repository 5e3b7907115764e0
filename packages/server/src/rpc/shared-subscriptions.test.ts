import { type FakeNode, type TestBalancer, testBalancer } from '@dshackle/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../server.ts';
import { call, FrameClient } from '../testing/clients.ts';

/* Many real WebSocket clients before a real engine, whose nodes are scripted. */

let engine: TestBalancer;
let server: Server;
const clients: FrameClient[] = [];

beforeEach(async () => {
  engine = await testBalancer();
  server = await startServer({ port: 0, routes: [{ id: 'test', balancer: engine.balancer }] });
});
afterEach(async () => {
  for (const { webSocket } of clients.splice(0)) webSocket.terminate();
  await server.close();
  await engine.balancer.close();
});

const open = async (): Promise<FrameClient> => {
  const client = await FrameClient.open(`${server.url}/test`);
  clients.push(client);
  return client;
};

const live = (method: string): number =>
  engine.nodes.reduce((sum, node) => sum + node.subscriptions(method), 0);

/** Mines a block that writes these values and shows it to these nodes. */
async function write(
  values: Readonly<Record<string, unknown>>,
  to: readonly FakeNode[] = engine.nodes,
): Promise<string> {
  const block = engine.ledger.mine();
  engine.ledger.write(block, values);
  for (const node of to) node.advance(block);
  await engine.clock.advance(0);
  return block.hash;
}

describe('clients on WebSockets share one upstream subscription', () => {
  it('each under an id of its own, told before the value, through death and late arrival', async () => {
    const early = await Promise.all(Array.from({ length: 50 }, open));
    const ids = await Promise.all(
      early.map(async (client, i) => {
        const keys = i % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
        const response = await client.ask(call('watch_values', [keys], i));
        return (JSON.parse(response) as { result: string }).result;
      }),
    );
    expect(new Set(ids).size).toBe(50);
    const notification = (subscription: string | undefined, result: object): object => ({
      jsonrpc: '2.0',
      method: 'values',
      params: { subscription, result },
    });
    const first = { block: engine.ledger.head.hash, values: { a: null, b: null } };
    for (const [i, client] of early.entries()) {
      expect(JSON.parse(await client.next())).toEqual(notification(ids[i], first));
    }
    expect(live('watch_values')).toBe(1);

    engine.nodes.find((node) => node.subscriptions('watch_values') > 0)?.crash();
    await engine.clock.advance(1000);
    const block = await write({ a: 1 });
    for (const [i, client] of early.entries()) {
      expect(JSON.parse(await client.next())).toEqual(
        notification(ids[i], { block, values: { a: 1 } }),
      );
    }

    const late = await open();
    const { result: id } = JSON.parse(await late.ask(call('watch_values', [['b', 'a']])));
    expect(JSON.parse(await late.next())).toEqual(
      notification(id, { block, values: { a: 1, b: null } }),
    );
    expect(live('watch_values')).toBe(1);
    expect(server.load.subscriptions).toBe(51);

    for (const client of clients.slice(1)) client.webSocket.terminate();
    await expect.poll(() => server.load.subscriptions).toBe(1);
    expect(live('watch_values')).toBe(1);
    expect(await early[0]?.ask(call('unwatch', [ids[0]]))).toBeDefined();
    await early[0]?.close();
    await expect.poll(() => live('watch_values')).toBe(0);
  });

  it('and one that does not read is hung up on, not the others', async () => {
    const [slow, quick] = [await open(), await open()];
    for (const client of [slow, quick]) {
      await client.ask(call('watch_events', []));
    }
    slow.webSocket.pause();
    const carrier = engine.nodes.find((node) => node.subscriptions('watch_events') > 0);
    const text = 'x'.repeat(1024 * 1024);
    // Above the 16 MiB that are kept for a client, and what the kernel buffers.
    for (let i = 0; i < 100 && server.load.webSockets === 2; i += 1) {
      carrier?.push('watch_events', `${i}${text}`);
      await quick.next();
    }
    await expect.poll(() => server.load).toMatchObject({ webSockets: 1, subscriptions: 1 });
    carrier?.push('watch_events', 'still here');
    expect(await quick.next()).toContain('still here');
    expect(live('watch_events')).toBe(1);
  });

  it('and are told 1012 when the server goes, which ends it upstream', async () => {
    const both = [await open(), await open()];
    for (const client of both) await client.ask(call('watch_values', [['a']]));
    const closing = server.close();
    for (const client of both) expect((await client.closed).code).toBe(1012);
    await closing;
    expect(live('watch_values')).toBe(0);
  });
});
