import { BalancerError } from '../errors.ts';
import { errorReply, jsonRpcCodes } from '../json-rpc/message.ts';
import type { Policy } from './call-context.ts';

/**
 * What is not sent to any upstream as a call.
 *
 * - Methods that the chain marks as denied. The code is the one nodes use for methods they do not
 *   offer, so that clients' feature detection works.
 * - Subscriptions and their ends: the upstream's own id would reach the caller, and nobody would
 *   ever end what it names. `subscribe` is the way.
 */
export const deny: Policy = (next) => (context) => {
  const { method } = context.call;
  switch (context.traits.kind) {
    case 'denied': {
      const reply = errorReply({
        code: jsonRpcCodes.methodNotFound,
        message: `Method not available: ${method} is disabled on this balancer`,
      });
      return Promise.resolve({ reply, upstream: undefined, attempts: [] });
    }
    case 'subscribe':
    case 'unsubscribe':
      return Promise.reject(
        new BalancerError('invalid request', `${method} is no call: subscribe() makes and ends it`),
      );
    default:
      return next(context);
  }
};
