import type { RawJson } from './message.ts';

/**
 * The text of one request. `params` goes in as it is: the caller vouches that it is valid JSON.
 *
 * @param id ours, so that it is a plain integer and the response finds its way back
 */
export function encodeRequest(id: number, method: string, params: RawJson): string {
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
}
