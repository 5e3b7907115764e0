import type { ServiceHost } from '@dshackle/core';
import { judge } from '../chain/verdicts.ts';
import { OperationError } from '../chain-head/operations.ts';
import type { StorageItem } from './storage-items.ts';

/** Time for an upstream to tell all, in milliseconds; the one that takes over counted. */
const timeoutMs = 30_000;

type StorageEvent =
  | ({ readonly event: 'storage' } & StorageItem)
  | { readonly event: 'storageDone' }
  | { readonly event: 'storageError'; readonly error: string };

/**
 * Asks upstreams that have `archive_v1_storage` for the items of one call, and waits for all of them:
 * for calls with few.
 *
 * @throws OperationError when they cannot be had
 * @throws BalancerError when no upstream took the call
 */
export async function archiveItems(
  host: ServiceHost,
  params: readonly unknown[],
  signal: AbortSignal,
): Promise<readonly StorageItem[]> {
  const items: StorageItem[] = [];
  let end = (): void => {};
  let finish: (error?: unknown) => void = () => {};
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error === undefined ? resolve() : reject(error));
  });
  // Also when nobody waits for it any more.
  finished.catch(() => {});
  const onAbort = (): void => finish(signal.reason);
  const timer = host.clock.setTimeout(
    () => finish(new OperationError('no upstream told all of it in time', true)),
    timeoutMs,
  );
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const outcome = await host.subscribe(
      'archive_v1_storage',
      params,
      {
        onSubscribed: ({ unsubscribe }) => {
          end = unsubscribe;
        },
        onItem: (raw) => {
          const event = JSON.parse(raw) as StorageEvent;
          if (event.event === 'storageDone') finish();
          else if (event.event === 'storageError') {
            finish(new OperationError(event.error, false));
          } else items.push(event);
        },
        onEnd: finish,
      },
      { signal },
    );
    if (outcome.kind === 'error') {
      const isInaccessible = judge(outcome.error).action !== 'return';
      throw new OperationError(outcome.error.message, isInaccessible);
    }
    await finished;
    return items;
  } finally {
    host.clock.clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    end();
  }
}
