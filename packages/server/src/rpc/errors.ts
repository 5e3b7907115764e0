import { type JsonRpcError, jsonRpcCodes } from '@dshackle/core';

export { balancerErrorCodes, toJsonRpcError } from '@dshackle/core';

/** Codes of the doors themselves, as jsonrpsee (the server inside every Substrate node) has them. */
export const doorErrorCodes = {
  tooManySubscriptions: -32006,
  requestTooBig: -32007,
  responseTooBig: -32008,
  busy: -32009,
  batchTooBig: -32010,
} as const;

/** One of our own bounds was reached; `limit` is named so that the client can keep to it. */
export function limitError(code: number, message: string, limit: number): JsonRpcError {
  return { code, message, data: `Exceeded max limit of ${limit}` };
}

/** The answer to a subscription asked for over HTTP, which has nowhere to send notifications. */
export const needsWebSocket: JsonRpcError = {
  code: jsonRpcCodes.methodNotFound,
  message: 'Subscriptions need a WebSocket connection',
};
