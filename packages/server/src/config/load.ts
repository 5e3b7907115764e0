import { readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { z } from 'zod';
import { fileReason } from './check-endpoint.ts';
import { checkMethods } from './check-methods.ts';
import { checkReferences, familyFinder } from './check-references.ts';
import { checkOptionsOnce, checkUpstream } from './check-upstream.ts';
import type { Config } from './config.ts';
import { explainIssues } from './explain.ts';
import { nodeAt, type Path, textAt, toPlain } from './node.ts';
import { ConfigError, type ConfigProblem, problemOf } from './problem.ts';
import { readYaml } from './read-yaml.ts';
import { includedSchema, mainSchema } from './schema.ts';
import { clusterItems, mainItems, problemBelow, type Source } from './source.ts';
import type { Environment } from './substitute.ts';
import { type ClusterPart, toConfig } from './to-config.ts';

/**
 * Reads a configuration file and everything it includes, and checks all of it.
 *
 * @throws ConfigError with every problem there is, not only the first
 */
export function loadConfig(file: string, env: Environment = process.env): Config {
  return new Loader(env).load(file);
}

class Loader {
  readonly #env: Environment;
  readonly #problems: ConfigProblem[] = [];
  readonly #sources: Source[] = [];
  readonly #parts: ClusterPart[] = [];
  /** Who included each file, by its real path. */
  readonly #includedBy = new Map<string, string>();
  /** A file is missing: what it may have held cannot be called missing as well. */
  #incomplete = false;

  constructor(env: Environment) {
    this.#env = env;
  }

  load(file: string): Config {
    const main = this.#read(file, problemOf.bind(undefined, file));
    const parsed =
      main === undefined ? undefined : this.#addMain({ ...main, cluster: ['cluster'] });
    if (main !== undefined) this.#check();
    if (parsed === undefined || this.#problems.length > 0) {
      throw new ConfigError(inOrder(withoutEchoes(this.#problems), this.#sources));
    }
    return toConfig(file, parsed, this.#parts);
  }

  #addMain(source: Source) {
    this.#includedBy.set(realpathSync(source.file), source.file);
    this.#sources.push(source);
    const parsed = this.#parse(mainSchema, source, []);
    this.#parts.push({ file: source.file, cluster: parsed?.cluster ?? {} });
    this.#include(source, [source.file]);
    return parsed;
  }

  #addIncluded(source: Source, chain: readonly string[]): void {
    this.#sources.push(source);
    const cluster = this.#parse(includedSchema, source, ['cluster']);
    this.#parts.push({ file: source.file, cluster: cluster ?? {} });
    this.#include(source, chain);
  }

  #include(source: Source, chain: readonly string[]): void {
    const at = [...source.cluster, 'include'];
    const single = textAt(source.root, ...at) !== undefined;
    const list = nodeAt(source.root, ...at);
    const paths: Path[] = single ? [at] : [];
    if (list?.kind === 'list') paths.push(...list.items.map((_, index) => [...at, index]));
    for (const path of paths) {
      const name = textAt(source.root, ...path);
      if (name !== undefined && name !== '') this.#includeOne(source, path, name, chain);
    }
  }

  #includeOne(source: Source, path: Path, name: string, chain: readonly string[]): void {
    const file = isAbsolute(name) ? name : join(dirname(source.file), name);
    const report = (message: string): ConfigProblem =>
      problemBelow({ source, path }, [], `found ${JSON.stringify(name)}: ${message}`);
    const read = this.#read(file, report);
    if (read === undefined) return;
    const real = realpathSync(file);
    if (chain.some((above) => realpathSync(above) === real)) {
      this.#problems.push(report(`it includes itself: ${[...chain, file].join(' → ')}`));
      return;
    }
    const other = this.#includedBy.get(real);
    if (other !== undefined) {
      this.#problems.push(report(`it is included already, by ${other}`));
      return;
    }
    this.#includedBy.set(real, source.file);
    this.#addIncluded({ ...read, cluster: [] }, [...chain, file]);
  }

  #read(
    file: string,
    unreadable: (message: string) => ConfigProblem,
  ): Omit<Source, 'cluster'> | undefined {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      this.#problems.push(unreadable(fileReason(error)));
      this.#incomplete = true;
      return undefined;
    }
    const { root, problems } = readYaml(text, file, this.#env);
    this.#problems.push(...problems);
    this.#incomplete ||= root === undefined;
    return root === undefined ? undefined : { file, root };
  }

  #parse<T extends z.ZodType>(schema: T, { root }: Source, prefix: Path): z.output<T> | undefined {
    const parsed = schema.safeParse(toPlain(root));
    if (parsed.success) return parsed.data;
    this.#problems.push(...explainIssues(parsed.error.issues, root, prefix));
    return undefined;
  }

  #check(): void {
    const upstreams = clusterItems(this.#sources, 'upstreams');
    const familyOf = familyFinder(this.#sources);
    const defaults = clusterItems(this.#sources, 'defaults');
    this.#problems.push(
      ...checkReferences(this.#sources, this.#incomplete),
      ...mainItems(this.#sources, 'proxy', 'routes').flatMap((route) =>
        checkMethods(route, familyOf),
      ),
      ...upstreams.flatMap((upstream) => checkUpstream(upstream, familyOf)),
      ...[...defaults, ...upstreams].flatMap(checkOptionsOnce),
    );
  }
}

/** Where a value could not even be read, what else is wrong with it says nothing new. */
function withoutEchoes(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const place = ({ file, line, column }: ConfigProblem): string => `${file}:${line}:${column}`;
  const unread = new Set(problems.filter(({ unread }) => unread).map(place));
  return problems.filter((problem) => problem.unread || !unread.has(place(problem)));
}

function inOrder(
  problems: readonly ConfigProblem[],
  sources: readonly Source[],
): readonly ConfigProblem[] {
  const rank = new Map(sources.map(({ file }, index) => [file, index]));
  return problems.toSorted(
    (a, b) =>
      (rank.get(a.file) ?? 0) - (rank.get(b.file) ?? 0) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
}
