import { expect, it } from 'vitest';
import type { PresentValue } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Deadlines } from '../time/deadlines.ts';
import { UnplacedItems } from './unplaced-items.ts';

/** Items are the hash of their block; `known` are those that the pool has heard of. */
function unplaced(...known: string[]) {
  const clock = new FakeClock();
  const blocks = new Set(known);
  const heard: string[] = [];
  const blockOf = (item: string): string => {
    if (item === 'nonsense') throw new Error('nonsense');
    return item;
  };
  const items = new UnplacedItems({
    present: { blockOf } as unknown as PresentValue,
    head: { numberOf: (hash) => (blocks.has(hash) ? 1 : undefined) } as ChainHead,
    deadlines: new Deadlines(clock),
    onItem: (item) => heard.push(item),
  });
  return { clock, blocks, heard, items };
}

it('passes on at once what is placed, and what is nonsense', () => {
  const { items, heard } = unplaced('a');
  for (const item of ['a', 'nonsense']) items.take(item);
  expect(heard).toEqual(['a', 'nonsense']);
});

it('keeps the order: what comes after one that waits, waits too', async () => {
  const { items, heard, blocks, clock } = unplaced('a');
  for (const item of ['x', 'a', 'y']) items.take(item);
  items.onBlock();
  expect(heard).toEqual([]);
  blocks.add('x');
  items.onBlock();
  expect(heard).toEqual(['x', 'a']);
  blocks.add('y');
  items.onBlock();
  expect(heard).toEqual(['x', 'a', 'y']);
  await clock.advance(10_000);
  expect(heard).toHaveLength(3);
});

it('waits no longer than its patience, nor for more than so many', async () => {
  const { items, heard, clock } = unplaced();
  items.take('x');
  await clock.advance(1_999);
  expect(heard).toEqual([]);
  await clock.advance(100);
  expect(heard).toEqual(['x']);
  for (let i = 0; i < 64; i += 1) items.take(`${i}`);
  expect(heard).toHaveLength(1);
  items.take('one more');
  expect(heard).toHaveLength(66);
});

it('forgets what waits with the upstream that said it', async () => {
  const { items, heard, blocks, clock } = unplaced();
  items.take('x');
  items.clear();
  blocks.add('x');
  items.onBlock();
  await clock.advance(10_000);
  expect(heard).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});
