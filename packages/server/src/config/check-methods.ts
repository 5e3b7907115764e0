import { itemsAt, textAt } from './node.ts';
import type { ConfigProblem } from './problem.ts';
import { type Located, problemBelow } from './source.ts';

/** What the schema cannot see in the `methods` of an upstream or a route. */
export function checkMethods(entry: Located): readonly ConfigProblem[] {
  const names = (list: string): (string | undefined)[] =>
    itemsAt(entry.node, 'methods', list).map((item) => textAt(item, 'name'));
  const enabled = names('enabled');
  return names('disabled').flatMap((name, index) => {
    if (name === undefined || !enabled.includes(name)) return [];
    const path = ['methods', 'disabled', index, 'name'];
    return [problemBelow(entry, path, `found "${name}", which is enabled above`)];
  });
}
