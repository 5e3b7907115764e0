import { checkEndpoint } from './check-endpoint.ts';
import { checkMethods } from './check-methods.ts';
import { type ConfigEntry, nodeAt, type Path } from './node.ts';
import type { ConfigProblem } from './problem.ts';
import { type Located, problemBelow } from './source.ts';

/** What the schema cannot see in one upstream: how its keys go together. */
export function checkUpstream(upstream: Located): readonly ConfigProblem[] {
  return [
    ...checkConnection(upstream),
    ...checkLabels(upstream),
    ...checkMethods(upstream),
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

function checkConnection(upstream: Located): readonly ConfigProblem[] {
  const at = ['connection', 'polkadot'];
  if (nodeAt(upstream.node, ...at)?.kind !== 'mapping') return [];
  const given = entriesAt(upstream, at);
  if (!given.has('rpc') && !given.has('ws')) {
    return [problemBelow(upstream, at, 'missing; allowed: rpc, ws or both')];
  }
  return ['rpc', 'ws'].flatMap((key) => checkEndpoint(upstream, [...at, key]));
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
