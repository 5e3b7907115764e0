import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { nodeAt, type Path, textAt } from './node.ts';
import type { ConfigProblem } from './problem.ts';
import { type Located, problemBelow } from './source.ts';

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'it is a directory',
};

/** Why a file cannot be read. */
export function fileReason(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return fileReasons[code] ?? `it cannot be read (${code})`;
}

/** What the schema cannot see in an upstream's `rpc` or `ws`: how its keys go together. */
export function checkEndpoint(upstream: Located, at: Path): readonly ConfigProblem[] {
  return [
    ...checkCredentials(upstream, at),
    ...checkHeaderNames(upstream, at),
    ...checkTls(upstream, at),
  ];
}

function checkCredentials(upstream: Located, at: Path): ConfigProblem[] {
  const url = textAt(upstream.node, ...at, 'url') ?? '';
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const headers = nodeAt(upstream.node, ...at, 'headers');
  const names = headers?.kind === 'mapping' ? [...headers.entries.keys()] : [];
  const ways = [
    ...(parsed !== undefined && parsed.username + parsed.password !== '' ? ['url'] : []),
    ...['basic-auth', 'bearer-auth'].filter((key) => nodeAt(upstream.node, ...at, key)),
    ...names.filter((name) => name.toLowerCase() === 'authorization'),
  ];
  if (ways.length < 2) return [];
  return [problemBelow(upstream, at, `credentials given more than once: ${ways.join(', ')}`)];
}

function checkHeaderNames(upstream: Located, at: Path): ConfigProblem[] {
  const headers = nodeAt(upstream.node, ...at, 'headers');
  if (headers?.kind !== 'mapping') return [];
  const bad = [...headers.entries.keys()].filter((name) => !/^[!#$%&'*+\-.^_`|~\w]+$/.test(name));
  return bad.map((name) => problemBelow(upstream, [...at, 'headers', name], 'not a header name'));
}

function checkTls(upstream: Located, at: Path): ConfigProblem[] {
  const tls = [...at, 'tls'];
  if (nodeAt(upstream.node, ...tls) === undefined) return [];
  const problems: ConfigProblem[] = [];
  const url = textAt(upstream.node, ...at, 'url') ?? '';
  const plain = /^(http|ws):/i.exec(url)?.[1]?.toLowerCase();
  if (plain !== undefined) {
    const message = `does nothing for a ${plain}:// URL; allowed: ${plain}s://`;
    problems.push(problemBelow(upstream, tls, message));
  }
  const certificate = textAt(upstream.node, ...tls, 'certificate');
  const key = textAt(upstream.node, ...tls, 'key');
  if ((certificate === undefined) !== (key === undefined)) {
    const missing = key === undefined ? 'key' : 'certificate';
    problems.push(
      problemBelow(upstream, [...tls, missing], 'missing; certificate and key go together'),
    );
  }
  for (const name of ['ca', 'certificate', 'key']) {
    const path = textAt(upstream.node, ...tls, name);
    const reason = path === undefined ? undefined : pemProblem(upstream.source.file, path);
    if (reason !== undefined) {
      problems.push(
        problemBelow(upstream, [...tls, name], `found ${JSON.stringify(path)}: ${reason}`),
      );
    }
  }
  return problems;
}

function pemProblem(from: string, path: string): string | undefined {
  try {
    const pem = readFileSync(resolve(dirname(from), path), 'utf8');
    return pem.includes('-----BEGIN ') ? undefined : 'it is no PEM file';
  } catch (error) {
    return fileReason(error);
  }
}
