import { type Balancer, createBalancer, errorReply, type TransportFactory } from '@dshackle/core';
import { FakeClock, ScriptedTransport, seededRandom } from '@dshackle/core/testing';
import { compactToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { describe, expect, it } from 'vitest';
import { polkadot } from '../chain/polkadot.ts';
import { madeUpExtrinsic } from '../testing/extrinsic.ts';
import { TestClient } from '../testing/follow-pool.ts';
import { type ForkBlock, ForkChain } from '../testing/fork-chain.ts';
import { MemoryNode } from '../testing/memory-node.ts';
import { NewNode, type NewNodeOptions } from '../testing/new-api-node.ts';

const nowhere = `0x${'12'.repeat(32)}`;

interface NewPool extends AsyncDisposable {
  readonly balancer: Balancer;
  readonly clock: FakeClock;
  readonly chain: ForkChain;
  readonly nodes: readonly NewNode[];
  readonly blocks: readonly ForkBlock[];
  /** Makes a call, and lets the time pass that it takes. */
  ask<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T>;
}

/** Nodes with the new calls only. */
async function start(
  options: NewNodeOptions & { nodes?: number; http?: boolean } = {},
): Promise<NewPool> {
  const clock = new FakeClock();
  const chain = new ForkChain();
  const blocks = [chain.genesis, ...chain.grow(chain.genesis, 30)];
  const nodes = Array.from({ length: options.nodes ?? 2 }, (_, i) => {
    const id = String.fromCharCode(97 + i);
    return new NewNode(id, chain, blocks[30] as ForkBlock, blocks[28] as ForkBlock, options);
  });
  const balancer = createBalancer({
    chain: polkadot({ id: 'scripted', genesisHash: chain.genesis.hash }),
    upstreams: nodes.map((node) => node.upstream(!options.http)),
    clock,
    random: seededRandom(1),
  });
  await clock.advance(50);
  return {
    balancer,
    clock,
    chain,
    nodes,
    blocks,
    async ask<T>(method: string, ...params: readonly unknown[]): Promise<T> {
      const asked = balancer.request<T>(method, params);
      asked.catch(() => {});
      for (let i = 0; i < 20; i += 1) await clock.advance(5);
      return asked;
    },
    [Symbol.asyncDispose]: () => balancer.close(),
  };
}

const heads = (pool: NewPool) => pool.balancer.snapshot().upstreams.map(({ reason }) => reason);
const follows = (pool: NewPool): number[] => pool.nodes.map((node) => node.follows.size);

describe('a pool of nodes with the new calls only', () => {
  it('serves, and follows their heads by one follow of each', async () => {
    await using pool = await start();
    expect(heads(pool)).toEqual([undefined, undefined]);
    expect(follows(pool)).toEqual([1, 1]);
    expect(pool.balancer.head.best?.hash).toBe(pool.blocks[30]?.hash);
    expect(pool.balancer.head.finalized?.hash).toBe(pool.blocks[28]?.hash);
    const next = pool.chain.child(pool.blocks[30] as ForkBlock);
    for (const node of pool.nodes) node.show(next);
    for (const node of pool.nodes) node.finalize(pool.blocks[29] as ForkBlock);
    await pool.clock.advance(1);
    expect(pool.balancer.head.best?.hash).toBe(next.hash);
    expect(pool.balancer.head.finalized?.hash).toBe(pool.blocks[29]?.hash);
  });

  it('answers the older calls', async () => {
    await using pool = await start({ state: { '0xaa': '0x0102', '0xab': '0x03' } });
    const { blocks, nodes } = pool;
    const best = blocks[30] as ForkBlock;
    const opaque = u8aToHex(u8aConcat(compactToU8a(3), '0x6d6574'));
    for (const node of nodes) {
      node.runtime.set('Metadata_metadata', opaque);
      node.runtime.set('AccountNonceApi_account_nonce', '0x07000000');
    }
    expect(await pool.ask('chain_getBlockHash', 0)).toBe(blocks[0]?.hash);
    expect(await pool.ask('chain_getBlockHash', 29)).toBe(blocks[29]?.hash);
    expect(await pool.ask('chain_getBlockHash', [29, 30])).toEqual([blocks[29]?.hash, best.hash]);
    expect(await pool.ask('chain_getFinalizedHead')).toBe(blocks[28]?.hash);
    const header = { ...best.header, number: '0x1e' };
    expect(await pool.ask('chain_getHeader')).toEqual(header);
    expect(await pool.ask('chain_getHeader', best.hash)).toEqual(header);
    expect(await pool.ask('chain_getBlock', best.hash)).toEqual({
      block: { header, extrinsics: ['0x0401'] },
      justifications: null,
    });
    expect(await pool.ask('state_getStorage', '0xaa')).toBe('0x0102');
    expect(await pool.ask('state_getStorage', '0xac', best.hash)).toBeNull();
    expect(await pool.ask('state_getStorageHash', '0xaa')).toMatch(/^0x[0-9a-f]{64}$/);
    expect(await pool.ask('state_getKeysPaged', '0xa', 1).catch(({ code }) => code)).toBe(-32_602);
    expect(await pool.ask('state_getKeysPaged', '0x', 1, '0xaa')).toEqual(['0xab']);
    expect(await pool.ask('state_queryStorageAt', ['0xab', '0xff'])).toEqual([
      {
        block: best.hash,
        changes: [
          ['0xab', '0x03'],
          ['0xff', null],
        ],
      },
    ]);
    expect(await pool.ask('state_getMetadata')).toBe('0x6d6574');
    expect(await pool.ask('state_getRuntimeVersion')).toEqual({
      specName: 'scripted',
      implName: 'scripted-node',
      authoringVersion: 1,
      specVersion: 1,
      implVersion: 0,
      apis: [['0xdf6acb689907609b', 5]],
      transactionVersion: 7,
      stateVersion: 1,
    });
    expect(await pool.ask('system_chain')).toBe('New');
    expect(await pool.ask('system_properties')).toEqual({ ss58Format: 42 });
    const account = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
    expect(await pool.ask('system_accountNextIndex', account)).toBe(7);
  });

  it('lists what it answers, and declines the rest as nodes do', async () => {
    await using pool = await start();
    const { methods } = await pool.ask<{ methods: string[] }>('rpc_methods');
    expect(methods).toEqual(
      expect.arrayContaining(['state_call', 'chain_subscribeNewHeads', 'author_submitExtrinsic']),
    );
    expect(methods).not.toContain('author_pendingExtrinsics');
    await expect(pool.ask('system_name')).rejects.toMatchObject({ code: -32_601 });
  });

  it('tells the word of the runtime, and that a block is unknown', async () => {
    await using pool = await start();
    await expect(pool.ask('state_call', 'Core_trap', '0x')).rejects.toMatchObject({
      code: 4003,
      message: expect.stringContaining('wasm trap'),
    });
    expect(pool.nodes.flatMap((node) => node.asked('chainHead_v1_call'))).toHaveLength(1);
    await expect(pool.ask('state_call', 'Core_version', '0x', nowhere)).rejects.toMatchObject({
      code: 4003,
      message: expect.stringContaining('UnknownBlock'),
    });
    expect(await pool.ask('chain_getHeader', nowhere)).toBeNull();
  });

  it('reads blocks that are not pinned by archive_v1 where a node has it', async () => {
    const state = { '0xaa': '0x01', '0xab': '0x02', '0xac': '0x03' };
    await using pool = await start({ archive: true, state });
    const { hash } = pool.blocks[3] as ForkBlock;
    expect(await pool.ask('chain_getBlockHash', 3)).toBe(hash);
    expect(await pool.ask('chain_getHeader', hash)).toMatchObject({ number: '0x3' });
    expect(await pool.ask('chain_getBlock', hash)).toMatchObject({
      block: { extrinsics: ['0x0401'] },
    });
    expect(await pool.ask('state_getStorage', '0xaa', hash)).toBe('0x01');
    expect(await pool.ask('state_getKeysPaged', '0xa'.padEnd(4, 'a'), 5, null, hash)).toEqual([
      '0xaa',
    ]);
    expect(await pool.ask('state_getKeysPaged', '0x', 2, '0xaa', hash)).toEqual(['0xab', '0xac']);
    expect(await pool.ask('state_call', 'Core_version', '0x', hash)).toMatch(/^0x/);
  });

  it('knows the finalized head alone of nodes that cannot be subscribed to', async () => {
    await using pool = await start({ archive: true, http: true });
    expect(heads(pool)).toEqual([undefined, undefined]);
    expect(follows(pool)).toEqual([0, 0]);
    expect(pool.balancer.head.best?.hash).toBe(pool.blocks[28]?.hash);
    expect(await pool.ask('state_call', 'Core_version', '0x')).toMatch(/^0x/);
    const next = pool.chain.child(pool.blocks[30] as ForkBlock);
    for (const node of pool.nodes) node.show(next);
    for (const node of pool.nodes) node.finalize(next);
    await pool.clock.advance(10_000);
    expect(pool.balancer.head.best?.hash).toBe(next.hash);
  });

  it('asks a node with the older calls of the same pool for blocks that they do not have', async () => {
    const chain = new ForkChain();
    const blocks = [chain.genesis, ...chain.grow(chain.genesis, 30)];
    const [final, best] = [blocks[28], blocks[30]] as [ForkBlock, ForkBlock];
    const fresh = new NewNode('new', chain, best, final);
    const older = new MemoryNode('older', chain, best, final);
    older.handle('state_call', () => ({ kind: 'result', result: '"0x77"' }));
    const clock = new FakeClock();
    await using balancer = createBalancer({
      chain: polkadot({ id: 'scripted', genesisHash: chain.genesis.hash }),
      upstreams: [fresh.upstream(), older.upstream()],
      clock,
      random: seededRandom(1),
    });
    await clock.advance(50);
    for (let i = 0; i < 10; i += 1) {
      const asked = balancer.request('state_call', ['Core_version', '0x', blocks[2]?.hash]);
      for (let turn = 0; turn < 10; turn += 1) await clock.advance(5);
      expect(await asked).toBe('0x77');
    }
  });

  it('reads on at another node when one dies in the middle', async () => {
    await using pool = await start({ archive: true, state: { '0xaa': '0x01' } });
    const { hash } = pool.blocks[3] as ForkBlock;
    for (const node of pool.nodes) node.isSilent = true;
    const asked = pool.balancer.request('state_getStorage', ['0xaa', hash]);
    await pool.clock.advance(20);
    const reading = pool.nodes.find(
      (node) => node.asked('archive_v1_storage').length > 0,
    ) as NewNode;
    for (const node of pool.nodes) node.isSilent = false;
    reading.crash();
    for (let i = 0; i < 10; i += 1) await pool.clock.advance(5);
    expect(await asked).toBe('0x01');
  });

  it('serves chainHead_v1 and archive_v1 in front of them', async () => {
    await using pool = await start({ state: { '0xaa': '0x01' } });
    const client = new TestClient(pool.balancer);
    const follow = await client.follow(true);
    await pool.clock.advance(50);
    const best = pool.blocks[30] as ForkBlock;
    expect(follow.take().map(({ event }) => event)).toEqual([
      'initialized',
      'newBlock',
      'newBlock',
      'bestBlockChanged',
    ]);
    const item = { key: '0xaa', type: 'value' };
    await client.ask('chainHead_v1_storage', follow.id, best.hash, [item], null);
    await client.ask('chainHead_v1_body', follow.id, best.hash);
    await pool.clock.advance(50);
    expect(follow.take()).toMatchObject([
      { event: 'operationStorageItems', items: [{ key: '0xaa', value: '0x01' }] },
      { event: 'operationStorageDone' },
      { event: 'operationBodyDone', value: ['0x0401'] },
    ]);
    expect(await pool.ask('archive_v1_body', best.hash)).toEqual(['0x0401']);
  });
});

describe('the follow of such a node', () => {
  it('unpins what is pruned or long final, and no more', async () => {
    await using pool = await start({ nodes: 1 });
    const [node] = pool.nodes as [NewNode];
    const fork = pool.chain.child(pool.blocks[29] as ForkBlock);
    node.show(fork);
    const more = pool.chain.grow(pool.blocks[30] as ForkBlock, 30);
    for (const block of more) node.show(block);
    node.finalize(more[28] as ForkBlock, [fork]);
    await pool.clock.advance(50);
    const pinned = [...node.follows.values()].flatMap((follow) => [...follow.pinned]);
    const kept = more.slice(-17).map(({ hash }) => hash);
    expect(pinned.sort()).toEqual(kept.sort());
    expect(heads(pool)).toEqual([undefined]);
  });

  it('is begun again after stop, while the node goes on serving', async () => {
    await using pool = await start({ nodes: 1 });
    const [node] = pool.nodes as [NewNode];
    node.stop();
    const next = pool.chain.child(pool.blocks[30] as ForkBlock);
    node.show(next);
    expect(follows(pool)).toEqual([0]);
    await pool.clock.advance(10_000);
    expect(follows(pool)).toEqual([1]);
    expect(pool.balancer.head.best?.hash).toBe(next.hash);
    expect(await pool.ask('state_call', 'Core_version', '0x', next.hash)).toMatch(/^0x/);
  });

  it('is begun again after a death, and calls go to the other node meanwhile', async () => {
    await using pool = await start();
    const [first, second] = pool.nodes as [NewNode, NewNode];
    const hang = () => new Promise<never>(() => {});
    first.handle('chainHead_v1_call', hang);
    second.handle('chainHead_v1_call', hang);
    const asked = pool.balancer.request('state_call', ['Core_version', '0x']);
    await pool.clock.advance(10);
    const hung = pool.nodes.find((node) => node.asked('chainHead_v1_call').length > 0) as NewNode;
    const other = hung === first ? second : first;
    other.handle('chainHead_v1_call', () => undefined as never);
    hung.crash();
    for (let i = 0; i < 20; i += 1) await pool.clock.advance(5);
    expect(await asked).toMatch(/^0x/);
    await hung.restart();
    await pool.clock.advance(10_000);
    expect(follows(pool)).toEqual([1, 1]);
  });

  it.each([
    ['a block without a header', { event: 'newBlock', blockHash: nowhere, newRuntime: null }],
    ['another beginning', { event: 'initialized', finalizedBlockHashes: [nowhere] }],
    ['nonsense', { event: 'finalized' }],
  ])('is given up and begun again when the node tells %s', async (_, event) => {
    await using pool = await start({ nodes: 1 });
    const [node] = pool.nodes as [NewNode];
    node.push(event);
    await pool.clock.advance(10_000);
    expect(node.asked('chainHead_v1_follow')).toHaveLength(2);
    expect(follows(pool)).toEqual([1]);
  });

  it('is begun again when the node declines it, tells nothing, or gives no header in time', async () => {
    await using pool = await start({ nodes: 1 });
    const [node] = pool.nodes as [NewNode];
    node.stop();
    let tries = 0;
    node.handle('chainHead_v1_follow', () => {
      tries += 1;
      return tries === 1
        ? errorReply({ code: -32_800, message: 'too many follows' })
        : (undefined as never);
    });
    node.handle('chainHead_v1_header', () =>
      tries === 2 ? new Promise<never>(() => {}) : (undefined as never),
    );
    await pool.clock.advance(60_000);
    expect(tries).toBe(3);
    expect(follows(pool)).toEqual([1]);
    expect(heads(pool)).toEqual([undefined]);
  });

  it('is given up when more blocks are not final than a node should have pinned', async () => {
    await using pool = await start({ nodes: 1 });
    const [node] = pool.nodes as [NewNode];
    for (let i = 0; i < 3; i += 1) {
      const more = pool.chain.grow(node.best, 100);
      for (const block of more) node.show(block);
      await pool.clock.advance(1);
    }
    expect(follows(pool)).toEqual([0]);
    node.finalize(node.best);
    await pool.clock.advance(10_000);
    expect(follows(pool)).toEqual([1]);
    expect(pool.balancer.head.best?.hash).toBe(node.best.hash);
  });

  it('is one, though calls come before it has told where the node stands', async () => {
    await using pool = await start({ nodes: 1 });
    const [node] = pool.nodes as [NewNode];
    node.crash();
    await node.restart();
    const asked = [1, 2, 3].map(() => pool.balancer.request('chain_getHeader'));
    await pool.clock.advance(5_000);
    for (const answer of asked) expect(await answer).toMatchObject({ number: '0x1e' });
    expect(node.asked('chainHead_v1_follow')).toHaveLength(2);
  });

  it('goes on when another way to the same node comes up', async () => {
    const chain = new ForkChain();
    const node = new NewNode('a', chain, chain.child(chain.genesis), chain.genesis);
    const webSocket = node.upstream().transport as TransportFactory;
    let http: ScriptedTransport | undefined;
    const clock = new FakeClock();
    await using balancer = createBalancer({
      chain: polkadot({ id: 'scripted', genesisHash: chain.genesis.hash }),
      upstreams: [
        {
          transport: [
            webSocket,
            (context) => {
              http = new ScriptedTransport(node, context, {
                reachable: false,
                canSubscribe: false,
              });
              return http;
            },
          ],
        },
      ],
      clock,
    });
    await clock.advance(50);
    expect(node.follows.size).toBe(1);
    await http?.connect();
    await clock.advance(10_000);
    expect(http?.state.status).toBe('open');
    expect(balancer.snapshot().upstreams[0]?.reason).toBeUndefined();
    expect(node.follows.size).toBe(1);
    expect(node.asked('chainHead_v1_follow')).toHaveLength(1);
  });

  it('is ended when the balancer is closed', async () => {
    const pool = await start();
    await pool.balancer.close();
    expect(follows(pool)).toEqual([0, 0]);
  });

  it('reads descendants page by page, and stops when it has enough', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => `0xaa${i.toString(16).padStart(2, '0')}`);
    const state = Object.fromEntries(keys.map((key) => [key, '0x01']));
    await using pool = await start({ nodes: 1, state });
    const [node] = pool.nodes as [NewNode];
    node.pageSize = 4;
    expect(await pool.ask('state_getKeysPaged', '0xaa', 3, keys[4])).toEqual(keys.slice(5, 8));
    expect(node.asked('chainHead_v1_continue')).toHaveLength(1);
    expect(node.asked('chainHead_v1_stopOperation')).toHaveLength(1);
  });

  it('has 16 operations under way at most; others wait, and end with their time', async () => {
    await using pool = await start({ nodes: 1 });
    const [node] = pool.nodes as [NewNode];
    let started = 0;
    node.handle('chainHead_v1_call', () => {
      started += 1;
      return { kind: 'result', result: `{"result":"started","operationId":"x${started}"}` };
    });
    const failed: unknown[] = [];
    for (let i = 0; i < 20; i += 1) {
      pool.balancer.request('state_call', [`Api_${i}`, '0x']).catch((error) => failed.push(error));
    }
    await pool.clock.advance(100);
    expect(node.asked('chainHead_v1_call')).toHaveLength(16);
    await pool.clock.advance(60_000);
    expect(failed).toHaveLength(20);
    const stopped = node.asked('chainHead_v1_stopOperation').length;
    expect(stopped).toBe(node.asked('chainHead_v1_call').length);
  });
});

describe('a transaction for such nodes', () => {
  const valid = '0x00';

  it('is broadcast once the runtime finds it valid, and stopped after a while', async () => {
    await using pool = await start();
    for (const node of pool.nodes) {
      node.runtime.set('TaggedTransactionQueue_validate_transaction', valid);
    }
    const extrinsic = madeUpExtrinsic();
    const hash = await pool.ask<string>('author_submitExtrinsic', extrinsic);
    expect(hash).toMatch(/^0x[0-9a-f]{64}$/);
    expect(pool.nodes.map((node) => node.asked('transaction_v1_broadcast'))).toEqual([
      [[extrinsic]],
      [[extrinsic]],
    ]);
    await pool.clock.advance(130_000);
    expect(pool.nodes.map((node) => node.asked('transaction_v1_stop').length)).toEqual([1, 1]);
  });

  it('that is invalid is declined with the words of the older call, and not broadcast', async () => {
    await using pool = await start();
    for (const node of pool.nodes) {
      node.runtime.set('TaggedTransactionQueue_validate_transaction', '0x010001');
    }
    await expect(pool.ask('author_submitExtrinsic', madeUpExtrinsic())).rejects.toMatchObject({
      code: 1010,
    });
    expect(pool.nodes.flatMap((node) => node.asked('transaction_v1_broadcast'))).toEqual([]);
  });

  it('goes to another node when one dies before it was broadcast, and there is no doubt about it', async () => {
    await using pool = await start();
    const hung = () => new Promise<never>(() => {});
    for (const node of pool.nodes) {
      node.runtime.set('TaggedTransactionQueue_validate_transaction', valid);
    }
    const [first, second] = pool.nodes as [NewNode, NewNode];
    first.handle('chainHead_v1_call', hung);
    second.handle('transaction_v1_broadcast', () => ({ kind: 'result', result: 'null' }));
    const asked = pool.balancer.request('author_submitExtrinsic', [madeUpExtrinsic()]);
    asked.catch(() => {});
    await pool.clock.advance(20);
    first.crash();
    // Had the first one been in doubt, the outcome would be unknown.
    await pool.clock.advance(60_000);
    await expect(asked).rejects.toMatchObject({ code: 1016 });
  });

  it('that is watched is looked for in the blocks of the pool', async () => {
    await using pool = await start();
    const extrinsic = madeUpExtrinsic();
    for (const node of pool.nodes) {
      node.runtime.set('TaggedTransactionQueue_validate_transaction', valid);
    }
    const heard: unknown[] = [];
    const accepted = pool.balancer.subscribe(
      { method: 'author_submitAndWatchExtrinsic', params: JSON.stringify([extrinsic]) },
      {
        onSubscribed: () => heard.push('subscribed'),
        onItem: (item) => heard.push(JSON.parse(item)),
        onEnd: (error) => heard.push(error),
      },
    );
    for (let i = 0; i < 10; i += 1) await pool.clock.advance(5);
    await accepted;
    expect(heard).toEqual(['subscribed', 'ready']);
    const next = pool.chain.child(pool.blocks[30] as ForkBlock);
    for (const node of pool.nodes) {
      node.handle('chainHead_v1_body', () => undefined as never);
      node.bodies.set(next.hash, [extrinsic]);
      node.show(next);
    }
    for (let i = 0; i < 20; i += 1) await pool.clock.advance(5);
    for (const node of pool.nodes) node.finalize(next);
    for (let i = 0; i < 20; i += 1) await pool.clock.advance(5);
    expect(heard).toEqual([
      'subscribed',
      'ready',
      { inBlock: next.hash },
      { finalized: next.hash },
    ]);
  });
});

it('a node with the older calls is asked nothing more than before', async () => {
  const chain = new ForkChain();
  const node = new NewNode('old', chain, chain.genesis, chain.genesis);
  node.handle('chain_getBlockHash', () => ({
    kind: 'result',
    result: JSON.stringify(chain.genesis.hash),
  }));
  const clock = new FakeClock();
  const balancer = createBalancer({
    chain: polkadot({ id: 'scripted', genesisHash: chain.genesis.hash }),
    upstreams: [node.upstream()],
    clock,
  });
  await clock.advance(10);
  expect(node.asked('chainHead_v1_follow')).toEqual([]);
  expect(node.asked('chainSpec_v1_genesisHash')).toEqual([]);
  await balancer.close();
});
