import type { Answer } from '../call.ts';
import { BalancerError } from '../errors.ts';
import { errorReply, jsonRpcCodes } from '../json-rpc/message.ts';
import type { Policy } from './call-context.ts';

/**
 * What is not sent to any upstream as a call.
 *
 * - Methods that the chain marks as denied, or refuses with the params of this call. The code is the one nodes use for methods they do not
 *   offer, so that clients' feature detection works.
 * - Subscriptions and their ends: the upstream's own id would reach the caller, and nobody would
 *   ever end what it names. `subscribe` is the way.
 */
export const deny: Policy = (next) => (context, receiver) => {
  const { traits, call } = context;
  const { method } = call;
  switch (traits.kind) {
    case 'denied':
      receiver.onAnswer(notAvailable(`${method} is disabled on this balancer`));
      break;
    case 'subscribe':
    case 'unsubscribe':
      receiver.onFailure(
        new BalancerError('invalid request', `${method} is no call: subscribe() makes and ends it`),
      );
      break;
    default: {
      const refusal = traits.refuse?.(context.params);
      if (refusal === undefined) next(context, receiver);
      else receiver.onAnswer(notAvailable(refusal));
    }
  }
};

function notAvailable(why: string): Answer {
  const reply = errorReply({
    code: jsonRpcCodes.methodNotFound,
    message: `Method not available: ${why}`,
  });
  return { reply, upstream: undefined, attempts: [] };
}
