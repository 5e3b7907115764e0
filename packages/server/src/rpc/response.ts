import type { JsonRpcError, RawJson } from '@dshackle/core';

/** A successful response, spliced from raw parts. */
export function resultResponse(id: RawJson, result: RawJson): string {
  return `{"jsonrpc":"2.0","result":${result},"id":${id}}`;
}

/** A failed response whose error member is raw, as an upstream sent it. */
export function rawErrorResponse(id: RawJson, error: RawJson): string {
  return `{"jsonrpc":"2.0","error":${error},"id":${id}}`;
}

/** A failed response with an error made here. */
export function errorResponse(id: RawJson, error: JsonRpcError): string {
  return rawErrorResponse(id, JSON.stringify(error));
}
