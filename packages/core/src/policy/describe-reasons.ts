import type { Ineligibility } from '../selector/eligibility.ts';

/** Why nobody may be asked, for error messages: `2 of 3 disconnected, 1 of 3 lagging`. */
export function describeReasons(reasons: ReadonlyMap<string, Ineligibility>): string {
  if (reasons.size === 0) return 'the pool is empty';
  const counts = new Map<Ineligibility, number>();
  for (const reason of reasons.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `${count} of ${reasons.size} ${reason}`).join(', ');
}
