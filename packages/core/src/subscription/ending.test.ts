import { expect, it } from 'vitest';
import type { MethodTraits } from '../chain/chain.ts';
import { endingReply } from './ending.ts';

const row: MethodTraits = {
  kind: 'unsubscribe',
  lifetime: 'never',
  idempotent: true,
  nullMeans: 'value',
  strategy: { kind: 'one' },
};

it('is whether there was something to end, unless the row says otherwise', () => {
  const nothingToEnd = { code: -32_000, message: 'subscription not found' };
  expect(endingReply(row, true)).toEqual({ kind: 'result', result: 'true' });
  expect(endingReply(row, false)).toEqual({ kind: 'result', result: 'false' });
  expect(endingReply({ ...row, ended: 'null' }, false)).toEqual({ kind: 'result', result: 'null' });
  expect(endingReply({ ...row, nothingToEnd }, true)).toEqual({ kind: 'result', result: 'true' });
  expect(endingReply({ ...row, nothingToEnd }, false)).toMatchObject({
    kind: 'error',
    error: nothingToEnd,
  });
});
