import type { Block, RawJson } from '@dshackle/core';
import type { UpstreamHeaders } from './upstream-headers.ts';

/** Headers that may wait for their hash before following is given up. */
const maxWaiting = 256;

/**
 * Turns headers into blocks in the order in which they came: at once while their hashes can be
 * computed, one after the other while the upstream has to be asked for them.
 */
export function inOrder(
  headers: UpstreamHeaders,
  fail: (reason: string) => void,
): (raw: RawJson, deliver: (block: Block) => void) => void {
  let waiting = 0;
  let last = Promise.resolve();
  const failed = (error: unknown): void =>
    fail(error instanceof Error ? error.message : String(error));

  return (raw, deliver) => {
    try {
      const block = waiting === 0 ? headers.read(raw) : undefined;
      if (block !== undefined) return deliver(block);
    } catch (error) {
      return failed(error);
    }
    if (waiting >= maxWaiting) return fail('headers come faster than their hashes');
    waiting += 1;
    last = last
      .then(() => headers.read(raw) ?? headers.locate(raw))
      .then((block) => block && deliver(block))
      .catch(failed)
      .finally(() => {
        waiting -= 1;
      });
    return undefined;
  };
}
