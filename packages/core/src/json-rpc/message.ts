/** A JSON value as the text it came in. It is parsed only by whoever needs its value. */
export type RawJson = string;

/** The error member of a JSON-RPC response, as the upstream sent it. */
export interface JsonRpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/**
 * What an upstream answered: a result that stays raw, or a JSON-RPC error. Both are answers; a
 * request that got neither rejects with a `BalancerError` instead.
 */
export type Reply =
  | { readonly kind: 'result'; readonly result: RawJson }
  | {
      readonly kind: 'error';
      readonly error: JsonRpcError;
      /** The error member as received, for passing on unchanged. */
      readonly raw: RawJson;
    };

/** Error codes of the JSON-RPC 2.0 specification, section 5.1. */
export const jsonRpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
} as const;

/** A reply that carries a JSON-RPC error made here. */
export function errorReply(error: JsonRpcError): Extract<Reply, { kind: 'error' }> {
  return { kind: 'error', error, raw: JSON.stringify(error) };
}
