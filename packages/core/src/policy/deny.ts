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
export const deny: Policy = (next) => (context) => {
  const { traits, call } = context;
  const { method } = call;
  switch (traits.kind) {
    case 'denied':
      return notAvailable(`${method} is disabled on this balancer`);
    case 'subscribe':
    case 'unsubscribe':
      return Promise.reject(
        new BalancerError('invalid request', `${method} is no call: subscribe() makes and ends it`),
      );
    default: {
      const refusal = traits.refuse?.(context.params);
      return refusal === undefined ? next(context) : notAvailable(refusal);
    }
  }
};

function notAvailable(why: string): Promise<Answer> {
  const reply = errorReply({
    code: jsonRpcCodes.methodNotFound,
    message: `Method not available: ${why}`,
  });
  return Promise.resolve({ reply, upstream: undefined, attempts: [] });
}
