import type { ForwardOptions, Reply, ServiceHost } from '@dshackle/core';
import { toNumber, toQuantity } from '../chain/header.ts';
import { accountOf } from '../chain/transaction.ts';

const method = 'eth_fillTransaction';

/**
 * Answers `eth_fillTransaction`, by which viem prepares transactions: one node fills in what is lacking,
 * but the nonce only after the pool, and what the client has submitted itself, for that node need not have
 * heard of all that waits. Whatever is not understood goes to an upstream as it is written.
 *
 * @throws BalancerError when no answer could be had
 */
export async function fillTransaction(
  host: ServiceHost,
  params: readonly unknown[],
  options: ForwardOptions,
): Promise<Reply> {
  const [transaction, ...rest] = params;
  const isObject = typeof transaction === 'object' && transaction !== null;
  const { from, nonce } = (isObject ? transaction : {}) as Readonly<Record<string, unknown>>;
  const account = accountOf(from);
  if (account === undefined || (nonce ?? null) !== null) {
    return host.forward(method, params, options);
  }
  const count = await host.forward('eth_getTransactionCount', [from, 'pending'], options);
  const told = count.kind === 'result' ? toNumber(JSON.parse(count.result)) : undefined;
  if (told === undefined) return count;
  const filled = { ...(transaction as object), nonce: toQuantity(told) };
  return host.forward(method, [filled, ...rest], options);
}
