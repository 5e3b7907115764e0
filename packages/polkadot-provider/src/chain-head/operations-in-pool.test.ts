import { errorReply, type Reply } from '@dshackle/core';
import { result } from '@dshackle/core/testing';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { describe, expect, it } from 'vitest';
import { blake2 } from '../chain/header.ts';
import {
  type FollowPool,
  type FollowPoolOptions,
  followPool,
  type TestClient,
  type TestFollow,
} from '../testing/follow-pool.ts';
import { type MemoryNode, unknownBlock } from '../testing/memory-node.ts';

/** A pool with one client and its follow, which has been told all there is. */
interface Setting extends AsyncDisposable {
  readonly pool: FollowPool;
  readonly client: TestClient;
  readonly follow: TestFollow;
  /** Hash of a pinned block that is not final. */
  readonly hash: string;
}

async function setting(options: FollowPoolOptions = {}): Promise<Setting> {
  const pool = await followPool(options);
  const client = pool.client();
  const follow = await client.follow(true);
  await pool.clock.advance(1);
  follow.take();
  const hash = pool.blocks[5]?.hash as string;
  return { pool, client, follow, hash, [Symbol.asyncDispose]: () => pool.balancer.close() };
}

/** Starts an operation; gives its id. */
async function start(
  { client, follow, hash }: Setting,
  method: string,
  ...params: readonly unknown[]
): Promise<string> {
  const started = await client.ask<{ result: string; operationId: string }>(
    `chainHead_v1_${method}`,
    follow.id,
    hash,
    ...params,
  );
  expect(started).toMatchObject({ result: 'started', operationId: expect.any(String) });
  return started.operationId;
}

/** A state that each node has of every block that it has. */
function holding(state: Readonly<Record<string, string>>): FollowPoolOptions['prepare'] {
  const sorted = Object.keys(state).sort();
  return (node: MemoryNode) => {
    const at = (hash: unknown, reply: () => Reply): Reply =>
      node.has(hash) ? reply() : unknownBlock;
    const hashOf = (value: string | undefined): string | null =>
      value === undefined ? null : u8aToHex(blake2(hexToU8a(value)));
    node.handle('state_getStorage', ([key, hash]) =>
      at(hash, () => result(state[String(key)] ?? null)),
    );
    node.handle('state_getStorageHash', ([key, hash]) =>
      at(hash, () => result(hashOf(state[String(key)]))),
    );
    node.handle('state_getKeysPaged', ([prefix, count, after, hash]) =>
      at(hash, () => {
        const keys = sorted.filter(
          (key) => key.startsWith(String(prefix)) && (after === null || key > String(after)),
        );
        return result(keys.slice(0, Number(count)));
      }),
    );
    node.handle('state_queryStorageAt', ([keys, hash]) =>
      at(hash, () =>
        result([
          { block: hash, changes: (keys as string[]).map((key) => [key, state[key] ?? null]) },
        ]),
      ),
    );
  };
}

const many = Object.fromEntries(
  Array.from({ length: 600 }, (_, i) => [`0xaa${i.toString(16).padStart(4, '0')}`, `0x0${i % 10}`]),
);

describe('a body', () => {
  it('comes from any upstream that has the block', async () => {
    await using set = await setting();
    const operationId = await start(set, 'body');
    await set.pool.clock.advance(1);
    expect(set.follow.take()).toEqual([
      { event: 'operationBodyDone', operationId, value: [expect.stringMatching(/^0x0\d$/)] },
    ]);
  });

  it('comes from another upstream when the one asked dies meanwhile', async () => {
    await using set = await setting();
    const [a, b] = set.pool.nodes;
    let asked: MemoryNode | undefined;
    for (const node of [a, b]) {
      node?.handle('chain_getBlock', () => {
        if (asked !== undefined) return result({ block: { extrinsics: ['0x77'] } });
        asked = node;
        return new Promise(() => {});
      });
    }
    const operationId = await start(set, 'body');
    await set.pool.clock.advance(1);
    asked?.crash();
    await set.pool.clock.advance(1_000);
    expect(set.follow.take()).toEqual([
      { event: 'operationBodyDone', operationId, value: ['0x77'] },
    ]);
  });

  it('is inaccessible when nobody has it, and when nobody is left', async () => {
    await using set = await setting({
      prepare: (node) => node.handle('chain_getBlock', () => result(null)),
    });
    const operationId = await start(set, 'body');
    await set.pool.clock.advance(1_000);
    expect(set.follow.take()).toEqual([{ event: 'operationInaccessible', operationId }]);
    for (const node of set.pool.nodes) node.crash();
    const second = await start(set, 'body');
    await set.pool.clock.advance(60_000);
    expect(set.follow.take()).toEqual([{ event: 'operationInaccessible', operationId: second }]);
  });

  it('is asked of archive_v1_body where only that is offered', async () => {
    await using set = await setting({
      prepare: (node) => {
        node.methods = ['archive_v1_body', 'state_getRuntimeVersion'];
        node.handle('archive_v1_body', () => result(['0xabcd']));
      },
    });
    const operationId = await start(set, 'body');
    await set.pool.clock.advance(1);
    expect(set.follow.take()).toEqual([
      { event: 'operationBodyDone', operationId, value: ['0xabcd'] },
    ]);
  });
});

describe('a runtime call', () => {
  it('gives its output, or says why the runtime failed', async () => {
    await using set = await setting({
      prepare: (node) => {
        node.handle('state_call', ([name]) =>
          name === 'Core_version'
            ? result('0x1234')
            : errorReply({ code: 4003, message: 'Client error: Execution failed: no such export' }),
        );
      },
    });
    const good = await start(set, 'call', 'Core_version', '');
    const bad = await start(set, 'call', 'Core_nonsense', '0x00');
    await set.pool.clock.advance(1_000);
    expect(set.follow.take()).toEqual([
      { event: 'operationCallDone', operationId: good, output: '0x1234' },
      {
        event: 'operationError',
        operationId: bad,
        error: 'Client error: Execution failed: no such export',
      },
    ]);
    const asked = set.pool.nodes.flatMap((node) => node.asked('state_call'));
    expect(asked[0]).toEqual(['Core_version', '0x', set.hash]);
  });

  it('is not for follows without the runtime', async () => {
    await using set = await setting();
    const plain = await set.client.follow(false);
    expect(
      await set.client.call('chainHead_v1_call', plain.id, set.hash, 'Core_version', '0x'),
    ).toMatchObject({ error: { code: -32802 } });
  });
});

describe('storage', () => {
  it('gives values and hashes, and nothing for what is not there', async () => {
    await using set = await setting({ prepare: holding({ '0x01': '0xbeef' }) });
    const items = [
      { key: '0x01', type: 'value' },
      { key: '0x02', type: 'value' },
      { key: '0x01', type: 'hash' },
      { key: '0x02', type: 'hash' },
    ];
    const operationId = await start(set, 'storage', items, null);
    await set.pool.clock.advance(1);
    const hash = u8aToHex(blake2(new Uint8Array([0xbe, 0xef])));
    expect(set.follow.take()).toEqual([
      { event: 'operationStorageItems', operationId, items: [{ key: '0x01', value: '0xbeef' }] },
      { event: 'operationStorageItems', operationId, items: [{ key: '0x01', hash }] },
      { event: 'operationStorageDone', operationId },
    ]);
  });

  it('hashes a value itself where no upstream does', async () => {
    await using set = await setting({
      prepare: (node) => {
        holding({ '0x01': '0xbeef' })?.(node);
        node.methods = ['state_getStorage', 'state_getRuntimeVersion'];
      },
    });
    const operationId = await start(set, 'storage', [{ key: '0x01', type: 'hash' }], null);
    await set.pool.clock.advance(1);
    const hash = u8aToHex(blake2(new Uint8Array([0xbe, 0xef])));
    expect(set.follow.take()[0]).toEqual({
      event: 'operationStorageItems',
      operationId,
      items: [{ key: '0x01', hash }],
    });
  });

  it('asks for the hash of the code once for each block, whoever wants it', async () => {
    await using set = await setting({ prepare: holding({ '0x3a636f6465': '0xc0de' }) });
    const items = [{ key: '0x3a636f6465', type: 'hash' }];
    await start(set, 'storage', items, null);
    await start(set, 'storage', items, null);
    const other = set.pool.client();
    const theirs = await other.follow(true);
    await set.pool.clock.advance(1);
    await start({ ...set, client: other, follow: theirs }, 'storage', items, null);
    await set.pool.clock.advance(1);
    expect(set.pool.nodes.flatMap((node) => node.asked('state_getStorageHash'))).toHaveLength(1);
    expect(set.follow.take().filter(({ event }) => event === 'operationStorageDone')).toHaveLength(
      2,
    );
    expect(theirs.take().at(-1)).toMatchObject({ event: 'operationStorageDone' });
  });

  it.each(['descendantsValues', 'descendantsHashes'])(
    'gives %s a page at a time, when the client says so',
    async (type) => {
      await using set = await setting({ prepare: holding(many) });
      const operationId = await start(set, 'storage', [{ key: '0xaa', type }], null);
      const goOn = () => set.client.call('chainHead_v1_continue', set.follow.id, operationId);
      await set.pool.clock.advance(1);
      const keys: unknown[] = [];
      for (let page = 0; page < 3; page += 1) {
        const events = set.follow.take();
        const [items, next] = events;
        const found = (items?.items ?? []) as { key: string }[];
        keys.push(...found.map(({ key }) => key));
        expect(events).toHaveLength(2);
        expect(next).toEqual({
          event: page < 2 ? 'operationWaitingForContinue' : 'operationStorageDone',
          operationId,
        });
        if (page === 2) break;
        expect(await goOn()).toEqual({ kind: 'result', result: 'null' });
        await set.pool.clock.advance(1);
      }
      expect(keys).toEqual(Object.keys(many).sort());
      // It is over: the id means nothing any more.
      expect(await goOn()).toEqual({ kind: 'result', result: 'null' });
    },
  );

  it('reads the values one by one where nobody gives them together', async () => {
    await using set = await setting({
      prepare: (node) => {
        holding(many)?.(node);
        node.handle('state_queryStorageAt', () =>
          errorReply({ code: -32601, message: 'RPC call is unsafe to be called externally' }),
        );
      },
    });
    const queries = [{ key: '0xaa02', type: 'descendantsValues' }];
    const operationId = await start(set, 'storage', queries, null);
    await set.pool.clock.advance(100);
    const sizes: unknown[] = [];
    for (let part = 0; part < 3; part += 1) {
      const [items] = set.follow.take();
      sizes.push(((items?.items ?? []) as unknown[]).length);
      await set.client.ask('chainHead_v1_continue', set.follow.id, operationId);
      await set.pool.clock.advance(100);
    }
    // Too big to be given together, perhaps: a few at a time.
    expect(sizes).toEqual([32, 32, 24]);
    expect(set.follow.events.at(-1)).toMatchObject({ event: 'operationStorageDone' });
  });

  it('goes on with the next page at another upstream', async () => {
    await using set = await setting({ prepare: holding(many) });
    const operationId = await start(set, 'storage', [{ key: '0xaa', type: 'descendantsValues' }]);
    await set.pool.clock.advance(1);
    set.follow.take();
    set.pool.nodes[0]?.crash();
    await set.pool.clock.advance(1);
    await set.client.ask('chainHead_v1_continue', set.follow.id, operationId);
    await set.pool.clock.advance(1);
    await set.client.ask('chainHead_v1_continue', set.follow.id, operationId);
    await set.pool.clock.advance(1_000);
    expect(set.follow.take().at(-1)).toEqual({ event: 'operationStorageDone', operationId });
  });

  it('says -32803 to who continues what does not wait', async () => {
    await using set = await setting({
      prepare: (node) => node.handle('state_getStorage', () => new Promise(() => {})),
    });
    const operationId = await start(set, 'storage', [{ key: '0x01', type: 'value' }], null);
    expect(
      await set.client.call('chainHead_v1_continue', set.follow.id, operationId),
    ).toMatchObject({ error: { code: -32803 } });
    expect(await set.client.ask('chainHead_v1_continue', set.follow.id, 'nonsense')).toBeNull();
  });

  it('reads a child trie', async () => {
    await using set = await setting({
      prepare: (node) =>
        node.handle('childstate_getStorage', ([child, key]) => result(`${child}${key}`)),
    });
    const operationId = await start(set, 'storage', [{ key: '0x01', type: 'value' }], '0xabcd');
    await set.pool.clock.advance(1);
    const prefix = u8aToHex(new TextEncoder().encode(':child_storage:default:'));
    expect(set.follow.take()[0]).toEqual({
      event: 'operationStorageItems',
      operationId,
      items: [{ key: '0x01', value: `${prefix}abcd0x01` }],
    });
  });

  it('gives a Merkle value from an upstream with archive_v1, and from another when that dies', async () => {
    const method = 'archive_v1_storage';
    await using set = await setting({
      prepare: (node) => {
        node.methods = ['state_getRuntimeVersion', method];
        node.handle(method, () => result('accepted'));
      },
    });
    const { pool, follow, hash } = set;
    const item = { key: '0x01', type: 'closestDescendantMerkleValue' };
    const operationId = await start(set, 'storage', [item], null);
    await pool.clock.advance(1);
    const carrying = (): MemoryNode =>
      pool.nodes.find((node) => node.subscriptions(method) > 0) as MemoryNode;
    const first = carrying();
    expect(first.asked(method)).toEqual([[hash, [item], null]]);
    first.crash();
    await pool.clock.advance(1_000);
    const second = carrying();
    expect(second).not.toBe(first);
    second.push(method, {
      event: 'storage',
      key: '0x01',
      closestDescendantMerkleValue: '0xab',
    });
    second.push(method, { event: 'storageDone' });
    await pool.clock.advance(1);
    expect(follow.take()).toEqual([
      {
        event: 'operationStorageItems',
        operationId,
        items: [expect.objectContaining({ key: '0x01', closestDescendantMerkleValue: '0xab' })],
      },
      { event: 'operationStorageDone', operationId },
    ]);
    expect(second.subscriptions(method)).toBe(0);
    expect(pool.balancer.snapshot().subscriptions).toBe(1);
  });

  it('of a Merkle value that no upstream tells in time is inaccessible, and nothing is left of it', async () => {
    const method = 'archive_v1_storage';
    await using set = await setting({
      prepare: (node) => {
        node.methods = ['state_getRuntimeVersion', method];
        node.handle(method, () => result('accepted'));
      },
    });
    const { pool, follow } = set;
    const item = { key: '0x01', type: 'closestDescendantMerkleValue' };
    const operationId = await start(set, 'storage', [item], null);
    await pool.clock.advance(31_000);
    const told = follow.take().filter((event) => event.operationId === operationId);
    expect(told).toEqual([{ event: 'operationInaccessible', operationId }]);
    expect(pool.nodes.map((node) => node.subscriptions(method))).toEqual([0, 0]);
  });

  it('does not pretend to have a Merkle value', async () => {
    await using set = await setting();
    const item = { key: '0x01', type: 'closestDescendantMerkleValue' };
    const operationId = await start(set, 'storage', [item], null);
    await set.pool.clock.advance(1);
    expect(set.follow.take()).toEqual([
      { event: 'operationError', operationId, error: expect.stringContaining('needs an upstream') },
    ]);
  });
});

describe('operations', () => {
  const hangs = {
    prepare: (node: MemoryNode) => node.handle('state_call', () => new Promise<Reply>(() => {})),
  };

  it('wait for their turn beyond those that run, and are refused only when that is full', async () => {
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    await using set = await setting({
      nodes: 1,
      chainHead: { maxOperations: 4, maxWaitingOperations: 16 },
      prepare: (node) =>
        node.handle('state_call', () => {
          running += 1;
          most = Math.max(most, running);
          return new Promise((resolve) => {
            release.push(() => {
              running -= 1;
              resolve(result('0x'));
            });
          });
        }),
    });
    for (let i = 0; i < 20; i += 1)
      await start(set, 'call', 'Core_version', `0x0${i % 10}${i}0`.slice(0, 6));
    expect(await set.client.ask('chainHead_v1_body', set.follow.id, set.hash)).toEqual({
      result: 'limitReached',
    });
    for (let i = 0; i < 30; i += 1) {
      await set.pool.clock.advance(1);
      for (const done of release.splice(0)) done();
    }
    await set.pool.clock.advance(1);
    expect(set.follow.take().filter(({ event }) => event === 'operationCallDone')).toHaveLength(20);
    expect(most).toBeLessThanOrEqual(4);
    await start(set, 'body');
  });

  it('weigh as much as their params, and one is taken in any case', async () => {
    await using set = await setting({
      chainHead: { maxOperations: 4, maxWaitingOperations: 16 },
      ...hangs,
    });
    const big = `0x${'00'.repeat(400_000)}`;
    await start(set, 'call', 'Core_version', big);
    expect(
      await set.client.ask('chainHead_v1_call', set.follow.id, set.hash, 'Core_version', big),
    ).toEqual({ result: 'limitReached' });
  });

  it('discard the storage items for which there is no room', async () => {
    await using set = await setting({
      chainHead: { maxOperations: 4, maxWaitingOperations: 16 },
      ...hangs,
    });
    for (let i = 0; i < 15; i += 1) await start(set, 'call', 'Core_version', '0x');
    const items = Array.from({ length: 8 }, (_, i) => ({ key: `0x0${i}`, type: 'value' }));
    const asked = (): Promise<unknown> =>
      set.client.ask('chainHead_v1_storage', set.follow.id, set.hash, items, null);
    expect(await asked()).toMatchObject({ result: 'started', discardedItems: 3 });
    expect(await asked()).toEqual({ result: 'limitReached' });
  });

  it('are not heard of once they are stopped, nor when their follow has ended', async () => {
    let answer: (reply: Reply) => void = () => {};
    await using set = await setting({
      prepare: (node) =>
        node.handle(
          'state_call',
          () =>
            new Promise((resolve) => {
              answer = resolve;
            }),
        ),
    });
    const operationId = await start(set, 'call', 'Core_version', '0x');
    await set.pool.clock.advance(1);
    expect(
      await set.client.ask('chainHead_v1_stopOperation', set.follow.id, operationId),
    ).toBeNull();
    answer(result('0x'));
    await set.pool.clock.advance(1_000);
    expect(set.follow.take()).toEqual([]);
    await start(set, 'call', 'Core_version', '0x');
    set.follow.unfollow();
    await set.pool.clock.advance(60_000);
    expect(set.follow.take()).toEqual([]);
  });

  it('go on when their block is unpinned', async () => {
    await using set = await setting({ prepare: holding({ '0x01': '0xbeef' }) });
    await start(set, 'storage', [{ key: '0x01', type: 'value' }], null);
    await set.client.ask('chainHead_v1_unpin', set.follow.id, set.hash);
    await set.pool.clock.advance(1);
    expect(set.follow.take().at(-1)).toMatchObject({ event: 'operationStorageDone' });
  });

  it('need params as the specification has them', async () => {
    await using set = await setting();
    const { hash } = set;
    const wrong: readonly (readonly unknown[])[] = [
      ['body', '0x1234'],
      ['body', 5],
      ['body'],
      ['header', `${hash}00`],
      ['call', hash, 5, '0x'],
      ['call', hash, 'Core_version', 'zz'],
      ['call', hash, 'Core_version', '0x123'],
      ['call', hash, 'Core_version'],
      ['storage', hash, null, null],
      ['storage', hash, [null], null],
      ['storage', hash, [{ key: '0x01', type: 'nothing' }], null],
      ['storage', hash, [{ key: 'x1', type: 'value' }], null],
      ['storage', hash, [{ key: '0x01', type: 'value' }], 5],
      ['continue', 5],
      ['stopOperation', null],
      ['unpin', {}],
    ];
    for (const [method, ...params] of wrong) {
      for (const id of [set.follow.id, 'nonsense']) {
        expect(await set.client.call(`chainHead_v1_${method}`, id, ...params)).toMatchObject({
          error: { code: -32602 },
        });
      }
    }
    expect(await set.client.call('chainHead_v1_body', 5, hash)).toMatchObject({
      error: { code: -32602 },
    });
    const unknown = `0x${'12'.repeat(32)}`;
    for (const [method, ...params] of [['body'], ['call', 'x', '0x'], ['storage', [], null]]) {
      expect(
        await set.client.call(`chainHead_v1_${method}`, set.follow.id, unknown, ...params),
      ).toMatchObject({ error: { code: -32801 } });
    }
  });
});
