import { type ConfigNode, formatPath, itemsAt, type Path, placeAt } from './node.ts';
import { type ConfigProblem, problemAt } from './problem.ts';

/** One file that has been read. */
export interface Source {
  readonly file: string;
  readonly root: ConfigNode;
  /** Where the keys of `cluster` are: below `cluster` in the main file, at the top of others. */
  readonly cluster: Path;
}

/** A node and how to get there. */
export interface Located {
  readonly source: Source;
  readonly path: Path;
  readonly node: ConfigNode;
}

/** The items of one list of `cluster` in every file. */
export function clusterItems(sources: readonly Source[], key: string): readonly Located[] {
  return sources.flatMap((source) => {
    const list = [...source.cluster, key];
    return itemsAt(source.root, ...list).map((node, index) => {
      return { source, path: [...list, index], node };
    });
  });
}

/** The items of one list of the main file, which is the first; none when there is no file. */
export function mainItems([main]: readonly Source[], ...list: Path): readonly Located[] {
  if (main === undefined) return [];
  return itemsAt(main.root, ...list).map((node, index) => {
    return { source: main, path: [...list, index], node };
  });
}

/** A problem with what is, or should be, below a node. */
export function problemBelow(
  { source, path }: Pick<Located, 'source' | 'path'>,
  below: Path,
  message: string,
): ConfigProblem {
  const full = [...path, ...below];
  return problemAt(placeAt(source.root, full), formatPath(source.root, full), message);
}
