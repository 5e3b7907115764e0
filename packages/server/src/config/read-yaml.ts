import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { type ConfigEntry, type ConfigNode, formatPath, type Path, type Place } from './node.ts';
import { type ConfigProblem, problemAt } from './problem.ts';
import { canonicalKeys, freeMappings } from './spellings.ts';
import { type Environment, substitute } from './substitute.ts';

/** A file read as YAML, as far as that went. */
export interface YamlFile {
  /** Absent when nothing can be made of the text. */
  readonly root: ConfigNode | undefined;
  readonly problems: readonly ConfigProblem[];
}

/** An alias may repeat what repeats others: a few lines could become more than fits in memory. */
const maxNodes = 100_000;

/**
 * Reads YAML text into a tree that knows its places, and puts in the variables. They go into
 * scalars that are parsed already, so that no value can add a key or a list.
 */
export function readYaml(text: string, file: string, env: Environment): YamlFile {
  const lines = new LineCounter();
  // In the failsafe schema every scalar is text: see ConfigNode.
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: 'failsafe',
    prettyErrors: false,
  });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0)
    return { root: undefined, problems: syntaxProblems(broken, lines, file, text) };
  const reader = new Reader(document, lines, file, env);
  const root = reader.read(document.contents, []);
  // Variables are reported with their paths, which are known once the tree is.
  const problems = reader.problems.map(({ place, path, message }) => {
    return { ...problemAt(place, formatPath(root, path), message), unread: true };
  });
  return { root, problems };
}

/** All keys given twice, and the first error of any other kind: the rest only follow from it. */
function syntaxProblems(
  broken: readonly YAMLError[],
  lines: LineCounter,
  file: string,
  text: string,
): readonly ConfigProblem[] {
  const twice = broken.filter(({ code }) => code === 'DUPLICATE_KEY');
  const others = broken.filter(({ code }) => code !== 'DUPLICATE_KEY').slice(0, 1);
  return [...twice, ...others].map((error) => {
    const place = placeOf(lines, file, error.pos[0]);
    if (error.code === 'DUPLICATE_KEY') return problemAt(place, '', 'this key is given twice');
    const line = text.split('\n')[place.line - 1] ?? '';
    const hint = /[{[].*\$\{/.test(line) ? '; inside { } and [ ] a variable must be quoted' : '';
    // What follows is the text itself, which may be a secret.
    const [message] = error.message.split(/(?<=token .*): "/);
    return problemAt(place, '', `not valid YAML: ${message}${hint}`);
  });
}

function placeOf(lines: LineCounter, file: string, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line, column: col };
}

interface FoundProblem {
  readonly place: Place;
  readonly path: Path;
  readonly message: string;
}

class Reader {
  readonly problems: FoundProblem[] = [];
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #file: string;
  readonly #env: Environment;
  /** Anchored nodes that are being read: an alias to one of them has no end. */
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(document: Document, lines: LineCounter, file: string, env: Environment) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
    this.#env = env;
  }

  read(node: Node | null, path: Path): ConfigNode {
    const place = this.#place(node);
    if (++this.#nodes > maxNodes) {
      if (this.#nodes === maxNodes + 1) this.#report(place, path, 'this is too large');
      return { kind: 'nothing', place };
    }
    if (isAlias(node))
      return this.#readAlias(node.source, node.resolve(this.#document), place, path);
    if (isMap(node)) return this.#readMapping(node.items as Pair<Node, Node | null>[], place, path);
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.read(item as Node, [...path, index]));
      return { kind: 'list', place, items };
    }
    if (isScalar(node)) return this.#readScalar(String(node.value), node.type, place, path);
    return { kind: 'nothing', place };
  }

  #readAlias(name: string, target: Node | undefined, place: Place, path: Path): ConfigNode {
    if (target === undefined || this.#open.has(target)) {
      const why = target === undefined ? 'is not defined above' : 'contains itself';
      this.#report(place, path, `the anchor "${name}" ${why}`);
      return { kind: 'scalar', place, text: '', template: undefined };
    }
    this.#open.add(target);
    const read = this.read(target, path);
    this.#open.delete(target);
    return read;
  }

  #readMapping(pairs: readonly Pair<Node, Node | null>[], place: Place, path: Path): ConfigNode {
    const entries = new Map<string, ConfigEntry>();
    const free = freeMappings.has(String(path.at(-1)));
    for (const { key: keyNode, value } of pairs) {
      const keyPlace = this.#place(keyNode);
      if (!isScalar(keyNode)) {
        this.#report(keyPlace, path, 'a key must be a name');
        continue;
      }
      const key = String(keyNode.value);
      const name = free ? key : (canonicalKeys.get(key) ?? key);
      const other = entries.get(name);
      if (other !== undefined) {
        const message = `given twice, as ${other.key} and as ${key}`;
        this.#report(keyPlace, [...path, name], message);
        continue;
      }
      const read = this.read(value, [...path, name]);
      entries.set(name, { key, keyPlace, value: read });
    }
    return { kind: 'mapping', place, entries };
  }

  #readScalar(
    template: string,
    type: string | null | undefined,
    place: Place,
    path: Path,
  ): ConfigNode {
    if (type === 'PLAIN' && ['', '~', 'null'].includes(template)) return { kind: 'nothing', place };
    const { text, substituted, failures } = substitute(template, this.#env);
    for (const failure of failures) this.#report(place, path, failure);
    return { kind: 'scalar', place, text, template: substituted ? template : undefined };
  }

  #place(node: Node | null): Place {
    return placeOf(this.#lines, this.#file, node?.range?.[0] ?? 0);
  }

  #report(place: Place, path: Path, message: string): void {
    this.problems.push({ place, path, message });
  }
}
