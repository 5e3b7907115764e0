import type { BalancerError } from '../errors.ts';
import type { Reply } from '../json-rpc/message.ts';

/**
 * How one attempt ended.
 *
 * - `answer`: the caller's answer, whatever it says.
 * - `missing`: an answer that speaks only of what this upstream lacks; another may know better.
 *   `lacksBlock` when that is the block asked for, or its data.
 * - `failure`: no answer, or one that shows this upstream to be unfit. `sent` is false when it
 *   surely never saw the call; `reply` is what it said, if it said anything. With `isDoubtful` the call
 *   itself may be at fault: whoever made the attempt tells the upstream once that is known
 *   (`Upstream.settleDoubt`).
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
      readonly isDoubtful?: boolean;
    };

/**
 * What became of a doubtful attempt: the upstream has `failed`, it has `answered` (the call was at
 * fault), or nobody will ever know.
 */
export type Doubt = 'failed' | 'answered' | 'unknown';

/** The upstream may have seen the call, and has said nothing. */
export function isSilence(outcome: Outcome): boolean {
  return outcome.kind === 'failure' && outcome.sent && outcome.reply === undefined;
}
