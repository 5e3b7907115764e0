import type { BalancerError, BalancerView, Subscription } from '@dshackle/core';

/** One who subscribed, and what it was told. */
export interface Subscriber<T> {
  /** The subscription's, as a client gets it. */
  readonly id: string;
  readonly items: T[];
  readonly ended: BalancerError[];
  unsubscribe(): void;
}

/** Subscribes by `eth_subscribe`; rejects with the error by which that is declined. */
export async function subscribe<T>(
  balancer: BalancerView,
  ...params: readonly unknown[]
): Promise<Subscriber<T>> {
  const items: T[] = [];
  const ended: BalancerError[] = [];
  let given: Subscription | undefined;
  const outcome = await balancer.subscribe(
    { method: 'eth_subscribe', params: JSON.stringify(params) },
    {
      onSubscribed: (subscription) => {
        given = subscription;
      },
      onItem: (item) => items.push(JSON.parse(item) as T),
      onEnd: (error) => ended.push(error),
    },
  );
  if (outcome.kind === 'error') throw outcome.error;
  return {
    id: (given as Subscription | undefined)?.id ?? '',
    items,
    ended,
    unsubscribe: () => given?.unsubscribe(),
  };
}
