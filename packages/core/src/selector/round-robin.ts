import type { Candidate, Selector } from './selector.ts';

/** More ids than any pool has at once; past it turns are forgotten and the round begins anew. */
const maxIds = 1_024;

/**
 * Each upstream in its turn, whatever its load: the one whose last turn is longest ago, and among
 * those that never had one the first by id (Envoy: `ROUND_ROBIN`, without weights).
 *
 * An index modulo the number of candidates would be unfair here, because the eligible set differs
 * from call to call: where every other call may only go to A, the rest of the pool would have to
 * share what the index leaves over. Turns are kept by id, so a set that changes cannot shift them.
 */
export function roundRobin(): Selector {
  /** When each id last had its turn, counted in picks. */
  const turns = new Map<string, number>();
  let picks = 0;
  return {
    name: 'round-robin',
    pick<T extends Candidate>(candidates: readonly T[]): T {
      let next = candidates[0]!;
      let nextTurn = turns.get(next.id) ?? 0;
      for (let index = 1; index < candidates.length; index++) {
        const candidate = candidates[index]!;
        const turn = turns.get(candidate.id) ?? 0;
        if (turn < nextTurn || (turn === nextTurn && candidate.id < next.id)) {
          next = candidate;
          nextTurn = turn;
        }
      }
      if (turns.size >= maxIds && nextTurn === 0) turns.clear();
      picks++;
      turns.set(next.id, picks);
      return next;
    },
  };
}
