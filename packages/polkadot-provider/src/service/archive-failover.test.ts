import { result } from '@dshackle/core/testing';
import { expect, it } from 'vitest';
import { type FollowPool, followPool } from '../testing/follow-pool.ts';
import type { MemoryNode } from '../testing/memory-node.ts';

const storage = 'archive_v1_storage';
const difference = 'archive_v1_storageDiff';

/** A pool in which the nodes with these ids list the method and take subscriptions of it. */
function start(method: string, ids: string, nodes = 3): Promise<FollowPool> {
  return followPool({
    nodes,
    prepare: (node) => {
      const older = ['chain_getHeader', 'state_getStorage', 'state_getKeysPaged'];
      node.methods = ids.includes(node.id) ? [...older, method] : older;
      node.handle(method, () => result('accepted'));
    },
  });
}

/** Subscribes; what the client hears, with the code of the error if it is declined. */
async function hear(pool: FollowPool, method: string, ...params: unknown[]): Promise<unknown[]> {
  const heard: unknown[] = [];
  const outcome = await pool.balancer.subscribe(
    { method, params: JSON.stringify(params) },
    {
      onSubscribed: () => {},
      onItem: (item) => heard.push(JSON.parse(item)),
      onEnd: (error) => heard.push(error),
      onDone: () => heard.push('done'),
    },
  );
  if (outcome.kind === 'error') heard.push(outcome.error.code);
  return heard;
}

const carrier = (pool: FollowPool, method: string): MemoryNode =>
  pool.nodes.find((node) => node.subscriptions(method) > 0) as MemoryNode;

it.each([
  [storage, 'storage'],
  [difference, 'storageDiff'],
])('%s goes on at another upstream that has it, each item once', async (method, event) => {
  await using pool = await start(method, 'ab');
  const items = ['0x01', '0x02', '0x03'].map((key) => ({ event, key, value: '0x00' }));
  const done = { event: `${event}Done` };
  const heard = await hear(pool, method, pool.blocks[3]?.hash, []);
  const first = carrier(pool, method);
  for (const item of items.slice(0, 2)) first.push(method, item);
  first.crash();
  await pool.clock.advance(1_000);
  const second = carrier(pool, method);
  expect([second.id, first.id].sort()).toEqual(['a', 'b']);
  for (const item of [...items.toReversed(), done]) second.push(method, item);
  expect(second.subscriptions(method)).toBe(0);
  expect(pool.balancer.snapshot().subscriptions).toBe(0);
  second.crash();
  await pool.clock.advance(10_000);
  expect(heard).toEqual([items[0], items[1], items[2], done, 'done']);
});

it.each([storage, difference])(
  '%s goes on at another when its upstream is silent',
  async (method) => {
    const event = method === storage ? 'storage' : 'storageDiff';
    await using pool = await start(method, 'ab');
    const items = ['0x01', '0x02', '0x03'].map((key) => ({ event, key, value: '0x00' }));
    const done = { event: `${event}Done` };
    const heard = await hear(pool, method, pool.blocks[3]?.hash, []);
    const first = carrier(pool, method);
    await pool.clock.advance(25_000);
    first.push(method, items[0]);
    await pool.clock.advance(25_000);
    expect(carrier(pool, method)).toBe(first);
    // Four times the longest silence that ended by itself.
    await pool.clock.advance(80_000);
    const second = carrier(pool, method);
    expect(second).not.toBe(first);
    expect(first.subscriptions(method)).toBe(0);
    for (const item of [...items, done]) second.push(method, item);
    expect(heard).toEqual([...items, done, 'done']);
    await pool.clock.advance(600_000);
    expect([first, second].map((node) => node.subscriptions(method))).toEqual([0, 0]);
  },
);

it('waits for one that has it, while only others are left', async () => {
  await using pool = await start(difference, 'b');
  const heard = await hear(pool, difference, pool.blocks[3]?.hash, []);
  const only = carrier(pool, difference);
  only.push(difference, { event: 'storageDiff', key: '0x01', type: 'added' });
  only.crash();
  await pool.clock.advance(5_000);
  expect(carrier(pool, difference)).toBeUndefined();
  await only.restart();
  await pool.clock.advance(15_000);
  only.push(difference, { event: 'storageDiff', key: '0x01', type: 'added' });
  only.push(difference, { event: 'storageDiffDone' });
  expect(heard).toEqual([
    { event: 'storageDiff', key: '0x01', type: 'added' },
    { event: 'storageDiffDone' },
    'done',
  ]);
});

it('storageDiff is declined where no upstream has it, and not listed', async () => {
  await using pool = await start(difference, '');
  expect(await hear(pool, difference, pool.blocks[3]?.hash, [])).toEqual([-32_601]);
  const { methods } = await pool.balancer.request<{ methods: string[] }>('rpc_methods');
  expect(methods).not.toContain(difference);
});
