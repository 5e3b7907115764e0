import { checkEndpoint } from './check-endpoint.ts';
import { connectionKeys, type Family, families } from './families.ts';
import { nodeAt, textAt } from './node.ts';
import type { ConfigProblem } from './problem.ts';
import { type Located, problemBelow } from './source.ts';

/**
 * What the schema cannot see in the `connection` of an upstream: one kind, which is that of its
 * chain, with one endpoint at least.
 *
 * @param familyOf the family of a chain; `undefined` when there is no such chain
 */
export function checkConnection(
  upstream: Located,
  familyOf: (chain: string) => Family | undefined,
): readonly ConfigProblem[] {
  const connection = nodeAt(upstream.node, 'connection');
  if (connection?.kind !== 'mapping') return [];
  const chain = textAt(upstream.node, 'chain') ?? '';
  const family = familyOf(chain);
  const right = family && families[family].connection;
  const kinds = connectionKeys.filter((key) => connection.entries.has(key));
  if (kinds.length === 0) {
    // Another kind, which the schema complains of.
    if (connection.entries.size > 0) return [];
    const allowed = right ?? connectionKeys.join(' or ');
    return [problemBelow(upstream, ['connection'], `missing; allowed: ${allowed}`)];
  }
  return kinds.flatMap((kind): readonly ConfigProblem[] => {
    if (right === undefined || kind === right) return checkEndpoints(upstream, kind);
    const message = `does not go with ${JSON.stringify(chain)}, a chain of the family ${family}; allowed: ${right}`;
    return [problemBelow(upstream, ['connection', kind], message)];
  });
}

function checkEndpoints(upstream: Located, kind: string): readonly ConfigProblem[] {
  const at = ['connection', kind];
  const node = nodeAt(upstream.node, ...at);
  if (node?.kind !== 'mapping') return [];
  if (!node.entries.has('rpc') && !node.entries.has('ws')) {
    // Another key, which the schema complains of.
    if (node.entries.size > 0) return [];
    return [problemBelow(upstream, at, 'missing; allowed: rpc, ws or both')];
  }
  return ['rpc', 'ws'].flatMap((key) => checkEndpoint(upstream, [...at, key]));
}
