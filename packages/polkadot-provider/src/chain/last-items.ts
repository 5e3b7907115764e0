import type { RawJson } from '@dshackle/core';

/** True for the item after which an upstream has no more to say in a subscription. */
export type LastItem = (item: RawJson) => boolean;

/**
 * Statuses after which a watched transaction has no further one, as polkadot-sdk's
 * `TransactionStatus` documents them.
 */
const lastStatuses: readonly string[] = [
  'finalized',
  'finalityTimeout',
  'usurped',
  'dropped',
  'invalid',
];

/** Is this `author_extrinsicUpdate` the last of its subscription? */
export const isLastStatus: LastItem = (item) => {
  const status: unknown = JSON.parse(item);
  const name = isObject(status) ? Object.keys(status)[0] : String(status);
  return name !== undefined && lastStatuses.includes(name);
};

/** For subscriptions of the new interface: the last item is one of these events. */
export function lastEvent(...events: readonly string[]): LastItem {
  return (item) => {
    const value: unknown = JSON.parse(item);
    return isObject(value) && 'event' in value && events.includes(String(value.event));
  };
}

/** Is this `transactionWatch_v1_watchEvent` the last of its subscription? */
export const isLastWatchEvent = lastEvent('finalized', 'error', 'invalid', 'dropped');

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
