import type { RawJson } from './message.ts';
import { JsonScanner } from './scanner.ts';

/**
 * The members of one JSON-RPC message, each as raw text; a member that is absent is `undefined`.
 * When a name occurs twice the last one counts, as with `JSON.parse`.
 */
export interface Envelope {
  readonly jsonrpc: RawJson | undefined;
  readonly id: RawJson | undefined;
  readonly method: RawJson | undefined;
  readonly params: RawJson | undefined;
  readonly result: RawJson | undefined;
  readonly error: RawJson | undefined;
}

/**
 * Finds the members of one JSON-RPC message without parsing them. Other members are skipped. The
 * raw texts share memory with `text`: keeping a small one keeps all of it.
 *
 * As strict as `JSON.parse`, and stricter in that it refuses nesting deeper than 10,000 levels.
 *
 * @throws SyntaxError when the text is not one JSON object; it says what was found and where
 */
export function readEnvelope(text: string): Envelope {
  const scanner = new JsonScanner(text);
  let jsonrpc: RawJson | undefined;
  let id: RawJson | undefined;
  let method: RawJson | undefined;
  let params: RawJson | undefined;
  let result: RawJson | undefined;
  let error: RawJson | undefined;
  scanner.openObject();
  for (let key = scanner.nextKey(true); key !== undefined; key = scanner.nextKey(false)) {
    const value = scanner.value();
    if (key === 'jsonrpc') jsonrpc = value;
    else if (key === 'id') id = value;
    else if (key === 'method') method = value;
    else if (key === 'params') params = value;
    else if (key === 'result') result = value;
    else if (key === 'error') error = value;
  }
  scanner.end();
  return { jsonrpc, id, method, params, result, error };
}

/** True when the text's first character makes it a batch (an array) and not one message. */
export function isBatch(text: string): boolean {
  let position = 0;
  while (text.charCodeAt(position) <= 0x20) position++;
  return text.charCodeAt(position) === 0x5b;
}

/**
 * Splits a batch into its items, each as raw text.
 *
 * @param limit the most items accepted
 * @throws SyntaxError when the text is not one JSON array
 * @throws RangeError when it has more than `limit` items
 */
export function splitBatch(text: string, limit: number): RawJson[] {
  const scanner = new JsonScanner(text);
  const items: RawJson[] = [];
  scanner.openArray();
  for (let more = scanner.nextItem(true); more; more = scanner.nextItem(false)) {
    if (items.length === limit) throw new RangeError(`the batch has more than ${limit} items`);
    items.push(scanner.value());
  }
  scanner.end();
  return items;
}
