import { TransportError } from '../errors.ts';
import type { Envelope } from './envelope.ts';
import { type JsonRpcError, jsonRpcCodes, type RawJson, type Reply } from './message.ts';

/**
 * What a response answers: its result as raw text, or its error. An `error` or `result` that is
 * `null` beside the other one counts as absent, as in JSON-RPC 1.0.
 *
 * @throws TransportError of origin `upstream` when it has both, neither, or a malformed error
 */
export function readReply(envelope: Envelope): Reply {
  const { result, error } = envelope;
  if (error === undefined || (error === 'null' && result !== undefined)) {
    if (result === undefined) throw malformed('a response has neither result nor error');
    return { kind: 'result', result };
  }
  if (result !== undefined && result !== 'null') {
    throw malformed('a response has both result and error');
  }
  return readError(error);
}

function readError(raw: RawJson): Reply {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    throw malformed('the error of a response is not JSON');
  }
  if (typeof value !== 'object' || value === null) {
    throw malformed('the error of a response is no object');
  }
  const { code, message, data } = value as Record<string, unknown>;
  if (typeof message !== 'string') throw malformed('the error of a response has no message');
  if (code === undefined) {
    // Chopsticks answers so over HTTP. The client must get a code, so the raw text is written anew.
    const error = withData(codeFor(message), message, data);
    return { kind: 'error', error, raw: JSON.stringify(error) };
  }
  if (typeof code !== 'number' || !Number.isInteger(code)) {
    throw malformed('the error code of a response is no integer');
  }
  return { kind: 'error', error: withData(code, message, data), raw };
}

function withData(code: number, message: string, data: unknown): JsonRpcError {
  return data === undefined ? { code, message } : { code, message, data };
}

/** The code that an error without one most likely stands for. */
function codeFor(message: string): number {
  return /method not found/i.test(message)
    ? jsonRpcCodes.methodNotFound
    : jsonRpcCodes.internalError;
}

function malformed(text: string): TransportError {
  return new TransportError(text, { origin: 'upstream' });
}
