import type { BalancerError } from '../errors.ts';
import type { Reply } from '../json-rpc/message.ts';

/**
 * How one attempt ended.
 *
 * - `answer`: the caller's answer, whatever it says.
 * - `missing`: an answer that speaks only of what this upstream lacks; another may know better.
 *   `lacksBlock` when that is the block asked for, or its data.
 * - `failure`: no answer, or one that shows this upstream to be unfit. `sent` is false when it
 *   surely never saw the call; `reply` is what it said, if it said anything.
 */
export type Outcome =
  | { readonly kind: 'answer'; readonly reply: Reply }
  | {
      readonly kind: 'missing';
      readonly reply: Reply;
      readonly reason: string;
      readonly lacksBlock: boolean;
    }
  | {
      readonly kind: 'failure';
      readonly error: BalancerError;
      readonly reason: string;
      readonly sent: boolean;
      readonly reply?: Reply;
    };

/** The upstream may have seen the call, and has said nothing. */
export function isSilence(outcome: Outcome): boolean {
  return outcome.kind === 'failure' && outcome.sent && outcome.reply === undefined;
}
