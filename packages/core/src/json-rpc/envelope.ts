import type { RawJson } from './message.ts';

/**
 * The members of one JSON-RPC message, each as raw text; a member that is absent is `undefined`.
 * When a name occurs twice the last one counts, as with `JSON.parse`.
 */
export interface Envelope {
  readonly jsonrpc: RawJson | undefined;
  readonly id: RawJson | undefined;
  readonly method: RawJson | undefined;
  readonly params: RawJson | undefined;
  readonly result: RawJson | undefined;
  readonly error: RawJson | undefined;
}
