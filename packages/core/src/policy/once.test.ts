import { expect, it } from 'vitest';
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
    () => heard.push('thrown'),
  );
  settle(once);
  once.onAnswer(answer);
  once.onFailure(new Error('late'));
  expect(heard).toEqual(['settled', expected]);
});

it.each([
  ['an answer', (once: Once) => once.onAnswer(answer)],
  ['a failure', (once: Once) => once.onFailure(new Error('no'))],
])('reports a receiver that throws at %s', (what, settle) => {
  const reported: unknown[] = [];
  const broken = (): never => {
    throw new Error('mine');
  };
  settle(
    new Once(
      { onAnswer: broken, onFailure: broken },
      () => {},
      (error, where) => reported.push(where, (error as Error).message),
    ),
  );
  expect(reported).toEqual([`the receiver of ${what}`, 'mine']);
});
