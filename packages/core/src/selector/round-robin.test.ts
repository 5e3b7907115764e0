import { describe, expect, it } from 'vitest';
import { describeSelector } from '../testing/selector-contract.ts';
import { roundRobin } from './round-robin.ts';

describeSelector('roundRobin', () => roundRobin());

interface Named {
  readonly id: string;
  readonly load: number;
}

const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id, load: 1 })) as [Named, Named, Named];

describe('roundRobin', () => {
  it('begins with the first by id and goes round', () => {
    const selector = roundRobin();
    const picked = Array.from({ length: 7 }, () => selector.pick([c, a, b]).id);
    expect(picked.join('')).toBe('abcabca');
  });

  it('stays fair to the rest where every other call may only go to one', () => {
    const selector = roundRobin();
    const picked: string[] = [];
    for (let i = 0; i < 6; i++) {
      picked.push(selector.pick([a, b, c]).id);
      selector.pick([a]);
    }
    expect(picked.join('')).toBe('abcbcb');
  });

  it('gives one that comes back no turns to make up for', () => {
    const selector = roundRobin();
    for (let i = 0; i < 300; i++) selector.pick([a, b]);
    const picked = Array.from({ length: 6 }, () => selector.pick([a, b, c]).id);
    expect(picked.join('')).toBe('cabcab');
  });

  it('forgets all turns rather than keep more than 1,024 ids', () => {
    const selector = roundRobin();
    selector.pick([b]);
    for (let i = 0; i < 1_022; i++) selector.pick([{ id: `${i}`, load: 1 }]);
    selector.pick([a]);
    expect(selector.pick([a, b]).id).toBe('b');
    expect(selector.pick([a, b]).id).toBe('a');
    // It would be b's turn now.
    selector.pick([c]);
    expect(selector.pick([a, b]).id).toBe('a');
  });

  it('goes on with any number of ids over time', () => {
    const selector = roundRobin();
    for (let i = 0; i < 10_000; i++) selector.pick([{ id: `${i}`, load: 1 }]);
    const picked = Array.from({ length: 6 }, () => selector.pick([a, b, c]).id);
    expect(picked.join('')).toBe('abcabc');
  });
});
