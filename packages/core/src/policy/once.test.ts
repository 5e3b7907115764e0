import { expect, it, vi } from 'vitest';
import { Once } from './once.ts';

const answer = { reply: { kind: 'result', result: '1' }, upstream: 'a', attempts: [] } as const;

it.each([
  ['an answer', (once: Once) => once.onAnswer(answer), 'answer'],
  ['a failure', (once: Once) => once.onFailure(new Error('no')), 'failure'],
])('passes on %s, and nothing after it', (_what, settle, expected) => {
  const heard: string[] = [];
  const once = new Once(
    { onAnswer: () => heard.push('answer'), onFailure: () => heard.push('failure') },
    () => heard.push('settled'),
  );
  settle(once);
  once.onAnswer(answer);
  once.onFailure(new Error('late'));
  expect(heard).toEqual(['settled', expected]);
});

it.each([
  ['an answer', (once: Once) => once.onAnswer(answer)],
  ['a failure', (once: Once) => once.onFailure(new Error('no'))],
])('lets a receiver that throws at %s surface by itself', (_what, settle) => {
  const tasks: (() => void)[] = [];
  const enqueue = vi
    .spyOn(globalThis, 'queueMicrotask')
    .mockImplementation((task) => void tasks.push(task));
  const broken = (): never => {
    throw new Error('mine');
  };
  settle(new Once({ onAnswer: broken, onFailure: broken }, () => {}));
  enqueue.mockRestore();
  expect(tasks).toHaveLength(1);
  expect(tasks[0]).toThrow('mine');
});
