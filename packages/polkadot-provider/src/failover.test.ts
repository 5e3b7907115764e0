import type { Balancer } from '@dshackle/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { polkadot } from './chain/polkadot.ts';
import { PolkadotProvider } from './provider.ts';
import { ScriptedChain, word } from './testing/scripted-chain.ts';
import { NodeError, ScriptedNode } from './testing/scripted-node.ts';

const key = '0x26aa';
/** Patient, for a busy machine. */
const eventually = <T>(check: () => T): Promise<T> => vi.waitFor(check, 20_000) as Promise<T>;
let chain: ScriptedChain;
let nodes: ScriptedNode[];
let provider: PolkadotProvider;
let events: string[];

/** Starts nodes of one chain and a provider over them. */
async function start(count: number): Promise<void> {
  nodes = await Promise.all(Array.from({ length: count }, () => ScriptedNode.start(chain)));
  provider = new PolkadotProvider({
    chain: polkadot({ id: 'scripted', genesisHash: chain.genesisHash }),
    upstreams: nodes.map(({ url }, i) => ({ id: `node-${i}`, transport: url })),
  });
  events = [];
  for (const event of ['connected', 'disconnected', 'error'] as const) {
    provider.on(event, () => events.push(event));
  }
  await provider.isReady;
}

/** The node that carries the only subscription to storage. */
const carrier = () => nodes.find((node) => node.subscriptions('state_subscribeStorage').length > 0);
const others = (node: ScriptedNode) => nodes.filter((each) => each !== node);

async function carried(): Promise<ScriptedNode> {
  return eventually(() => {
    const node = carrier();
    expect(node).toBeDefined();
    return node as ScriptedNode;
  });
}

function storage(heard: unknown[]): Promise<string> {
  return provider.subscribe('state_storage', 'state_subscribeStorage', [[key]], (error, value) =>
    heard.push(error?.message ?? value.changes[0][1]),
  );
}

const change = (value: string) => ({ block: chain.hash(chain.height), changes: [[key, value]] });

beforeEach(() => {
  chain = new ScriptedChain(3);
});
afterEach(async () => {
  await provider.disconnect();
  await Promise.all(nodes.map((node) => node.die()));
});

describe('a provider over real sockets', () => {
  it('serves as soon as one node can, and says so once', async () => {
    await start(3);
    await eventually(() => expect(provider.balancer?.snapshot().upstreams).toHaveLength(3));
    expect(events).toEqual(['connected']);
    expect(provider.isConnected).toBe(true);
    await expect(provider.send('chain_getBlockHash', [2])).resolves.toBe(chain.hash(2));
    await expect(provider.send('chain_getHeader', [])).resolves.toEqual(chain.header(3));
  });

  it('stays on the chain that its first node decided, connected anew or cloned', async () => {
    const node = await ScriptedNode.start(chain);
    nodes = [node];
    provider = new PolkadotProvider({ upstreams: [{ id: 'a', transport: node.url }] });
    await provider.isReady;
    await provider.disconnect();
    node.on('chain_getBlockHash', () => word(0x46));
    const clone = provider.clone();
    await provider.connect();
    for (const { balancer } of [provider, clone]) {
      await eventually(() =>
        expect(balancer?.snapshot().upstreams[0]?.detail).toContain('wrong chain'),
      );
      expect(balancer?.available).toBe(false);
    }
    await clone.disconnect();
  });

  it('asks no node for all storage, unless it is allowed', async () => {
    await start(1);
    const all = (params: unknown[]) =>
      provider.subscribe('state_storage', 'state_subscribeStorage', params, () => {});
    for (const params of [[], [null], [[]]]) {
      await expect(all(params)).rejects.toMatchObject({
        code: -32601,
        message: expect.stringContaining('at least one key'),
      });
    }
    expect(nodes[0]!.asked('state_subscribeStorage')).toEqual([]);
    await provider.disconnect();
    const { genesisHash } = chain;
    provider = new PolkadotProvider({
      chain: polkadot({ id: 'scripted', genesisHash }),
      methods: { enabled: ['state_subscribeStorage'] },
      upstreams: [nodes[0]!.url],
    });
    await expect(all([])).resolves.toBeTruthy();
    expect(nodes[0]!.asked('state_subscribeStorage')).toEqual([[]]);
  });

  it('connects anew while the sockets of before are still closing', async () => {
    await start(1);
    const before = provider.balancer as Balancer;
    const finish: (() => void)[] = [];
    const close = vi.spyOn(before, 'close').mockReturnValue(
      new Promise((resolve) => {
        finish.push(resolve);
      }),
    );
    const disconnected = provider.disconnect();
    await provider.connect();
    await eventually(() => expect(provider.balancer?.available).toBe(true));
    finish[0]!();
    await disconnected;
    expect(provider.isConnected).toBe(true);
    expect(events).toEqual(['connected', 'disconnected', 'connected']);
    close.mockRestore();
    await before.close();
  });

  it('never hears of a node of another chain', async () => {
    await start(1);
    const stranger = await ScriptedNode.start(
      new ScriptedChain(3, undefined, `0x${'99'.repeat(32)}`),
    );
    nodes.push(stranger);
    provider.balancer?.addUpstream({ id: 'stranger', transport: stranger.url });
    await eventually(() => expect(stranger.asked('chain_getBlockHash')).toContainEqual([0]));
    await nodes[0]!.die();
    await eventually(() => expect(events).toEqual(['connected', 'disconnected']));
    expect(provider.isConnected).toBe(false);
    // It was asked for its identity, and for nothing else.
    expect(stranger.calls.every(({ params }) => params[0] === 0)).toBe(true);
  });

  it('says disconnected when the last node is gone and connected when one is back', async () => {
    await start(2);
    await nodes[0]!.die();
    await provider.send('chain_getHeader', []);
    expect(events).toEqual(['connected']);
    await nodes[1]!.die();
    await eventually(() => expect(events).toEqual(['connected', 'disconnected']));
    await nodes[1]!.restart();
    await eventually(() => expect(events).toEqual(['connected', 'disconnected', 'connected']));
  });

  it('makes a read again elsewhere when its node dies while it is under way', async () => {
    await start(3);
    const asked: ScriptedNode[] = [];
    for (const node of nodes) {
      node.on('state_getStorage', ([asking], self) => {
        // The engine looks on its own how far back the states go.
        if (asking !== key) return null;
        asked.push(self);
        if (asked.length > 1) return '0xaa';
        void self.die();
        return undefined;
      });
    }
    await expect(provider.send('state_getStorage', [key])).resolves.toBe('0xaa');
    expect(asked.length).toBeGreaterThan(1);
  });

  it('gives the error of the node where it is the answer, and asks nobody else', async () => {
    await start(3);
    for (const node of nodes) {
      node.on('state_call', () => {
        throw new NodeError(4003, 'Client error: Execution failed: wasm trap');
      });
    }
    await expect(provider.send('state_call', ['x', '0x'])).rejects.toMatchObject({
      code: 4003,
      message: '4003: Client error: Execution failed: wasm trap',
    });
    expect(nodes.flatMap((node) => node.asked('state_call'))).toHaveLength(1);
  });

  it('resolves a block that was left out to one hash before it is routed', async () => {
    await start(1);
    nodes[0]!.on('state_getStorage', () => '0xaa');
    await provider.send('state_getStorage', [key]);
    const asked = nodes[0]!.asked('state_getStorage').filter(([asking]) => asking === key);
    expect(asked).toEqual([[key, chain.hash(3)]]);
  });
});

describe('a subscription over real sockets', () => {
  it('(defect a) can be ended by its first id after it moved, and its new node is told', async () => {
    await start(3);
    const id = await storage([]);
    const first = await carried();
    await first.die();
    const second = await carried();
    expect(second).not.toBe(first);
    const [upstreamId] = second.subscriptions('state_subscribeStorage');
    expect(await provider.unsubscribe('state_storage', 'state_unsubscribeStorage', id)).toBe(true);
    await eventually(() => {
      expect(second.asked('state_unsubscribeStorage')).toEqual([[upstreamId]]);
    });
    expect(await provider.unsubscribe('state_storage', 'state_unsubscribeStorage', id)).toBe(false);
  });

  it('(defect b) survives a second drop in the middle of being taken up again', async () => {
    await start(3);
    const heard: unknown[] = [];
    await storage(heard);
    const first = await carried();
    // The node that is asked next takes the request and dies before it answers.
    let deaths = 0;
    for (const node of others(first)) {
      node.on('state_subscribeStorage', async (_, self) => {
        deaths += 1;
        await self.die();
        return undefined;
      });
    }
    await first.die();
    await eventually(() => expect(deaths).toBe(2));
    for (const node of others(first)) await node.restart();
    await first.restart();
    const last = await carried();
    last.push('state_subscribeStorage', change('0x02'));
    await eventually(() => expect(heard).toEqual(['0x02']));
  });

  it('hears of a value once, though every node that takes over sends it first', async () => {
    await start(2);
    const heard: unknown[] = [];
    await storage(heard);
    const first = await carried();
    first.push('state_subscribeStorage', change('0x01'));
    await eventually(() => expect(heard).toEqual(['0x01']));
    await first.die();
    const second = await carried();
    second.push('state_subscribeStorage', change('0x01'));
    second.push('state_subscribeStorage', change('0x02'));
    await eventually(() => expect(heard).toEqual(['0x01', '0x02']));
  });

  it('to heads hears every block once and in order, whichever nodes die', async () => {
    await start(3);
    const heard: number[] = [];
    await provider.subscribe('chain_newHead', 'chain_subscribeNewHead', [], (_, header) =>
      heard.push(Number(header.number)),
    );
    const tell = async (to: ScriptedNode[]): Promise<void> => {
      chain.grow();
      for (const node of to) node.advance();
      await eventually(() => expect(heard.at(-1)).toBe(chain.height));
    };
    await tell(nodes);
    await nodes[0]!.die();
    await tell(nodes.slice(1));
    // One block that only a node saw which dies before the others learn of it.
    chain.grow();
    nodes[1]!.advance();
    await nodes[1]!.die();
    await tell(nodes.slice(2));
    expect(heard).toEqual(heard.map((_, i) => (heard[0] as number) + i));
    expect(heard.at(-1)).toBe(7);
  });

  it('that submits a transaction that a node refuses is refused, and offered to nobody else', async () => {
    await start(3);
    for (const node of nodes) {
      node.on('author_submitAndWatchExtrinsic', () => {
        throw new NodeError(1010, 'Invalid Transaction');
      });
    }
    await expect(
      provider.subscribe(
        'author_extrinsicUpdate',
        'author_submitAndWatchExtrinsic',
        ['0x'],
        () => {},
      ),
    ).rejects.toThrow('1010: Invalid Transaction');
    expect(nodes.flatMap((node) => node.asked('author_submitAndWatchExtrinsic'))).toHaveLength(1);
  });

  it('that submits a transaction is never made again', async () => {
    await start(2);
    const heard: string[] = [];
    await provider.subscribe(
      'author_extrinsicUpdate',
      'author_submitAndWatchExtrinsic',
      ['0x00'],
      (error, value) => heard.push(error ? 'lost' : value),
    );
    const node = nodes.find((each) => each.asked('author_submitAndWatchExtrinsic').length > 0)!;
    node.push('author_submitAndWatchExtrinsic', 'ready');
    await eventually(() => expect(heard).toEqual(['ready']));
    await node.die();
    await eventually(() => expect(heard).toEqual(['ready', 'lost']));
    expect(nodes.flatMap((each) => each.asked('author_submitAndWatchExtrinsic'))).toHaveLength(1);
  });
});
