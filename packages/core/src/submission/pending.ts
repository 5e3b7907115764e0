import type { Submissions, Transaction } from '../chain/submissions.ts';
import type { Engine } from '../policy/engine.ts';

/** How many pools are asked: a transaction that one accepted reaches the others within moments. */
const maxPools = 3;

/**
 * Does the pool of some upstream hold this transaction, as far as it tells? Asks a few that
 * serve, behind their traffic, one after another. One that does not tell counts as one that does not
 * hold it.
 */
export async function isPending(
  engine: Engine,
  { pending, listed }: Submissions,
  transaction: Transaction,
): Promise<boolean> {
  const { method, params } = pending(transaction);
  const tried = new Set<string>();
  while (tried.size < maxPools) {
    const need = { seen: -1, method };
    const selection = engine.select(need, tried, engine.clock.now());
    if (selection.kind === 'none') return false;
    const { upstream } = selection;
    tried.add(upstream.id);
    try {
      const reply = await upstream.background.request(method, params);
      if (reply.kind === 'result' && listed(reply.result).includes(transaction.body)) return true;
    } catch {
      // Not heard of is not found; the next one may know.
    }
  }
  return false;
}
