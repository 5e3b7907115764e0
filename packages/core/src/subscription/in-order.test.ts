import { expect, it } from 'vitest';
import { InOrder } from './in-order.ts';

it('passes at once what waits for nothing, and keeps the order of what does', async () => {
  const order = new InOrder();
  const passed: number[] = [];
  const add = (n: number, until?: Promise<unknown>): void => order.add(() => passed.push(n), until);
  add(1);
  expect(passed).toEqual([1]);
  let release = (): void => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  add(2, slow);
  add(3);
  add(4, Promise.resolve());
  await new Promise(setImmediate);
  expect(passed).toEqual([1]);
  release();
  await new Promise(setImmediate);
  expect(passed).toEqual([1, 2, 3, 4]);
  add(5);
  expect(passed).toEqual([1, 2, 3, 4, 5]);
});

it('lets what is added from within come after', async () => {
  const order = new InOrder();
  const passed: number[] = [];
  order.add(() => {
    order.add(() => passed.push(2));
    passed.push(1);
  }, Promise.resolve());
  order.add(() => passed.push(3));
  await new Promise(setImmediate);
  expect(passed).toEqual([1, 3, 2]);
});
