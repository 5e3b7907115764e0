import { type Balancer, createBalancer } from '@dshackle/core';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { polkadot } from '@dshackle/polkadot-provider/chain';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../server.ts';
import { type Door, openDoors } from '../testing/bad-input-stage.ts';
import { call, FrameClient } from '../testing/clients.ts';

/* Bad input before real nodes, two Chopsticks: what one of them says is told, and both live on. */

let devnet: Devnet;
let balancer: Balancer;
let server: Server;
let url: string;
let doors: Awaited<ReturnType<typeof openDoors>>;
const exits: string[] = [];

beforeAll(async () => {
  devnet = await startDevnet({ nodes: 2, blockTimeMs: 0 });
  devnet.onEvent((event) => {
    if (event.type === 'exit') exits.push(event.node.id);
  });
  balancer = createBalancer({
    chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash }),
    upstreams: devnet.nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
  });
  server = await startServer({ port: 0, routes: [{ id: 'devnet', balancer }] });
  url = `${server.url}/devnet`;
  await balancer.ready();
  doors = await openDoors(url, balancer);
}, 120_000);
afterAll(async () => {
  await doors?.close();
  await server?.close();
  await balancer?.close();
  await devnet?.close();
});
afterEach(() => {
  expect(exits).toEqual([]);
  for (const { breaker, failed } of balancer.snapshot().upstreams) {
    expect({ breaker, failed }).toEqual({ breaker: 'closed', failed: 0 });
  }
});

const names = ['HTTP', 'WebSocket', 'provider'] as const;
const through = (name: string): Door => {
  const door = doors.list.find((each) => each.name === name);
  if (door === undefined) throw new Error(`no door ${name}`);
  return door;
};
const number = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac';
const nowhere = `0x${'ab'.repeat(32)}`;

describe.each(names)('through the door %s', (name) => {
  it.each([
    // Params over which a node stumbles are declined here.
    ['state_getStorage', [], -32_602, 'key is missing'],
    ['state_getStorage', [5], -32_602, 'key must be bytes in hex'],
    ['state_queryStorageAt', [[5]], -32_602, 'keys must be a list of keys in hex'],
    ['state_call', ['Core_version'], -32_602, 'bytes is missing'],
    ['chain_getHeader', ['0x12'], -32_602, 'hash must be a hash of 32 bytes in hex'],
    // The rest is the node's to decline, in its own words.
    ['state_call', ['No_such', '0x'], -32_603, 'Function to start was not found.'],
    ['state_getKeysPaged', ['0x', 5_000], -32_603, 'pageSize must be less or equal to 1000'],
    ['state_getReadProof', [[]], -32_602, 'getReadProof requires a non-empty array of keys'],
    ['state_getStorage', [number, nowhere], 4003, 'Header was not found in the database'],
    ['payment_queryInfo', ['0x00'], -32_603, 'Unsupported unsigned extrinsic version 0'],
    ['system_accountNextIndex', ['alice'], -32_603, 'Decoding alice: '],
    ['author_submitExtrinsic', ['0x00'], 1011, 'wasm `unreachable` instruction executed'],
    ['foo_bar', [{}], -32_601, 'Method not found'],
  ])('%s%j: %s %s', async (method, params, code, text) => {
    const { error } = await through(name).ask(method, params);
    expect(error).toMatchObject({ code });
    expect(error?.message).toContain(text);
  });

  it('ten thousand keys are answered', async () => {
    const keys = new Array(10_000).fill(number);
    const { result } = await through(name).ask('state_queryStorageAt', [keys]);
    expect((result as [{ changes: unknown[] }])[0].changes).toHaveLength(10_000);
  });

  it('an extrinsic of five megabytes is declined by the nodes', async () => {
    const { error } = await through(name).ask('author_submitExtrinsic', [
      `0x${'00'.repeat(5_000_000)}`,
    ]);
    expect(error?.code).toBe(1011);
  });
});

describe('params by name, which these nodes leave without an answer', () => {
  it('are answered, or declined by name', async () => {
    const client = await FrameClient.open(url);
    const header = JSON.parse(await client.ask(call('chain_getBlockHash', { hash: 0 })));
    expect(header.result).toBe(devnet.genesisHash);
    const value = JSON.parse(await client.ask(call('state_getStorage', { key: number })));
    expect(value.result).toBe('0x01000000');
    const chain = JSON.parse(await client.ask(call('system_chain', {})));
    expect(chain.result).toBe('dshackle-devnet');
    const wrong = JSON.parse(await client.ask(call('state_getStorage', { kez: number })));
    expect(wrong.error).toEqual({
      code: -32_602,
      message: 'Invalid params: "kez" is not one of its params; state_getStorage takes key, hash?',
    });
    await client.close();
  });
});

describe('subscriptions to what is no list of keys', () => {
  // One of them ends the process of a Chopsticks; made again elsewhere it would end the next.
  it('are declined, and every node lives on', async () => {
    const client = await FrameClient.open(url);
    for (const keys of ['x', 5, {}, [5], ['zz'], [null]]) {
      const { error } = JSON.parse(await client.ask(call('state_subscribeStorage', [keys])));
      expect(error).toMatchObject({ code: -32_602 });
    }
    await client.close();
    await expect.poll(() => balancer.snapshot().subscriptions).toBe(0);
    await devnet.mine();
    expect(devnet.nodes.map(({ status }) => status)).toEqual(['running', 'running']);
  });
});
