import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The absolute path of something in the repository. */
export function pathOf(name: string): string {
  return fileURLToPath(new URL(`../../../${name}`, import.meta.url));
}

/** The text of a file in the repository. */
export function textOf(name: string): string {
  return readFileSync(pathOf(name), 'utf8');
}
