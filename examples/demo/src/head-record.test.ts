import { expect, it } from 'vitest';
import { HeadRecord } from './head-record.ts';

it('counts what is missing, what comes twice and what goes back', () => {
  const record = new HeadRecord();
  for (const number of [4, 5, 5, 8, 7, 9]) record.note(number);
  expect(record.received).toBe(6);
  expect(record.gaps).toBe(2);
  expect(record.duplicates).toBe(2);
  expect(record.last).toBe(9);
});
