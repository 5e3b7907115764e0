import type { Answer, Receiver } from '../call.ts';
import type { RawJson } from '../json-rpc/message.ts';
import type { SubmissionDesk } from '../submission/desk.ts';
import { Submission } from '../submission/submit.ts';
import type { CallContext, Policy } from './call-context.ts';

/**
 * Submissions of transactions that the chain can name are followed until it is known what became of
 * them; and a nonce that is read counts what the same session has submitted, or, for a caller without one, what
 * all such callers have.
 */
export function transactions(desk: SubmissionDesk): Policy {
  return (next) => (context, receiver) => {
    const { traits } = context;
    if (traits.kind === 'submit') {
      const submission = submissionOf(desk, context);
      if (submission) submission.start(receiver);
      else next(context, receiver);
    } else if (traits.nonceOf !== undefined) {
      next(context, withOwn(desk, context, receiver));
    } else next(context, receiver);
  };
}

/** A caller who wants several to agree on the answer, or the largest, gets what it asked for. */
function submissionOf(desk: SubmissionDesk, context: CallContext): Submission | undefined {
  const { call, params, strategy } = context;
  if (strategy.kind !== 'one' && strategy.kind !== 'broadcast') return undefined;
  const transaction = desk.submissions.read(call.method, params);
  return transaction && new Submission(desk, context, transaction);
}

function withOwn(
  desk: SubmissionDesk,
  { traits, params, session }: CallContext,
  receiver: Receiver,
): Receiver {
  const account = traits.nonceOf?.(params);
  if (account === undefined) return receiver;
  return {
    onAnswer: (answer) => {
      const told = readNonce(answer);
      if (told === undefined) {
        receiver.onAnswer(answer);
        return;
      }
      const next = desk.nextNonce(account, told.nonce, session);
      receiver.onAnswer(
        next === told.nonce
          ? answer
          : { ...answer, reply: { kind: 'result', result: told.write(next) } },
      );
    },
    onFailure: (error) => receiver.onFailure(error),
  };
}

/** Nonces come as JSON numbers or as 0x strings, and go on as they came. */
function readNonce({
  reply,
}: Answer): { readonly nonce: number; readonly write: (nonce: number) => RawJson } | undefined {
  if (reply.kind === 'error') return undefined;
  const value: unknown = JSON.parse(reply.result);
  if (Number.isSafeInteger(value)) return { nonce: value as number, write: String };
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,12}$/i.test(value)) return undefined;
  return { nonce: Number(value), write: (nonce) => `"0x${nonce.toString(16)}"` };
}
