import type { Reply } from '../json-rpc/message.ts';
import type { Policy } from '../policy/call-context.ts';
import type { ChainService } from './chain-service.ts';

/**
 * Hands to the chain's own service what it alone can answer: methods of kind `service`, and emulated
 * ones while no upstream offers them.
 */
export function answerByService(
  service: ChainService,
  offers: (method: string) => boolean,
): Policy {
  return (next) => (context, receiver) => {
    const { traits, call, params, session, signal, need } = context;
    const isOurs = traits.kind === 'service' || (traits.emulated && !offers(call.method));
    if (!isOurs) {
      next(context, receiver);
      return;
    }
    const answer = (reply: Reply): void =>
      receiver.onAnswer({ reply, upstream: undefined, attempts: [] });
    const reply = service.call({
      method: call.method,
      params,
      client: session,
      signal,
      ...(context.hasOwnDeadline && { deadlineMs: context.deadlineAtMs - context.startedMs }),
      ...(need.labels && { labels: need.labels }),
    });
    if ('then' in reply) reply.then(answer, (error: unknown) => receiver.onFailure(error));
    else answer(reply);
  };
}
