import { describe, expect, it } from 'vitest';
import { createGenesis } from './genesis.ts';

describe('the genesis', () => {
  it('is the same for the same name', async () => {
    expect(await createGenesis('one')).toEqual(await createGenesis('one'));
  });

  it('has another state, so another hash, for another name', async () => {
    const [one, two] = [await createGenesis('one'), await createGenesis('two')];
    expect(one.genesis.raw.top).not.toEqual(two.genesis.raw.top);
  });

  it('keeps its keys sorted, as chopsticks needs them', async () => {
    const keys = Object.keys((await createGenesis('one')).genesis.raw.top);
    expect(keys).toEqual([...keys].sort());
  });
});
