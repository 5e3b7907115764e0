import { isBalancerError, TransportError } from '../errors.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import type { Clock } from '../time/clock.ts';
import { messageOf } from './message-of.ts';
import type { Handshake, RequestOptions } from './transport.ts';

/** How a handshake ended. */
export type HandshakeOutcome =
  | { readonly kind: 'passed' }
  /** The upstream could not be asked. */
  | Failed
  /** It was asked, and is not the one it should be. */
  | (Omit<Failed, 'kind'> & { readonly kind: 'refused' });

interface Failed {
  readonly kind: 'failed';
  readonly reason: string;
  /** How long the upstream asked us to stay away, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** A handshake under way. */
export interface HandshakeRun {
  readonly outcome: Promise<HandshakeOutcome>;
  /** Ends it; its outcome no longer matters. */
  cancel(): void;
}

/** Runs a handshake within a time limit. */
export function runHandshake(
  clock: Clock,
  limitMs: number,
  handshake: Handshake,
  request: (method: string, params: RawJson, options: RequestOptions) => Promise<Reply>,
): HandshakeRun {
  const controller = new AbortController();
  let cancel = (): void => {};
  const outcome = new Promise<HandshakeOutcome>((resolve) => {
    const settle = (result: HandshakeOutcome): void => {
      clock.clearTimeout(timer);
      resolve(result);
      controller.abort();
    };
    const timer = clock.setTimeout(() => {
      settle({ kind: 'failed', reason: `not ready within ${limitMs} ms` });
    }, limitMs);
    cancel = () => settle({ kind: 'failed', reason: 'cancelled' });
    const connection = {
      request: (method: string, params: RawJson) =>
        request(method, params, { signal: controller.signal }),
    };
    // Called in a promise chain, so that a handshake that throws at once only rejects.
    Promise.resolve(connection)
      .then(handshake)
      .then(
        () => settle({ kind: 'passed' }),
        (error: unknown) => settle(failure(error)),
      );
  });
  return { outcome, cancel: () => cancel() };
}

function failure(error: unknown): HandshakeOutcome {
  const reason = `handshake failed: ${messageOf(error)}`;
  if (!isBalancerError(error)) return { kind: 'refused', reason };
  const retryAfterMs = error instanceof TransportError ? error.retryAfterMs : undefined;
  return { kind: 'failed', reason, retryAfterMs };
}
