import { TransportError } from '../errors.ts';

/** The same error with the upstream's id before its message. */
export function namedError(upstream: string, error: TransportError): TransportError {
  const { origin, sent, retryAfterMs } = error;
  const message = `${upstream}: ${error.rawMessage}`;
  const options = retryAfterMs === undefined ? { origin, sent } : { origin, sent, retryAfterMs };
  return new TransportError(message, options, error.code);
}
