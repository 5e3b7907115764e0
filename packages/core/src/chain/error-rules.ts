import type { JsonRpcError } from '../json-rpc/message.ts';
import type { Verdict } from './chain.ts';

/** One kind of error and what it means; a condition that is left out holds for every error. */
export interface ErrorRule {
  /** Single codes, or inclusive ranges `[from, to]`. */
  readonly codes?: readonly (number | readonly [from: number, to: number])[];
  /** Sought in message and data, whatever the case. */
  readonly text?: RegExp;
  readonly action: Verdict['action'];
  /** What is said of the attempt. */
  readonly reason: string;
  /** With `missing`: it lacks the block asked for, or its data. @default false */
  readonly lacksBlock?: boolean;
}

const answer: Verdict = { action: 'return' };

/** What an error means by the first rule that fits; one that no rule knows is the answer. */
export function judgeBy(rules: readonly ErrorRule[], error: JsonRpcError): Verdict {
  const text = wordsOf(error);
  const rule = rules.find(
    (each) => hasCode(each, error.code) && (each.text === undefined || each.text.test(text)),
  );
  if (rule === undefined || rule.action === 'return') return answer;
  const { action, reason } = rule;
  return action === 'missing' && rule.lacksBlock
    ? { action, reason, lacksBlock: true }
    : { action, reason };
}

/** All that an error says in words. */
export function wordsOf({ message, data }: JsonRpcError): string {
  return `${message} ${typeof data === 'string' ? data : JSON.stringify(data ?? '')}`;
}

function hasCode({ codes }: ErrorRule, code: number): boolean {
  if (codes === undefined) return true;
  return codes.some((each) =>
    typeof each === 'number' ? each === code : code >= each[0] && code <= each[1],
  );
}
