import { type Balancer, createBalancer } from '@dshackle/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  asJsonRpcProvider,
  type JsonRpcConnection,
  type JsonRpcMessage,
} from './as-json-rpc-provider.ts';
import { polkadot } from './chain/polkadot.ts';
import { DedotProvider } from './dedot-provider.ts';
import { ScriptedChain } from './testing/scripted-chain.ts';
import { NodeError, ScriptedNode } from './testing/scripted-node.ts';

/** Patient, for a busy machine. */
const eventually = <T>(check: () => T): Promise<T> => vi.waitFor(check, 20_000) as Promise<T>;

let chain: ScriptedChain;
let nodes: ScriptedNode[];
let balancer: Balancer;

beforeEach(async () => {
  chain = new ScriptedChain(3);
  nodes = await Promise.all([ScriptedNode.start(chain), ScriptedNode.start(chain)]);
  balancer = createBalancer({
    chain: polkadot({ id: 'scripted', genesisHash: chain.genesisHash }),
    upstreams: nodes.map(({ url }) => url),
  });
});
afterEach(async () => {
  await balancer.close();
  await Promise.all(nodes.map((node) => node.die()));
});

function grow(): void {
  chain.grow();
  for (const node of nodes) node.advance();
}

describe('an engine in the shape of polkadot-api', () => {
  let heard: JsonRpcMessage[];
  let connection: JsonRpcConnection;

  beforeEach(() => {
    heard = [];
    connection = asJsonRpcProvider(balancer)((message) => heard.push(message));
  });

  const send = (id: number, method: string, ...params: unknown[]): void =>
    connection.send({ jsonrpc: '2.0', id, method, params });
  const answerTo = (wanted: number) =>
    eventually(() => {
      const answer = heard.find((message) => 'id' in message && message.id === wanted);
      expect(answer).toBeDefined();
      return answer as { readonly result?: unknown; readonly error?: unknown };
    });

  it('answers calls, also those made before an upstream can serve', async () => {
    expect(balancer.available).toBe(false);
    send(1, 'chain_getBlockHash', 2);
    expect(await answerTo(1)).toEqual({ jsonrpc: '2.0', id: 1, result: chain.hash(2) });
  });

  it("gives a node's error as it is, and the engine's own with its code", async () => {
    for (const node of nodes) {
      node.on('state_call', () => {
        throw new NodeError(4003, 'Client error: Execution failed: wasm trap');
      });
    }
    send(1, 'state_call', 'x', '0x');
    send(2, 'author_rotateKeys');
    expect((await answerTo(1)).error).toMatchObject({ code: 4003 });
    expect((await answerTo(2)).error).toMatchObject({ code: -32601 });
  });

  it('tells the id of a subscription first, then each block once, and ends it on request', async () => {
    send(1, 'chain_subscribeFinalizedHeads');
    const { result: subscription } = await answerTo(1);
    const heads = () => heard.filter((message) => 'method' in message);
    await eventually(() => expect(heads()).toHaveLength(1));
    expect(heard.findIndex((message) => 'method' in message)).toBe(1);
    grow();
    await eventually(() => expect(heads()).toHaveLength(2));
    expect(heads()[1]).toEqual({
      jsonrpc: '2.0',
      method: 'chain_finalizedHead',
      params: { subscription, result: chain.header(4) },
    });
    send(2, 'chain_unsubscribeFinalizedHeads', subscription);
    send(3, 'chain_unsubscribeFinalizedHeads', subscription);
    expect([await answerTo(2), await answerTo(3)]).toMatchObject([
      { result: true },
      { result: false },
    ]);
    grow();
    await eventually(() => expect(balancer.head.finalized?.number).toBe(5));
    expect(heads()).toHaveLength(2);
  });

  it('knows nothing of the subscriptions of another connection', async () => {
    send(1, 'chain_subscribeNewHeads');
    const { result: id } = await answerTo(1);
    const others: JsonRpcMessage[] = [];
    const other = asJsonRpcProvider(balancer)((message) => others.push(message));
    other.send({ jsonrpc: '2.0', id: 1, method: 'chain_unsubscribeNewHeads', params: [id] });
    expect(others).toEqual([{ jsonrpc: '2.0', id: 1, result: false }]);
    other.disconnect();
  });

  it('says nothing any more once it was disconnected, and leaves the engine open', async () => {
    send(1, 'chain_subscribeNewHeads');
    await answerTo(1);
    connection.disconnect();
    const before = heard.length;
    send(2, 'chain_getBlockHash', 2);
    grow();
    expect(await balancer.request('chain_getBlockHash', [4])).toBe(chain.hash(4));
    expect(heard).toHaveLength(before);
  });
});

describe('an engine in the shape of dedot', () => {
  let provider: DedotProvider;
  let events: string[];

  beforeEach(() => {
    provider = new DedotProvider(balancer);
    events = [];
    provider.on('connected', () => events.push('connected'));
    provider.once('disconnected', () => events.push('disconnected'));
  });
  afterEach(() => provider.disconnect());

  it('connects as soon as an upstream can serve, and tells it', async () => {
    expect(provider.status).toBe('disconnected');
    await expect(provider.send('system_chain', [])).rejects.toThrow('not connected');
    expect(await provider.connect()).toBe(provider);
    await provider.connect();
    expect(provider.status).toBe('connected');
    await provider.disconnect();
    await provider.connect();
    expect(events).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('answers calls, and throws the error of the node with its code', async () => {
    for (const node of nodes) {
      node.on('state_call', () => {
        throw new NodeError(4003, 'Client error: Execution failed: wasm trap');
      });
    }
    await provider.connect();
    expect(await provider.send('chain_getBlockHash', [2])).toBe(chain.hash(2));
    await expect(provider.send('state_call', ['x', '0x'])).rejects.toMatchObject({ code: 4003 });
  });

  it('goes on with a subscription when the node that serves dies, until it is ended', async () => {
    await provider.connect();
    const heights: number[] = [];
    const subscription = await provider.subscribe<{ readonly number: string }>(
      {
        subname: 'chain_newHead',
        subscribe: 'chain_subscribeNewHeads',
        params: [],
        unsubscribe: 'chain_unsubscribeNewHeads',
      },
      (_, header) => heights.push(Number(header?.number)),
    );
    await eventually(() => expect(heights).toEqual([3]));
    await nodes[0]!.die();
    grow();
    await eventually(() => expect(heights).toEqual([3, 4]));
    await subscription.unsubscribe();
    grow();
    await eventually(() => expect(balancer.head.best?.number).toBe(5));
    expect(heights).toEqual([3, 4]);
  });
});
