import { setTimeout as sleep } from 'node:timers/promises';
import type { Balancer } from '@dshackle/core';

/**
 * Resolves once these upstreams are in rotation in all these balancers, for calls and for
 * subscriptions.
 */
export async function inRotation(
  balancers: readonly Balancer[],
  ids: readonly string[],
): Promise<void> {
  const isOut = (): boolean =>
    balancers.some((each) =>
      each
        .snapshot()
        .upstreams.some(
          ({ id, reason, canSubscribe }) =>
            ids.includes(id) && (reason !== undefined || !canSubscribe),
        ),
    );
  while (isOut()) await sleep(50);
}
