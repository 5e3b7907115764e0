import {
  type Call,
  type Envelope,
  type JsonRpcError,
  jsonRpcCodes,
  type RawJson,
  readEnvelope,
  splitBatch,
} from '@dshackle/core';
import { doorErrorCodes, limitError } from './errors.ts';

/** One request as its door has to treat it. */
export type Item =
  | { readonly kind: 'call'; readonly id: RawJson; readonly call: Call }
  /** Without an id: carried out, and never answered. */
  | { readonly kind: 'notification'; readonly call: Call }
  /** Not a request; `id` is its id where that could be read, else `null`. */
  | { readonly kind: 'invalid'; readonly id: RawJson; readonly error: JsonRpcError };

const quote = 0x22;
const minus = 0x2d;
const zero = 0x30;
const nine = 0x39;

/** One HTTP body or one WebSocket message. */
export type Message =
  | { readonly kind: 'single'; readonly item: Item }
  | { readonly kind: 'batch'; readonly items: readonly Item[] };

function invalid(id: RawJson, why: string): Item {
  const error = { code: jsonRpcCodes.invalidRequest, message: `Invalid request: ${why}` };
  return { kind: 'invalid', id, error };
}

function rejected(error: JsonRpcError): Message {
  return { kind: 'single', item: { kind: 'invalid', id: 'null', error } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number';
}

/**
 * The request of an ordinary text, read once by the envelope reader alone; `undefined` for what
 * wants a closer look, because it is wrong or merely rare.
 */
function readOrdinary(text: string): Item | undefined {
  let envelope: Envelope;
  try {
    envelope = readEnvelope(text);
  } catch {
    return undefined;
  }
  const { id, params } = envelope;
  if (envelope.jsonrpc !== '"2.0"') return undefined;
  const method = plainString(envelope.method);
  if (method === undefined || (id !== undefined && !isPlainId(id))) return undefined;
  if (params !== undefined && !params.startsWith('[') && !params.startsWith('{')) return undefined;
  const call: Call = { method, params: params ?? '[]' };
  return id === undefined ? { kind: 'notification', call } : { kind: 'call', id, call };
}

/** The value of a string without escapes. */
function plainString(raw: RawJson | undefined): string | undefined {
  return raw === undefined || raw.charCodeAt(0) !== quote || raw.includes('\\')
    ? undefined
    : raw.slice(1, -1);
}

/** A number or a string, whatever is in it. */
function isPlainId(raw: RawJson): boolean {
  const first = raw.charCodeAt(0);
  return first === quote || first === minus || (first >= zero && first <= nine);
}

/**
 * `text` is valid JSON and `parsed` its value. What is passed on is taken from the text, as it was
 * written: a number may not survive being parsed.
 */
function readItem(text: RawJson, parsed: unknown): Item {
  if (!isObject(parsed)) return invalid('null', 'not an object');
  const raw = readEnvelope(text);
  if (raw.id !== undefined && !isId(parsed.id)) {
    return invalid('null', 'the id must be a string, a number or null');
  }
  const id = raw.id ?? 'null';
  const { method, params } = parsed;
  if (parsed.jsonrpc !== '2.0') return invalid(id, 'jsonrpc must be "2.0"');
  if (typeof method !== 'string') return invalid(id, 'the method must be a string');
  if (params !== undefined && typeof params !== 'object') {
    return invalid(id, 'params must be an array or an object');
  }
  // jsonrpsee takes null for absent params, and clients rely on it.
  const call: Call =
    params === null || raw.params === undefined
      ? { method, params: '[]' }
      : { method, params: raw.params, parsedParams: params };
  return raw.id === undefined ? { kind: 'notification', call } : { kind: 'call', id, call };
}

/**
 * Reads one message: a request or a batch. Never throws; what is wrong becomes an `invalid` item
 * with the code of the JSON-RPC specification.
 */
export function readMessage(text: string, maxBatchItems: number): Message {
  const item = readOrdinary(text);
  if (item !== undefined) return { kind: 'single', item };
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed)
      ? readBatch(text, parsed, maxBatchItems)
      : { kind: 'single', item: readItem(text, parsed) };
  } catch {
    return rejected({ code: jsonRpcCodes.parseError, message: 'Parse error' });
  }
}

function readBatch(text: string, parsed: readonly unknown[], maxItems: number): Message {
  if (parsed.length === 0) {
    return { kind: 'single', item: invalid('null', 'empty batch') };
  }
  if (parsed.length > maxItems) {
    const message = 'The batch request was too large';
    return rejected(limitError(doorErrorCodes.batchTooBig, message, maxItems));
  }
  const items = splitBatch(text, maxItems).map((item, index) => readItem(item, parsed[index]));
  return { kind: 'batch', items };
}
