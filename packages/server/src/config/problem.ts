import type { Place } from './node.ts';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1; absent when the file itself is the problem. */
  readonly line: number | undefined;
  /** From 1; absent when the file itself is the problem. */
  readonly column: number | undefined;
  /** What it is about, like `cluster.upstreams[0].role`; empty for the file as a whole. */
  readonly path: string;
  /** What was found and what is allowed. */
  readonly message: string;
  /** True when the value could not be read at all: a variable or an anchor is missing. */
  readonly unread?: boolean;
}

/** A problem at a place. */
export function problemAt(place: Place, path: string, message: string): ConfigProblem {
  return { file: place.file, line: place.line, column: place.column, path, message };
}

/** A problem of a whole file. */
export function problemOf(file: string, message: string): ConfigProblem {
  return { file, line: undefined, column: undefined, path: '', message };
}

/** `file:line:column: path: message`. */
export function formatProblem(problem: ConfigProblem): string {
  const { file, line, column, path, message } = problem;
  const where = line === undefined ? file : `${file}:${line}:${column}`;
  return path === '' ? `${where}: ${message}` : `${where}: ${path}: ${message}`;
}

/** A configuration that cannot be used; the message has one line for each problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** All that is wrong, in the order of the files and their lines. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}
