import { describe, expect, it } from 'vitest';
import { methodNames } from '../chain/methods.ts';
import { methodsPage } from './methods-page.ts';

describe('docs/methods-ethereum.md', () => {
  it('is what the method table says (the same command with -u writes it anew)', async () => {
    await expect(methodsPage()).toMatchFileSnapshot('../../../../docs/methods-ethereum.md');
  });

  it('names every method', () => {
    const page = methodsPage();
    expect(methodNames.filter((method) => !page.includes(`\`${method}\``))).toEqual([]);
  });
});
