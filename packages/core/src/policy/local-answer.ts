import type { Chain } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { ownAnswer, type Policy } from './call-context.ts';

/** Answers without an upstream what the pool's own view of the chain decides. */
export function localAnswer(
  chain: Chain,
  head: ChainHead,
  genesisHash: () => string | undefined,
): Policy {
  return (next) => (context, receiver) => {
    const { best, finalized } = head;
    const { session, params, traits } = context;
    // The upstream that showed this session its newest block may be gone: wait for another.
    const isBehind = best !== undefined && session !== undefined && best.number < session.seen;
    const view = { genesisHash: genesisHash(), best, finalized };
    const result = isBehind ? undefined : chain.answer?.(context.call.method, params, view);
    if (result === undefined) {
      next(context, receiver);
      return;
    }
    const told = traits.block?.(params).kind;
    if (told === 'best' && best) session?.observe(best.number);
    if (told === 'finalized' && finalized) session?.observe(finalized.number);
    receiver.onAnswer(ownAnswer(result));
  };
}
