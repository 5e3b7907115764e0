import { expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { describeStore } from '../testing/store-contract.ts';
import { memoryStore } from './memory-store.ts';

describeStore('memoryStore', async () => {
  const clock = new FakeClock();
  return { store: memoryStore({ clock }), pass: (ms) => clock.advance(ms) };
});

it('lets the least recently used go when its bytes are used up', async () => {
  const store = memoryStore({ maxBytes: 10_000 });
  const value = '"'.padEnd(1000, 'x');
  for (const key of ['a', 'b', 'c', 'd']) await store.set(key, value);
  await store.get('a');
  await store.set('e', value);
  expect(await store.get('a')).toBe(value);
  expect(await store.get('b')).toBeUndefined();
});

it('does not keep what is larger than all of it, nor what that replaced', async () => {
  const store = memoryStore({ maxBytes: 1000 });
  await store.set('key', '1');
  await store.set('key', 'x'.repeat(1000));
  expect(await store.get('key')).toBeUndefined();
});
