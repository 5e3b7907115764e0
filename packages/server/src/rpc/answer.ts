import { type CallOptions, isBalancerError, type Receiver } from '@dshackle/core';
import type { Logger } from '../logs/logger.ts';
import { toJsonRpcError } from './errors.ts';
import type { Item } from './request.ts';
import { errorResponse, rawErrorResponse, resultResponse } from './response.ts';
import type { ServedBalancer } from './route.ts';

/** The response to an item, or `undefined` where none is due. */
export type Response = string | undefined;

/** The response to an item that failed; a failure that is a bug of ours goes to the log. */
export function failureResponse(
  item: Exclude<Item, { kind: 'invalid' }>,
  failure: unknown,
  log: Logger,
): Response {
  if (!isBalancerError(failure)) log.error('call failed unexpectedly', { error: failure });
  return item.kind === 'call' ? errorResponse(item.id, toJsonRpcError(failure)) : undefined;
}

/**
 * Forwards one call and splices the response out of the answer.
 *
 * @param respond gets the response, once, and must not throw; not a promise, because a few of these
 *   in a row cost as much as the reading of the request
 */
export function answer(
  balancer: ServedBalancer,
  item: Exclude<Item, { kind: 'invalid' }>,
  options: CallOptions,
  log: Logger,
  respond: (response: Response) => void,
): void {
  const receiver: Receiver = {
    onAnswer: ({ reply }) => {
      if (item.kind === 'notification') respond(undefined);
      else if (reply.kind === 'result') respond(resultResponse(item.id, reply.result));
      else respond(rawErrorResponse(item.id, reply.raw));
    },
    onFailure: (failure) => respond(failureResponse(item, failure, log)),
  };
  balancer.dispatch(item.call, receiver, options);
}
