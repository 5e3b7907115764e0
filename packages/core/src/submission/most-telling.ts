import type { Submissions, SubmissionVerdict } from '../chain/submissions.ts';
import type { Tally, Vote } from '../policy/tally.ts';

/** What a caller should hear sooner when nobody accepts. */
const order: readonly SubmissionVerdict[] = ['known', 'rejected', 'contestable', 'not taken'];

/** Broadcast of a transaction: the first acceptance wins; if there is none, the most telling error. */
export function mostTelling(submissions: Submissions): Tally {
  const rank = ({ reply }: Vote): number =>
    reply.kind === 'result' ? -1 : order.indexOf(submissions.judge(reply.error));
  return (votes, outstanding) => {
    const accepted = votes.find((vote) => vote.reply.kind === 'result');
    if (accepted || outstanding > 0) return accepted;
    const [best] = [...votes].sort((a, b) => rank(a) - rank(b));
    return best;
  };
}
