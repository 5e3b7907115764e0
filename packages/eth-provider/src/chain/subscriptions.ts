import type { MethodTraits, RawJson, SharePlan, SubscriptionTraits } from '@dshackle/core';

const names = { notification: 'eth_subscription', unsubscribe: 'eth_unsubscribe' } as const;

/** Heads are the pool's own; a node tells none before there is a new one. */
const newHeads: SubscriptionTraits = {
  ...names,
  source: 'head',
  feed: 'best',
  tellsCurrent: false,
};

/** What waits in the pool of the node that carries it; over HTTP alone nobody tells. */
const newPendingTransactions: SubscriptionTraits = {
  ...names,
  source: 'upstream',
  resume: 'resubscribe',
  share: sharePending,
};

const byService: SubscriptionTraits = { ...names, source: 'service' };

/** `eth_subscribe`: its first param says to what (Ethereum execution APIs; geth, "Real-time Events"). */
export function subscribe(): MethodTraits {
  return {
    kind: 'subscribe',
    lifetime: 'never',
    idempotent: true,
    nullMeans: 'value',
    strategy: { kind: 'one' },
    subscription: byService,
    subscriptionOf: ([kind]) => {
      if (kind === 'newHeads') return newHeads;
      return kind === 'newPendingTransactions' ? newPendingTransactions : undefined;
    },
  };
}

/** `eth_unsubscribe`; of what there is none geth says so by an error (rpc package, `ErrSubscriptionNotFound`). */
export function unsubscribe(): MethodTraits {
  return {
    kind: 'unsubscribe',
    lifetime: 'never',
    idempotent: true,
    nullMeans: 'value',
    strategy: { kind: 'one' },
    nothingToEnd: { code: -32_000, message: 'subscription not found' },
  };
}

/** All share who want hashes, and all who want whole transactions. */
function sharePending([, full = false]: readonly unknown[]): SharePlan | undefined {
  if (typeof full !== 'boolean') return undefined;
  const params = full ? '["newPendingTransactions",true]' : '["newPendingTransactions"]';
  // Any chain but an idle one has a transaction in that many blocks.
  return {
    call: { method: 'eth_subscribe', params },
    quietBlocks: 100,
    fingerprint: transactionHash,
  };
}

const hashMember = /"hash"\s*:\s*"(0x[0-9a-f]{64})"/i;

/** The transaction's hash: nodes write the rest of it in different ways. */
function transactionHash(item: RawJson): string {
  return (hashMember.exec(item)?.[1] ?? item).toLowerCase();
}
