import { errorReply, jsonRpcCodes } from '../json-rpc/message.ts';
import type { Policy } from './call-context.ts';

/**
 * Methods that the chain marks as denied are not sent anywhere. The code is the one nodes use for
 * methods they do not offer, so that clients' feature detection works.
 */
export const deny: Policy = (next) => (context) => {
  if (context.traits.kind !== 'denied') return next(context);
  const reply = errorReply({
    code: jsonRpcCodes.methodNotFound,
    message: `Method not available: ${context.call.method} is disabled on this balancer`,
  });
  return Promise.resolve({ reply, upstream: undefined, attempts: [] });
};
