import { type CallOptions, isBalancerError } from '@dshackle/core';
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

/** Forwards one call and splices the response out of the answer. Never rejects. */
export async function answer(
  balancer: ServedBalancer,
  item: Exclude<Item, { kind: 'invalid' }>,
  options: CallOptions,
  log: Logger,
): Promise<Response> {
  try {
    const { reply } = await balancer.forward(item.call, options);
    if (item.kind === 'notification') return undefined;
    return reply.kind === 'result'
      ? resultResponse(item.id, reply.result)
      : rawErrorResponse(item.id, reply.raw);
  } catch (failure) {
    return failureResponse(item, failure, log);
  }
}
