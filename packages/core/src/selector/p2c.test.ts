import { describe, expect, it } from 'vitest';
import { describeSelector } from '../testing/selector-contract.ts';
import { p2c } from './p2c.ts';

describeSelector('p2c', ({ random }) => p2c({ random }), { loadAware: true });

/** Says these numbers, then fails. */
function scripted(...values: number[]) {
  return () => {
    const value = values.shift();
    if (value === undefined) throw new Error('no number left');
    return value;
  };
}

const candidates = ['a', 'b', 'c'].map((id) => ({ id, load: 1 }));

describe('p2c', () => {
  it('never draws the same candidate twice', () => {
    const heavy = { id: 'heavy', load: 9 };
    const light = { id: 'light', load: 1 };
    for (const pair of [
      [heavy, light],
      [light, heavy],
    ]) {
      for (const first of [0, 0.5, 0.99]) {
        for (const second of [0, 0.5, 0.99]) {
          expect(p2c({ random: scripted(first, second) }).pick(pair)).toBe(light);
        }
      }
    }
  });

  it('takes the first drawn on a tie', () => {
    expect(p2c({ random: scripted(0.4, 0) }).pick(candidates).id).toBe('b');
    expect(p2c({ random: scripted(0.4, 0.9) }).pick(candidates).id).toBe('b');
  });

  it('reads no random number for a single candidate', () => {
    expect(p2c({ random: scripted() }).pick([{ id: 'only', load: 1 }]).id).toBe('only');
  });

  it('reads only two loads, however many candidates there are', () => {
    let reads = 0;
    const many = Array.from({ length: 100 }, (_, index) => ({
      id: `${index}`,
      get load() {
        reads++;
        return index;
      },
    }));
    p2c().pick(many);
    expect(reads).toBe(2);
  });
});
