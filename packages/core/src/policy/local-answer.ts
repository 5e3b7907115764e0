import type { Receiver } from '../call.ts';
import type { Chain, ChainView } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { RawJson } from '../json-rpc/message.ts';
import { type CallContext, type Handler, ownAnswer, type Policy } from './call-context.ts';

/** Answers without an upstream what the pool's own view of the chain decides. */
export function localAnswer(chain: Chain, head: ChainHead, view: ChainView): Policy {
  return (next) => (context, receiver) => {
    const { session, params, traits } = context;
    if (traits.kind === 'local') {
      answerForPool(chain, view, context, next, receiver);
      return;
    }
    const { best, finalized } = head;
    // The upstream that showed this session its newest block may be gone: wait for another.
    const isBehind = best !== undefined && session !== undefined && best.number < session.seen;
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

/**
 * What is said of the pool. While nothing is known of it the call waits for an upstream like any
 * other; that one's answer only shows that there is something to say now.
 */
function answerForPool(
  chain: Chain,
  view: ChainView,
  context: CallContext,
  next: Handler,
  receiver: Receiver,
): void {
  const { call, params } = context;
  const result = chain.answer?.(call.method, params, view);
  if (result !== undefined) {
    receiver.onAnswer(ownAnswer(result));
    return;
  }
  // Any will do, whatever it offers.
  context.need.method = undefined;
  next(context, {
    onAnswer: (answered) => {
      let known: RawJson | undefined;
      try {
        known = chain.answer?.(call.method, params, view);
      } catch (error) {
        receiver.onFailure(error);
        return;
      }
      receiver.onAnswer(known === undefined ? answered : ownAnswer(known));
    },
    onFailure: (error) => receiver.onFailure(error),
  });
}
