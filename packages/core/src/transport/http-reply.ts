import { TransportError, type TransportErrorOptions } from '../errors.ts';
import { type Envelope, readEnvelope } from '../json-rpc/envelope.ts';
import type { Reply } from '../json-rpc/message.ts';
import { readReply } from '../json-rpc/reply.ts';
import type { HttpAnswer } from './platform/fetcher.ts';
import { retryAfterMs } from './retry-after.ts';

/**
 * What an HTTP response answers to the call with this id.
 *
 * A response with an error status is still the answer when its body is one, with our id. Two kinds
 * are never: rate limits, and refusals of our credentials, which say nothing of the call.
 *
 * @throws TransportError of origin `upstream` when it is no answer
 */
export function readHttpReply(answer: HttpAnswer, id: number): Reply {
  const { status, retryAfter } = answer;
  if (status === 429 || (status === 503 && retryAfter !== undefined)) {
    const delayMs = retryAfterMs(retryAfter, answer.date);
    // It declined the call, so even a submission may be sent elsewhere.
    const options: TransportErrorOptions = { origin: 'upstream', sent: false };
    throw new TransportError(
      `HTTP ${status}`,
      delayMs === undefined ? options : { ...options, retryAfterMs: delayMs },
      'rate limited',
    );
  }
  if (status === 401 || status === 403 || status === 407) {
    throw upstreamError(`HTTP ${status}: our credentials were refused`);
  }
  // A redirect that is not followed shows in a browser as status 0.
  if (status === 0 || (status >= 300 && status < 400)) {
    throw upstreamError(`HTTP ${status === 0 ? '3xx' : status}: redirects are not followed`);
  }
  const ok = status < 400;
  const envelope = responseIn(answer.body);
  if (envelope === undefined) {
    throw upstreamError(ok ? `HTTP ${status} with a body that is not JSON-RPC` : `HTTP ${status}`);
  }
  if (envelope.id !== String(id)) {
    // One request, one response: an error that names no request must mean ours.
    const anonymous = envelope.id === undefined || envelope.id === 'null';
    if (!ok) throw upstreamError(`HTTP ${status}`);
    if (!anonymous || envelope.error === undefined) {
      throw upstreamError('the response is to another id than ours');
    }
  }
  return readReply(envelope);
}

function responseIn(body: string): Envelope | undefined {
  try {
    const envelope = readEnvelope(body);
    return envelope.result === undefined && envelope.error === undefined ? undefined : envelope;
  } catch {
    return undefined;
  }
}

function upstreamError(message: string): TransportError {
  return new TransportError(message, { origin: 'upstream' });
}
