import type { Answer } from '../call.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { Policy } from './call-context.ts';

/**
 * Notes in the session the newest block that an answer speaks of, where the row says how to find that:
 * an upstream may be ahead of the pool's best block, and what it told must not be taken back by the next
 * answer. An upstream alone is believed no further than its head would be (`ChainHead.believable`).
 */
export function noteTold(head: ChainHead): Policy {
  return (next) => (context, receiver) => {
    const { session, traits, params } = context;
    const { tells } = traits;
    if (tells === undefined || session === undefined) {
      next(context, receiver);
      return;
    }
    next(context, {
      onAnswer: (answer: Answer) => {
        try {
          const { reply } = answer;
          const height = reply.kind === 'result' ? tells(reply.result, params) : undefined;
          if (height !== undefined) session.observe(head.believable(height));
        } catch (error) {
          // A chain of somebody else's may throw.
          receiver.onFailure(error);
          return;
        }
        receiver.onAnswer(answer);
      },
      onFailure: (error) => receiver.onFailure(error),
    });
  };
}
