import { describe, expect, it } from 'vitest';
import type { Candidate, Selector } from '../selector/selector.ts';
import type { Random } from '../time/clock.ts';
import { seededRandom } from './seeded-random.ts';

/** What the selector under test promises beyond the contract. */
export interface SelectorTraits {
  /** Prefers lower loads. @default false */
  readonly loadAware?: boolean;
}

/**
 * The suite every `Selector` passes. Call it at the top level of a Vitest file, with a function
 * that makes a fresh selector from a random source.
 */
export function describeSelector(
  name: string,
  make: (context: { readonly random: Random }) => Selector,
  traits: SelectorTraits = {},
): void {
  const fresh = (seed = 1): Selector => make({ random: seededRandom(seed) });

  describe(`${name}, as a selector`, () => {
    it('has a name', () => {
      expect(fresh().name).not.toBe('');
    });

    it('returns a member, from one candidate to many', () => {
      const selector = fresh();
      for (let count = 1; count <= 20; count++) {
        const candidates = pool(count);
        for (let i = 0; i < 100; i++) expect(candidates).toContain(selector.pick(candidates));
      }
    });

    it('returns a member at the edges of its random source', () => {
      for (const edge of [0, 1 - 2 ** -53]) {
        const selector = make({ random: () => edge });
        for (let count = 1; count <= 5; count++) {
          const candidates = pool(count);
          expect(candidates).toContain(selector.pick(candidates));
        }
      }
    });

    it('returns a member whatever the loads are', () => {
      const selector = fresh();
      const loads = [0, Number.POSITIVE_INFINITY, 1e300, 1e-300, Number.POSITIVE_INFINITY];
      const candidates = loads.map((load, index) => ({ id: `${index}`, load }));
      for (let i = 0; i < 200; i++) expect(candidates).toContain(selector.pick(candidates));
    });

    it('changes neither the list nor its members', () => {
      const candidates = Object.freeze(pool(5).map((candidate) => Object.freeze(candidate)));
      const selector = fresh();
      for (let i = 0; i < 100; i++) selector.pick(candidates);
    });

    it('spreads calls evenly over equals', () => {
      for (const count of [2, 3, 7]) {
        const shares = pickMany(fresh(), 10_000, () => pool(count));
        for (const { id } of pool(count)) {
          expect(shares(id) * count, `${id} of ${count}`).toBeGreaterThan(0.9);
          expect(shares(id) * count, `${id} of ${count}`).toBeLessThan(1.1);
        }
      }
    });

    it('spreads them evenly whatever order the equals come in', () => {
      const shares = pickMany(fresh(), 10_000, (turn) => {
        const candidates = pool(4);
        return [...candidates.slice(turn % 4), ...candidates.slice(0, turn % 4)];
      });
      for (const { id } of pool(4)) expect(Math.abs(shares(id) - 0.25)).toBeLessThan(0.03);
    });

    it('gives every member of a set that changes from call to call its part', () => {
      const [a, b, c, d] = pool(4) as [Candidate, Candidate, Candidate, Candidate];
      const sets = [[a, b, c, d], [a], [b, c, d], [a, d]];
      const shares = pickMany(fresh(), 20_000, (turn) => sets[turn % sets.length]!);
      for (const { id } of [b, c, d]) expect(shares(id), id).toBeGreaterThan(0.1);
    });

    it('leaves an upstream that is gone and picks one that is new', () => {
      const selector = fresh();
      pickMany(selector, 1_000, () => pool(3));
      const remaining = pool(5).slice(2);
      const shares = pickMany(selector, 3_000, () => remaining);
      for (const { id } of remaining) expect(Math.abs(shares(id) - 1 / 3), id).toBeLessThan(0.05);
    });

    if (!traits.loadAware) return;

    it('takes the lighter of two, always', () => {
      const shares = pickMany(fresh(), 1_000, () => [
        { id: 'heavy', load: 1.001 },
        { id: 'light', load: 1 },
      ]);
      expect(shares('light')).toBe(1);
    });

    it('avoids one that is much heavier than all others', () => {
      const shares = pickMany(fresh(), 10_000, () => [
        ...pool(4),
        { id: 'heavy', load: Number.POSITIVE_INFINITY },
      ]);
      expect(shares('heavy')).toBeLessThan(0.01);
    });

    it('keeps calls in flight near level while they only pile up', () => {
      const selector = fresh();
      const candidates = Array.from({ length: 10 }, (_, index) => ({ id: `${index}`, load: 0 }));
      for (let i = 0; i < 10_000; i++) selector.pick(candidates).load++;
      const loads = candidates.map(({ load }) => load);
      // Blind random choice would be off by about 30 × √10 here; two choices stay within a few.
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(20);
    });
  });
}

function pool(count: number): { id: string; load: number }[] {
  return Array.from({ length: count }, (_, index) => ({ id: `upstream-${index + 1}`, load: 1 }));
}

/** Picks many times; gives the share (0–1) of the picks each id had. */
function pickMany(
  selector: Selector,
  times: number,
  candidates: (turn: number) => readonly Candidate[],
): (id: string) => number {
  const counts = new Map<string, number>();
  for (let turn = 0; turn < times; turn++) {
    const { id } = selector.pick(candidates(turn));
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return (id) => (counts.get(id) ?? 0) / times;
}
