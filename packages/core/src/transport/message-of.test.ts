import { expect, it } from 'vitest';
import { BalancerError } from '../errors.ts';
import { messageOf } from './message-of.ts';

it('says what was thrown, without the code, and no more than its beginning', () => {
  expect(messageOf(new BalancerError('timeout', 'no answer'))).toBe('no answer');
  expect(messageOf(new Error('broken'))).toBe('broken');
  expect(messageOf('text')).toBe('text');
  expect(messageOf(new Error('x'.repeat(300)))).toBe('x'.repeat(300));
  expect(messageOf(new Error('x'.repeat(10_000)))).toBe(`${'x'.repeat(300)}…`);
});
