import { type Balancer, type BalancerOptions, createBalancer } from '@dshackle/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptedChain } from '../testing/scripted-chain.ts';
import { ScriptedNode } from '../testing/scripted-node.ts';
import { polkadot } from './polkadot.ts';

/*
 * Which methods a pool serves, over real sockets. Node a is a Substrate node, b one of the same chain
 * that has further methods.
 */

const common = ['chain_getHeader', 'rpc_methods', 'state_call', 'author_rotateKeys'];
const chain = new ScriptedChain(3);
let a: ScriptedNode;
let b: ScriptedNode;
let balancer: Balancer;

function lists(node: ScriptedNode, ...methods: readonly string[]): void {
  node.on('rpc_methods', () => ({ methods }));
  for (const method of methods) {
    if (!common.includes(method)) node.on(method, () => method);
  }
}

async function start(options: Partial<BalancerOptions> = {}): Promise<void> {
  balancer = createBalancer({
    chain: polkadot({ id: 'scripted', genesisHash: chain.genesisHash }),
    upstreams: [
      { id: 'a', transport: a.url },
      { id: 'b', transport: b.url },
    ],
    ...options,
  });
  await vi.waitFor(() => {
    const reasons = balancer.snapshot().upstreams.map(({ reason }) => reason);
    expect(reasons).toEqual([undefined, undefined]);
  }, 20_000);
}

const methodList = async (): Promise<readonly string[]> =>
  (await balancer.request<{ methods: string[] }>('rpc_methods')).methods;

beforeEach(async () => {
  [a, b] = await Promise.all([ScriptedNode.start(chain), ScriptedNode.start(chain)]);
  lists(a, ...common);
  lists(b, ...common, 'foo_bar', 'eth_blockNumber', 'eth_sendRawTransaction', 'dev_newBlock');
});
afterEach(async () => {
  await balancer.close();
  await Promise.all([a.die(), b.die()]);
});

describe('a method that is not known', () => {
  it.each(['foo_bar', 'eth_blockNumber', 'eth_sendRawTransaction'])(
    'goes to an upstream that lists it, as it is: %s',
    async (method) => {
      await start();
      for (let i = 0; i < 5; i += 1) {
        expect(await balancer.request(method, { any: [i] })).toBe(method);
      }
      expect(a.asked(method)).toEqual([]);
      expect(b.asked(method)).toEqual([0, 1, 2, 3, 4].map((i) => ({ any: [i] })));
    },
  );

  it('is answered as one that nobody has when nobody lists it', async () => {
    await start();
    await expect(balancer.request('foo_baz')).rejects.toMatchObject({
      code: -32601,
      message: 'Method not found',
    });
    expect([...a.asked('foo_baz'), ...b.asked('foo_baz')]).toEqual([]);
  });

  it('goes to those that tell no list, and is theirs to decline', async () => {
    b.on('rpc_methods', () => {
      throw new Error('not for you');
    });
    await start({
      upstreams: [
        { id: 'b', transport: b.url },
        { id: 'c', transport: b.url },
      ],
    });
    await expect(balancer.request('foo_baz')).rejects.toMatchObject({ code: -32601 });
    expect(b.asked('foo_baz')).toHaveLength(2);
  });
});

describe('a method that is switched off', () => {
  it('is not sent to anyone, and said to be disabled here', async () => {
    await start();
    for (const method of ['author_rotateKeys', 'dev_newBlock']) {
      await expect(balancer.request(method)).rejects.toMatchObject({
        code: -32601,
        message: `Method not available: ${method} is disabled on this balancer`,
      });
    }
    expect(a.asked('author_rotateKeys')).toEqual([]);
  });

  it('is sent only to the upstream that enables it', async () => {
    a.on('author_rotateKeys', () => 'rotated');
    b.on('author_rotateKeys', () => 'rotated');
    await start({
      upstreams: [
        { id: 'a', transport: a.url, methods: { enabled: ['author_rotateKeys'] } },
        { id: 'b', transport: b.url },
      ],
    });
    for (let i = 0; i < 5; i += 1) await balancer.request('author_rotateKeys');
    expect(a.asked('author_rotateKeys')).toHaveLength(5);
    expect(b.asked('author_rotateKeys')).toEqual([]);
    expect(await methodList()).toContain('author_rotateKeys');
  });
});

describe('the list of methods', () => {
  it('is what all upstreams offer together and the pool itself serves', async () => {
    await start();
    const methods = await methodList();
    expect(methods).toEqual(expect.arrayContaining(['foo_bar', 'eth_blockNumber', 'state_call']));
    expect(methods).toEqual(expect.arrayContaining(['system_health', 'chain_subscribeNewHeads']));
    for (const method of ['author_rotateKeys', 'dev_newBlock']) {
      expect(methods).not.toContain(method);
    }
    // One call, that of the probe.
    expect(a.asked('rpc_methods')).toHaveLength(1);
  });

  it('is without what the options disable', async () => {
    await start({ methods: { disabled: ['foo_bar', 'subscribe_newHead'] } });
    const methods = await methodList();
    expect(methods).not.toContain('foo_bar');
    expect(methods).not.toContain('subscribe_newHead');
    const view = balancer.withMethods({ enabled: ['foo_bar'], disabled: ['eth_blockNumber'] });
    const seen = await view.request<{ methods: string[] }>('rpc_methods');
    expect(seen.methods).toContain('foo_bar');
    expect(seen.methods).not.toContain('eth_blockNumber');
  });

  it('is waited for by a client that comes before the nodes', async () => {
    balancer = createBalancer({
      chain: polkadot({ id: 'scripted', genesisHash: chain.genesisHash }),
      upstreams: [b.url],
    });
    const methods = await methodList();
    expect(methods).toContain('foo_bar');
    expect(methods).not.toContain('dev_newBlock');
  });
});

describe('the health of the pool', () => {
  it('is told without asking a node', async () => {
    a.on('system_health', () => ({ peers: 12, isSyncing: false, shouldHavePeers: true }));
    await start();
    const before = a.asked('system_health').length + b.asked('system_health').length;
    expect(await balancer.request('system_health')).toEqual({
      peers: 12,
      isSyncing: false,
      shouldHavePeers: true,
    });
    expect(a.asked('system_health').length + b.asked('system_health').length).toBe(before);
  });
});

describe('params by name', () => {
  /** What a got, as it stood on the wire. */
  const got = async (method: string, params: string): Promise<unknown> => {
    a.on(method, (given) => given);
    b.on(method, (given) => given);
    const { reply } = await balancer.forward({ method, params });
    return reply.kind === 'result' ? JSON.parse(reply.result) : reply.error;
  };

  const offered = { methods: ['state_getKeysPaged', 'system_chain', 'some_method'] };

  it('go to a node in order, as not every one takes names or even answers', async () => {
    for (const node of [a, b]) node.on('rpc_methods', () => offered);
    await start();
    const keys = '{"start_key":"0x02","prefix":null,"count":3}';
    const at = chain.hash(chain.height);
    expect(await got('state_getKeysPaged', keys)).toEqual([null, 3, '0x02', at]);
    expect(await got('system_chain', '{}')).toEqual([]);
    expect(await got('chain_getBlockHash', '{"hash":null}')).toBe(at);
  });

  it('that the method does not have, or that are given twice, are declined', async () => {
    await start();
    const declined = (message: string) => ({
      code: -32_602,
      message: `Invalid params: ${message}`,
    });
    expect(await got('state_getStorage', '{"key":"0x01","kez":1}')).toEqual(
      declined('"kez" is not one of its params; state_getStorage takes key, hash?'),
    );
    expect(await got('system_chain', '{"__proto__":1}')).toEqual(
      declined('"__proto__" is not one of its params; system_chain takes none'),
    );
    expect(
      await got('state_getKeysPaged', '{"count":1,"startKey":"0x","start_key":"0x"}'),
    ).toMatchObject({ message: expect.stringContaining('"start_key" is given twice') });
    const long = await got('state_getStorage', `{"${'x'.repeat(100_000)}":1}`);
    expect((long as Error).message.length).toBeLessThan(200);
  });

  it('go on as they were written where nobody knows them', async () => {
    for (const node of [a, b]) node.on('rpc_methods', () => offered);
    await start();
    const params = '{"b":1.50,"a":{"c":[]}}';
    expect(await got('some_method', params)).toEqual({ b: 1.5, a: { c: [] } });
  });

  it('speak of the same block as params by position, and lose nothing when it is filled in', async () => {
    for (const node of [a, b]) {
      node.on('state_getStorage', (params) => params);
      node.on('contracts_call', (params) => params);
      node.on('rpc_methods', () => ({ methods: ['state_getStorage', 'contracts_call'] }));
    }
    await start();
    const at = chain.hash(chain.height);
    const hash = chain.hash(1);
    expect(await balancer.request('state_getStorage', { key: '0x26aa' })).toEqual(['0x26aa', at]);
    expect(await balancer.request('contracts_call', { call_request: { gas: 1 } })).toEqual([
      { gas: 1 },
      at,
    ]);
    const named = { hash, key: '0x26aa' };
    expect(await balancer.request('state_getStorage', named)).toEqual(['0x26aa', hash]);
  });
});
