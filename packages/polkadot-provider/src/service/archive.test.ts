import { errorReply, type RawJson } from '@dshackle/core';
import { result } from '@dshackle/core/testing';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { describe, expect, it } from 'vitest';
import { blake2 } from '../chain/header.ts';
import { type FollowPool, type FollowPoolOptions, followPool } from '../testing/follow-pool.ts';
import type { ForkBlock } from '../testing/fork-chain.ts';
import { unknownBlock } from '../testing/memory-node.ts';

const nowhere = `0x${'12'.repeat(32)}`;

/** A pool whose nodes have the older calls, and a few facts of their own. */
function start(options: FollowPoolOptions = {}): Promise<FollowPool> {
  return followPool({
    ...options,
    prepare: (node) => {
      node.methods = [
        'chain_getBlock',
        'chain_getBlockHash',
        'chain_getHeader',
        'state_call',
        'system_chain',
        'system_properties',
      ];
      node.handle('system_chain', () => result('Scripted'));
      node.handle('system_properties', () => result({ ss58Format: 42 }));
      node.handle('state_call', ([name, , hash]) => {
        if (!node.has(hash)) return unknownBlock;
        if (name === 'Core_version') return result('0x1234');
        return errorReply({ code: 4003, message: 'Client error: Execution failed: trapped' });
      });
      options.prepare?.(node);
    },
  });
}

describe('before nodes that have only the older calls', () => {
  it('chainSpec_v1 and archive_v1 tell of the chain', async () => {
    await using pool = await start();
    const { balancer, blocks } = pool;
    const b3 = blocks[3] as ForkBlock;
    expect(await balancer.request('chainSpec_v1_chainName')).toBe('Scripted');
    expect(await balancer.request('chainSpec_v1_properties')).toEqual({ ss58Format: 42 });
    expect(await balancer.request('chainSpec_v1_genesisHash')).toBe(pool.chain.genesis.hash);
    expect(await balancer.request('archive_v1_genesisHash')).toBe(pool.chain.genesis.hash);
    expect(await balancer.request('archive_v1_finalizedHeight')).toBe(3);
    expect(await balancer.request('archive_v1_hashByHeight', [2])).toEqual([blocks[2]?.hash]);
    expect(await balancer.request('archive_v1_hashByHeight', [99])).toEqual([]);
    const header = await balancer.request<string>('archive_v1_header', [b3.hash]);
    expect(u8aToHex(blake2(hexToU8a(header)))).toBe(b3.hash);
    expect(await balancer.request('archive_v1_body', [b3.hash])).toHaveLength(1);
    expect(await balancer.request('archive_v1_header', [nowhere])).toBeNull();
    expect(await balancer.request('archive_v1_body', [nowhere])).toBeNull();
  });

  it.each([
    ['archive_v1_body', 'chain_getBlock', { a: 1 }],
    ['archive_v1_body', 'chain_getBlock', { block: {} }],
    ['archive_v1_body', 'chain_getBlock', 7],
    ['archive_v1_header', 'chain_getHeader', '0x00'],
  ])('%s says so when %s gives nonsense', async (method, older, nonsense) => {
    await using pool = await start();
    for (const node of pool.nodes) node.handle(older, () => result(nonsense));
    const { hash } = pool.blocks[3] as ForkBlock;
    await expect(pool.balancer.request(method, [hash])).rejects.toMatchObject({
      code: 'transport',
      origin: 'upstream',
    });
  });

  it('archive_v1_hashByHeight names all forks above the finalized block', async () => {
    await using pool = await start();
    const fork = pool.chain.child(pool.blocks[4] as ForkBlock);
    for (const node of pool.nodes) node.show(fork, false);
    await pool.clock.advance(1);
    const hashes = await pool.balancer.request<string[]>('archive_v1_hashByHeight', [5]);
    expect(hashes.sort()).toEqual([fork.hash, pool.blocks[5]?.hash].sort());
  });

  it('archive_v1_call says whether it worked, and null for a block that nobody has', async () => {
    await using pool = await start();
    const { hash } = pool.blocks[3] as ForkBlock;
    const call = (...params: unknown[]) => pool.balancer.request('archive_v1_call', params);
    expect(await call(hash, 'Core_version', '')).toEqual({ success: true, value: '0x1234' });
    expect(await call(hash, 'Core_trap', '0x')).toEqual({
      success: false,
      error: 'Client error: Execution failed: trapped',
    });
    expect(await call(nowhere, 'Core_version', '0x')).toBeNull();
  });

  it('declines params that are not what the methods take', async () => {
    await using pool = await start();
    const { hash } = pool.blocks[3] as ForkBlock;
    for (const [method, ...params] of [
      ['archive_v1_header', '0x12'],
      ['archive_v1_body'],
      ['archive_v1_call', hash, 5, '0x'],
      ['archive_v1_hashByHeight', '2'],
      ['archive_v1_hashByHeight', -1],
    ]) {
      await expect(pool.balancer.request(String(method), params)).rejects.toMatchObject({
        code: -32602,
      });
    }
  });

  it('rpc_methods lists what is served by way of them', async () => {
    await using pool = await start();
    const { methods } = await pool.balancer.request<{ methods: string[] }>('rpc_methods');
    expect(methods).toEqual(
      expect.arrayContaining([
        'archive_v1_call',
        'archive_v1_storage',
        'archive_v1_stopStorage',
        'chainHead_v1_follow',
        'chainHead_v1_unfollow',
        'chainSpec_v1_chainName',
        'transaction_v1_broadcast',
        'transaction_v1_stop',
      ]),
    );
    expect(methods.some((method) => method.includes('_unstable_'))).toBe(false);
  });
});

it('an upstream that lists a method of archive_v1 is asked itself', async () => {
  await using pool = await followPool({
    prepare: (node) => {
      node.methods = ['archive_v1_body'];
      node.handle('archive_v1_body', () => result(['0xabcd']));
    },
  });
  const { hash } = pool.blocks[3] as ForkBlock;
  expect(await pool.balancer.request('archive_v1_body', [hash])).toEqual(['0xabcd']);
});

describe('archive_v1_storage', () => {
  const state = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`0xaa${i.toString(16).padStart(4, '0')}`, '0x01']),
  );

  async function ask(...params: unknown[]): Promise<unknown[]> {
    const keys = Object.keys(state).sort();
    await using pool = await start({
      prepare: (node) => {
        node.methods = undefined;
        node.handle('state_getStorage', ([key]) => result(state[String(key)] ?? null));
        node.handle('state_getKeysPaged', ([prefix, count, after]) =>
          result(
            keys
              .filter((key) => key.startsWith(String(prefix)) && (!after || key > String(after)))
              .slice(0, Number(count)),
          ),
        );
        node.handle('state_queryStorageAt', ([asked]) =>
          result([{ changes: (asked as string[]).map((key) => [key, state[key]]) }]),
        );
      },
    });
    const items: unknown[] = [];
    const outcome = await pool.balancer.subscribe(
      {
        method: 'archive_v1_storage',
        params: JSON.stringify([pool.blocks[3]?.hash, ...params]),
      },
      {
        onSubscribed: () => {},
        onItem: (item: RawJson) => items.push(JSON.parse(item)),
        onEnd: (error) => items.push(error),
        onDone: () => items.push('done'),
      },
    );
    if (outcome.kind === 'error') return [outcome.error.code];
    await pool.clock.advance(1_000);
    expect(pool.balancer.snapshot().subscriptions).toBe(0);
    return items;
  }

  it('tells each item, and that it is done', async () => {
    const queries = [
      { key: '0xaa0001', type: 'value' },
      { key: '0xbb', type: 'value' },
    ];
    expect(await ask(queries, null)).toEqual([
      { event: 'storage', key: '0xaa0001', value: '0x01' },
      { event: 'storageDone' },
      'done',
    ]);
  });

  it('goes through all descendants, or those after a key', async () => {
    const all = { key: '0xaa', type: 'descendantsValues' };
    expect(await ask([all])).toHaveLength(302);
    expect(await ask([{ ...all, paginationStartKey: '0xaa0127' }])).toHaveLength(6);
  });

  it('says what it cannot do', async () => {
    const merkle = { key: '0xaa', type: 'closestDescendantMerkleValue' };
    expect(await ask([merkle])).toEqual([
      { event: 'storageError', error: expect.stringContaining('needs an upstream') },
      'done',
    ]);
    expect(await ask('nonsense')).toEqual([-32602]);
  });
});
