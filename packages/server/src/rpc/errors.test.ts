import { readFileSync } from 'node:fs';
import { jsonRpcCodes } from '@dshackle/core';
import { expect, it } from 'vitest';
import { balancerErrorCodes, doorErrorCodes } from './errors.ts';

it('docs/json-rpc.md lists every code that is made here', () => {
  const file = new URL('../../../../docs/json-rpc.md', import.meta.url);
  const text = readFileSync(file, 'utf8');
  const listed = [...text.matchAll(/^\| (-32\d{3}) \|/gm)].map(([, code]) => Number(code));
  const made = [jsonRpcCodes, balancerErrorCodes, doorErrorCodes].flatMap((codes) =>
    Object.values<number>(codes),
  );
  expect(new Set(listed)).toEqual(new Set(made));
});
