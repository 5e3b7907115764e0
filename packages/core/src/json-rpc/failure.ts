import { type BalancerError, type BalancerErrorCode, isBalancerError } from '../errors.ts';
import { type JsonRpcError, jsonRpcCodes } from './message.ts';

/**
 * The code under which a client meets each failure of the engine.
 *
 * Where nodes have a code for the same thing, it is theirs: -32601 for a method that is not
 * offered, -32005 (EIP-1474) for a limit, -32009 (jsonrpsee) for a busy server. The block
 * -32050…-32056 is Dshackle's own and used by no node we know of, so that a client can tell "the
 * balancer could not" from "the node said".
 */
export const balancerErrorCodes: Readonly<Record<BalancerErrorCode, number>> = {
  'no eligible upstream': -32050,
  timeout: -32051,
  'retry budget exhausted': -32052,
  transport: -32053,
  cancelled: -32054,
  closed: -32055,
  'unknown outcome': -32056,
  'rate limited': -32005,
  overloaded: -32009,
  denied: jsonRpcCodes.methodNotFound,
  'invalid request': jsonRpcCodes.invalidParams,
};

/** What the error `data` of a failed call holds: why, and who was asked. */
interface FailureData {
  readonly reason: BalancerErrorCode;
  readonly origin: BalancerError['origin'];
  readonly attempts: readonly unknown[];
  /** Of a transaction whose fate is not known. */
  readonly hash?: string;
}

function failureData(error: BalancerError): FailureData {
  return {
    reason: error.code,
    origin: error.origin,
    attempts: error.attempts.map(({ upstream, durationMs, outcome, hedge }) => ({
      upstream,
      durationMs: Math.round(durationMs * 10) / 10,
      outcome,
      ...(hedge ? { hedge } : {}),
    })),
    ...('hash' in error ? { hash: String(error.hash) } : {}),
  };
}

/**
 * The JSON-RPC error that a client is told when a call failed. A failure that is no
 * `BalancerError` is a bug of ours: its text stays here, since it may hold anything.
 */
export function toJsonRpcError(failure: unknown): JsonRpcError {
  if (!isBalancerError(failure)) {
    return { code: jsonRpcCodes.internalError, message: 'Internal error' };
  }
  return {
    code: balancerErrorCodes[failure.code] ?? jsonRpcCodes.internalError,
    message: failure.message,
    data: failureData(failure),
  };
}
