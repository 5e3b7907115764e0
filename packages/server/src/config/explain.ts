import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { type ConfigNode, formatPath, nodeAt, type Path, placeAt } from './node.ts';
import { type ConfigProblem, problemAt } from './problem.ts';
import { isSecret, redactUrl } from './redact.ts';
import { unsupportedReason } from './unsupported.ts';

/** What was found, as far as it may be shown. */
export function found(node: ConfigNode, path: Path): string {
  switch (node.kind) {
    case 'nothing':
      return 'nothing';
    case 'list':
      return node.items.length === 0 ? 'an empty list' : 'a list';
    case 'mapping':
      return 'a mapping';
    case 'scalar': {
      if (isSecret(path)) return 'something else (not shown)';
      if (node.template !== undefined) return `the value of ${JSON.stringify(node.template)}`;
      return JSON.stringify(cut(isUrl(path) ? redactUrl(node.text) : node.text));
    }
  }
}

/** Where a URL stands, or is easily written by mistake: `ws: wss://…` for `ws: { url: wss://… }`. */
function isUrl(path: Path): boolean {
  return ['url', 'ws', 'rpc', 'polkadot', 'ethereum', 'connection'].includes(String(path.at(-1)));
}

function cut(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

function didYouMean(word: string, allowed: string): string {
  const meant = nearest(word, allowed.split(', '));
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}

/**
 * Turns the schema's issues into problems with their places.
 *
 * @param root the top of the file
 * @param prefix where the file's top is in the main file, for what is known of Dshackle's keys
 */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  root: ConfigNode,
  prefix: Path,
): readonly ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey(root, path, key, issue.message, prefix));
    }
    const message = describe(root, path, issue.message);
    return [problemAt(placeAt(root, path), formatPath(root, path), message)];
  });
}

function unknownKey(
  root: ConfigNode,
  path: Path,
  key: string,
  allowed: string,
  prefix: Path,
): ConfigProblem {
  const mapping = nodeAt(root, ...path);
  const entry = mapping?.kind === 'mapping' ? mapping.entries.get(key) : undefined;
  const reason = unsupportedReason([...prefix, ...path, key]);
  const message =
    reason === undefined
      ? `unknown key; allowed: ${allowed}${didYouMean(key, allowed)}`
      : `not supported: ${reason}`;
  const place = entry?.keyPlace ?? placeAt(root, path);
  return problemAt(place, formatPath(root, [...path, key]), message);
}

function describe(root: ConfigNode, path: Path, allowed: string): string {
  const node = written(root, path);
  if (node === undefined) return `missing; allowed: ${allowed}`;
  const shown = node.kind === 'scalar' && node.template === undefined && !isSecret(path);
  const suggestion = shown ? didYouMean(node.text, allowed) : '';
  return `found ${found(node, path)}; allowed: ${allowed}${suggestion}`;
}

/** The node at a path; a single value counts as a list of one. */
function written(root: ConfigNode, path: Path): ConfigNode | undefined {
  let node: ConfigNode | undefined = root;
  for (const step of path) {
    if (node?.kind === 'mapping') node = node.entries.get(String(step))?.value;
    else if (node?.kind === 'list') node = node.items[Number(step)];
    else return node;
  }
  return node;
}
