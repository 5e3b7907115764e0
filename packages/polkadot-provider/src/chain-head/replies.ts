import {
  type ErrorReply,
  errorReply,
  jsonRpcCodes,
  type RawJson,
  type Reply,
} from '@dshackle/core';

/**
 * The errors of `chainHead_v1`, with the codes of the JSON-RPC interface specification
 * (paritytech.github.io/json-rpc-interface-spec, each function's "Possible errors").
 */
export const followErrors = {
  tooManyFollows: errorReply({
    code: -32_800,
    message: 'Too many chainHead_v1_follow subscriptions on this connection',
  }),
  notPinned: errorReply({ code: -32_801, message: 'The block is not pinned by this follow' }),
  noRuntime: errorReply({
    code: -32_802,
    message: 'The follow was started with withRuntime set to false',
  }),
  notWaiting: errorReply({
    code: -32_803,
    message: 'The operation does not wait for chainHead_v1_continue',
  }),
  duplicateHashes: errorReply({ code: -32_804, message: 'A hash is given more than once' }),
} as const;

/** What a client is answered that names a follow which has stopped, or never was its own. */
export const nothing: Reply = result('null');

/** The operation cannot be started now, or its follow is stale. */
export const limitReached: Reply = result('{"result":"limitReached"}');

/** A reply with this result. */
export function result(raw: RawJson): Reply {
  return { kind: 'result', result: raw };
}

/** The params are not what the method takes. */
export function invalidParams(message: string): ErrorReply {
  return errorReply({ code: jsonRpcCodes.invalidParams, message: `Invalid params: ${message}` });
}
