import type { RawJson } from './message.ts';
import { JsonScanner } from './scanner.ts';

/**
 * The members of one JSON object in the order of the text, each value as it was written. A name that
 * occurs twice is there twice.
 *
 * @throws SyntaxError when the text is not one JSON object
 */
export function splitObject(text: RawJson): [name: string, value: RawJson][] {
  const scanner = new JsonScanner(text);
  const members: [string, RawJson][] = [];
  scanner.openObject();
  for (let key = scanner.nextKey(true); key !== undefined; key = scanner.nextKey(false)) {
    members.push([key, scanner.value()]);
  }
  scanner.end();
  return members;
}
