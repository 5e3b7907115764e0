import { checkConnection } from './check-connection.ts';
import { checkMethods } from './check-methods.ts';
import type { Family } from './families.ts';
import { type ConfigEntry, nodeAt, type Path } from './node.ts';
import type { ConfigProblem } from './problem.ts';
import { type Located, problemBelow } from './source.ts';

/** What the schema cannot see in one upstream: how its keys go together. */
export function checkUpstream(
  upstream: Located,
  familyOf: (chain: string) => Family | undefined,
): readonly ConfigProblem[] {
  return [
    ...checkConnection(upstream, familyOf),
    ...checkLabels(upstream),
    ...checkMethods(upstream, familyOf),
    ...checkLimits(upstream),
  ];
}

/** Dshackle's options may stand in the entry itself or under `options`, but not in both. */
export function checkOptionsOnce(entry: Located): readonly ConfigProblem[] {
  return [...entriesAt(entry, ['options']).keys()]
    .filter((key) => entriesAt(entry, []).has(key))
    .map((key) => problemBelow(entry, ['options', key], 'given twice: here and above options'));
}

function entriesAt(located: Located, path: Path): ReadonlyMap<string, ConfigEntry> {
  const node = nodeAt(located.node, ...path);
  return node?.kind === 'mapping' ? node.entries : new Map();
}

function checkLabels(upstream: Located): readonly ConfigProblem[] {
  return [...entriesAt(upstream, ['labels']).keys()]
    .filter((name) => !/^[\w-]+$/.test(name))
    .map((name) =>
      problemBelow(
        upstream,
        ['labels', name],
        'not a label name; allowed: letters, digits, "_" and "-"',
      ),
    );
}

function checkLimits(upstream: Located): readonly ConfigProblem[] {
  const limits = entriesAt(upstream, ['limits']);
  if (!limits.has('max-queue') || limits.has('concurrency') || limits.has('rate')) return [];
  const message = 'does nothing by itself: nothing waits without concurrency or rate';
  return [problemBelow(upstream, ['limits', 'max-queue'], message)];
}
