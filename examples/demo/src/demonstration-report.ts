import type { Balancer } from '@dshackle/core';
import type { HeadRecord } from './head-record.ts';

/** What an application of a demonstration has seen. */
export interface Seen {
  /** As in "over the server". */
  readonly name: string;
  readonly heads: HeadRecord;
  /** Reads made so far. */
  readonly calls: number;
  /** Why reads failed, one text each. */
  readonly failures: readonly string[];
}

/**
 * Prints what came of a demonstration; true when nothing was lost.
 *
 * @param what each application is, as in "An ApiPromise"
 * @param balancers the engine behind each
 */
export function report(
  what: string,
  applications: readonly Seen[],
  balancers: readonly (Balancer | undefined)[],
  say: (line: string) => void,
): boolean {
  let held = true;
  say('');
  for (const [index, { name, heads, calls, failures }] of applications.entries()) {
    say(`${what} ${name}:`);
    say(
      `  heads received ${heads.received}, gaps ${heads.gaps}, duplicates ${heads.duplicates}; ` +
        `calls ${calls}, failed ${failures.length}`,
    );
    for (const failure of failures.slice(0, 3)) say(`  failed: ${failure}`);
    const served = balancers[index]
      ?.snapshot()
      .upstreams.map(
        ({ id, answered, failed }) =>
          `${id} ${answered} (${failed} failed and were tried elsewhere)`,
      );
    say(`  answered by ${served?.join(', ')}`);
    held &&= heads.gaps === 0 && heads.duplicates === 0 && failures.length === 0;
    held &&= heads.received > 0 && calls > 0;
  }
  return held;
}
