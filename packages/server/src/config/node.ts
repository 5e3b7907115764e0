/** A place in a configuration file. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** Keys and list positions from the top of a file. */
export type Path = readonly (string | number)[];

/** One entry of a mapping. */
export interface ConfigEntry {
  /** The key as written, which may be another spelling of the one it stands for. */
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: ConfigNode;
}

/**
 * A configuration file as a tree in which everything knows where it was written.
 *
 * Scalars are text: what they mean, number or name, is for the schema to say. So `0123` as a
 * password stays what it is.
 */
export type ConfigNode =
  /** A key with nothing after it, `~` or `null`. */
  | { readonly kind: 'nothing'; readonly place: Place }
  | {
      readonly kind: 'scalar';
      readonly place: Place;
      readonly text: string;
      /** The text as written, when it had variables: their values are never shown. */
      readonly template: string | undefined;
    }
  | { readonly kind: 'list'; readonly place: Place; readonly items: readonly ConfigNode[] }
  | {
      readonly kind: 'mapping';
      readonly place: Place;
      readonly entries: ReadonlyMap<string, ConfigEntry>;
    };

/** The tree as plain values, for the schema. */
export function toPlain(node: ConfigNode): unknown {
  switch (node.kind) {
    case 'nothing':
      return null;
    case 'scalar':
      return node.text;
    case 'list':
      return node.items.map(toPlain);
    case 'mapping': {
      // Object.fromEntries defines its members, so that a key `__proto__` is one like any other.
      return Object.fromEntries(
        [...node.entries].map(([name, { value }]) => [name, toPlain(value)]),
      );
    }
  }
}

/** The node below `node` at a path, or `undefined` when there is none or nothing was written. */
export function nodeAt(node: ConfigNode | undefined, ...path: Path): ConfigNode | undefined {
  let current = node;
  for (const step of path) {
    if (current?.kind === 'mapping') current = current.entries.get(String(step))?.value;
    else if (current?.kind === 'list') current = current.items[Number(step)];
    else return undefined;
  }
  return current?.kind === 'nothing' ? undefined : current;
}

/** The text at a path, or `undefined` when there is no scalar. */
export function textAt(node: ConfigNode | undefined, ...path: Path): string | undefined {
  const found = nodeAt(node, ...path);
  return found?.kind === 'scalar' ? found.text : undefined;
}

/** The items at a path; none when there is no list. */
export function itemsAt(node: ConfigNode | undefined, ...path: Path): readonly ConfigNode[] {
  const found = nodeAt(node, ...path);
  return found?.kind === 'list' ? found.items : [];
}

/** Where a path is written, or else the nearest place above it that is. */
export function placeAt(node: ConfigNode, path: Path): Place {
  let current = node;
  let { place } = node;
  for (const step of path) {
    if (current.kind === 'mapping') {
      const entry = current.entries.get(String(step));
      if (entry === undefined) return place;
      current = entry.value;
      place = current.kind === 'nothing' ? entry.keyPlace : current.place;
    } else if (current.kind === 'list') {
      const item = current.items[Number(step)];
      if (item === undefined) return place;
      current = item;
      place = item.place;
    } else {
      return place;
    }
  }
  return place;
}

/** A path as people write it, with the keys as they were written: `cluster.upstreams[0].id`. */
export function formatPath(node: ConfigNode, path: Path): string {
  let current: ConfigNode | undefined = node;
  let text = '';
  for (const step of path) {
    const entry: ConfigEntry | undefined =
      current?.kind === 'mapping' ? current.entries.get(String(step)) : undefined;
    if (current?.kind === 'scalar') break;
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${entry?.key ?? step}`;
    current = entry?.value ?? (current?.kind === 'list' ? current.items[Number(step)] : undefined);
  }
  return text;
}
