import { type Family, groupsOf } from './families.ts';
import { itemsAt, textAt } from './node.ts';
import type { ConfigProblem } from './problem.ts';
import { type Located, problemBelow } from './source.ts';

/**
 * What the schema cannot see in the `methods` and `method-groups` of an upstream or a route.
 *
 * @param familyOf the family of a chain; `undefined` when there is no such chain
 */
export function checkMethods(
  entry: Located,
  familyOf: (chain: string) => Family | undefined,
): readonly ConfigProblem[] {
  return [...checkDisabled(entry), ...checkGroups(entry, familyOf)];
}

function checkDisabled(entry: Located): readonly ConfigProblem[] {
  const names = (list: string): (string | undefined)[] =>
    itemsAt(entry.node, 'methods', list).map((item) => textAt(item, 'name'));
  const enabled = names('enabled');
  return names('disabled').flatMap((name, index) => {
    if (name === undefined || !enabled.includes(name)) return [];
    const path = ['methods', 'disabled', index, 'name'];
    return [problemBelow(entry, path, `found "${name}", which is enabled above`)];
  });
}

function checkGroups(
  entry: Located,
  familyOf: (chain: string) => Family | undefined,
): readonly ConfigProblem[] {
  const family = familyOf(textAt(entry.node, 'chain') ?? '');
  if (family === undefined) return [];
  const groups = Object.keys(groupsOf(family));
  const allowed = groups.length > 0 ? groups.join(', ') : `none: ${family} chains have no groups`;
  return itemsAt(entry.node, 'method-groups', 'enabled').flatMap((item, index) => {
    const name = textAt(item);
    if (name === undefined || groups.includes(name)) return [];
    const path = ['method-groups', 'enabled', index];
    return [problemBelow(entry, path, `found "${name}"; allowed: ${allowed}`)];
  });
}
