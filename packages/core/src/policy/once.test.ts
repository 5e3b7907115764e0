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
  );
  settle(once);
  once.onAnswer(answer);
  once.onFailure(new Error('late'));
  expect(heard).toEqual(['settled', expected]);
});
