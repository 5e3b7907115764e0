import { type Family, familyNames, familyOfKnown, knownChainIds } from './families.ts';
import { nearest } from './nearest.ts';
import { itemsAt, nodeAt, type Path, textAt } from './node.ts';
import type { ConfigProblem } from './problem.ts';
import { clusterItems, type Located, mainItems, problemBelow, type Source } from './source.ts';

/**
 * What names something elsewhere: ids that must be unique, and chains that must be there.
 *
 * @param incomplete whether a file is missing that may hold further upstreams
 */
export function checkReferences(
  sources: readonly Source[],
  incomplete: boolean,
): readonly ConfigProblem[] {
  const [main] = sources;
  if (main === undefined) return [];
  const routes = mainItems(sources, 'proxy', 'routes');
  const customChains = mainItems(sources, 'chains');
  const upstreams = clusterItems(sources, 'upstreams');
  const chains = new Chains(customChains, upstreams, incomplete);

  return [
    ...customChains.flatMap((chain) => chains.checkCustom(chain)),
    ...unique(customChains),
    ...unique(routes),
    ...routes.flatMap((route) => chains.checkServed(route)),
    ...unique(upstreams),
    ...upstreams.flatMap((upstream) => chains.checkKnown(upstream, ['chain'])),
    ...clusterItems(sources, 'defaults').flatMap((entry) =>
      itemsAt(entry.node, 'chains').flatMap((_, index) =>
        chains.checkKnown(entry, ['chains', index]),
      ),
    ),
    ...(incomplete ? [] : hasUpstreams(main, upstreams)),
  ];
}

class Chains {
  readonly #known: readonly string[];
  /** Absent when it cannot be told. */
  readonly #withUpstream: ReadonlySet<string | undefined> | undefined;

  constructor(custom: readonly Located[], upstreams: readonly Located[], incomplete: boolean) {
    const ids = custom.map(({ node }) => textAt(node, 'id')).filter((id) => id !== undefined);
    this.#known = [...ids, ...knownChainIds];
    const enabled = upstreams.filter(({ node }) => textAt(node, 'enabled') !== 'false');
    const unknown = incomplete || upstreams.length === 0;
    this.#withUpstream = unknown
      ? undefined
      : new Set(enabled.map(({ node }) => textAt(node, 'chain')));
  }

  checkCustom(chain: Located): ConfigProblem[] {
    const id = textAt(chain.node, 'id');
    if (id !== undefined && knownChainIds.includes(id)) {
      return [
        problemBelow(chain, ['id'], `found "${id}", which is known already: leave this entry out`),
      ];
    }
    const family = textAt(chain.node, 'family');
    const hasChainId = nodeAt(chain.node, 'chain-id') !== undefined;
    if (family === 'ethereum' && !hasChainId) {
      return [
        problemBelow(chain, ['chain-id'], 'missing; allowed: what eth_chainId answers, in decimal'),
      ];
    }
    if (family === 'substrate' && hasChainId) {
      return [problemBelow(chain, ['chain-id'], 'chains of the family substrate have none')];
    }
    if (family === 'ethereum' && nodeAt(chain.node, 'hasher') !== undefined) {
      return [
        problemBelow(chain, ['hasher'], 'chains of the family ethereum have no other than theirs'),
      ];
    }
    return [];
  }

  checkKnown(entry: Located, at: Path): ConfigProblem[] {
    const id = textAt(entry.node, ...at);
    if (id === undefined || id === '' || this.#known.includes(id)) return [];
    const meant = nearest(id, this.#known);
    const allowed = `${this.#known.join(', ')}, or one that an entry of chains describes`;
    const suggestion = meant === undefined ? '' : ` (did you mean ${meant}?)`;
    return [
      problemBelow(entry, at, `found ${JSON.stringify(id)}; allowed: ${allowed}${suggestion}`),
    ];
  }

  checkServed(route: Located): ConfigProblem[] {
    const unknown = this.checkKnown(route, ['chain']);
    const id = textAt(route.node, 'chain');
    if (unknown.length > 0 || id === undefined || id === '') return unknown;
    if (this.#withUpstream?.has(id) ?? true) return [];
    return [problemBelow(route, ['chain'], `found "${id}", which has no upstream that is enabled`)];
  }
}

/** The family of each chain that is known by id or has an entry; of others `undefined`. */
export function familyFinder(sources: readonly Source[]): (chain: string) => Family | undefined {
  const custom = new Map(
    mainItems(sources, 'chains').map(({ node }) => [textAt(node, 'id'), textAt(node, 'family')]),
  );
  return (chain) =>
    familyOfKnown(chain) ?? familyNames.find((family) => family === custom.get(chain));
}

function unique(entries: readonly Located[]): ConfigProblem[] {
  const first = new Map<string, Located>();
  return entries.flatMap((entry) => {
    const id = textAt(entry.node, 'id');
    if (id === undefined) return [];
    const other = first.get(id);
    if (other === undefined) {
      first.set(id, entry);
      return [];
    }
    const { file, line } = (nodeAt(other.node, 'id') ?? other.node).place;
    return [
      problemBelow(entry, ['id'], `found "${id}", which is taken already at ${file}:${line}`),
    ];
  });
}

function hasUpstreams(main: Source, upstreams: readonly Located[]): ConfigProblem[] {
  const cluster = nodeAt(main.root, 'cluster');
  // Without a cluster the schema says so; a list that is there and empty, too.
  if (cluster?.kind !== 'mapping' || upstreams.length > 0 || cluster.entries.has('upstreams')) {
    return [];
  }
  const message = 'missing; no upstream is given, neither here nor in an included file';
  return [problemBelow({ source: main, path: ['cluster'] }, ['upstreams'], message)];
}
