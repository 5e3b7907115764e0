import { createBalancer, http, websocket } from '@dshackle/core';
import { FakeLedger, FakeNode, fakeChain } from '@dshackle/core/testing';
import { startFaultProxy } from '@dshackle/devnet';
import { expect, it } from 'vitest';
import { startServer } from './server.ts';
import { call, post } from './testing/clients.ts';

/** Longer than any test may take: what has happened by its end did not wait for this. */
const connectTimeoutMs = 600_000;

it('a server starts, serves and ends while upstreams are dead, without waiting for them', async () => {
  const node = new FakeNode('good', new FakeLedger());
  await using webSocketHole = await startFaultProxy({ target: 'ws://127.0.0.1:1' });
  await using httpHole = await startFaultProxy({ target: 'http://127.0.0.1:1' });
  const holes = [webSocketHole, httpHole];
  for (const hole of holes) hole.blackHole(true);
  const balancer = createBalancer({
    chain: fakeChain(),
    upstreams: [
      { id: 'ws hole', transport: websocket(webSocketHole.wsUrl, { connectTimeoutMs }) },
      { id: 'http hole', transport: http(httpHole.httpUrl, { connectTimeoutMs }) },
      { id: 'refused', transport: websocket('ws://127.0.0.1:1', { connectTimeoutMs }) },
      node.upstream(),
    ],
  });
  const server = await startServer({ port: 0, routes: [{ id: 'fake', balancer }] });
  // Each of them has taken its one connection, and the first try at it is still under way.
  await expect
    .poll(() => holes.map(({ stats }) => stats.connections), { timeout: 20_000 })
    .toEqual([1, 1]);
  const { text } = await post(`${server.url}/fake`, JSON.stringify(call('local')));
  expect(JSON.parse(text)).toEqual({ jsonrpc: '2.0', id: 1, result: 'local by good' });
  const connections = balancer.snapshot().upstreams.map(({ id, connection }) => [id, connection]);
  expect(connections).toEqual(
    expect.arrayContaining([
      ['ws hole', 'connecting'],
      ['http hole', 'connecting'],
      ['good', 'open'],
    ]),
  );
  for (const { stats } of holes) {
    expect(stats).toMatchObject({ connections: 1, openConnections: 1 });
  }
  await server.close();
  await balancer.close();
}, 60_000);
