import { expect, it } from 'vitest';
import * as devnet from './index.ts';

it('exports what the README shows', () => {
  expect(Object.keys(devnet).sort()).toMatchInlineSnapshot(`
    [
      "devAccounts",
      "devKeyring",
      "startDevnet",
      "startFaultProxy",
    ]
  `);
});
