import { expect, it } from 'vitest';
import { keyOf, LogRecord } from './log-record.ts';

it('knows which logs stand, and notices those told twice or removed without being told', () => {
  const record = new LogRecord();
  const log = { blockHash: '0xaa', blockNumber: 5, index: 0, removed: false };
  const other = { ...log, blockHash: '0xbb', blockNumber: 6 };
  for (const each of [log, other, { ...log, removed: true }]) record.note(each);
  expect(record.standing(0)).toEqual([keyOf(other)]);
  expect(record.standing(6)).toEqual([]);
  expect(record.standing(0, new Set(['0xaa']))).toEqual([]);
  expect(record.broken).toEqual([]);
  record.note({ ...log, removed: true });
  record.note(other);
  expect(record.broken).toEqual([
    `removed without being told: ${keyOf(log)}`,
    `told twice: ${keyOf(other)}`,
  ]);
  expect(record.removed).toBe(2);
});
