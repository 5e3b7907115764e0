import { balancerErrorCodes, type JsonRpcError, jsonRpcCodes } from '@dshackle/core';
import { type ErrorCode, type JsonRpcPayload, makeError } from 'ethers';

/** The codes that ethers has for what the engine could not do; all else is its `SERVER_ERROR`. */
const codes: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [balancerErrorCodes.timeout, 'TIMEOUT'],
  [balancerErrorCodes.cancelled, 'CANCELLED'],
  [balancerErrorCodes['no eligible upstream'], 'NETWORK_ERROR'],
  [balancerErrorCodes.transport, 'NETWORK_ERROR'],
  // What became of a transaction is not known: no code of ethers' says so.
  [balancerErrorCodes['unknown outcome'], 'UNKNOWN_ERROR'],
]);

/**
 * A failure of the engine as ethers' own error; `undefined` for what a node answered, short of a method
 * that is not served. Its `info` holds the engine's words: why, who was asked, and the hash of a transaction whose fate is unknown.
 */
export function engineError(payload: JsonRpcPayload, error: JsonRpcError): Error | undefined {
  const { code, message, data } = error;
  const info = { payload, error };
  const operation = payload.method;
  if (code === jsonRpcCodes.methodNotFound) {
    return makeError(message, 'UNSUPPORTED_OPERATION', { operation, info });
  }
  if (typeof data !== 'object' || data === null || !('reason' in data) || !('attempts' in data)) {
    return undefined;
  }
  switch (codes.get(code)) {
    case 'TIMEOUT':
      return makeError(message, 'TIMEOUT', { operation, reason: 'timeout', info });
    case 'CANCELLED':
      return makeError(message, 'CANCELLED', { info });
    case 'NETWORK_ERROR':
      return makeError(message, 'NETWORK_ERROR', { event: operation, info });
    case 'UNKNOWN_ERROR':
      return makeError(message, 'UNKNOWN_ERROR', { info });
    default:
      return makeError(message, 'SERVER_ERROR', { request: operation, info });
  }
}
