import { isBalancerError } from '../errors.ts';

/** Of a longer message only the beginning is kept, for snapshots and logs. */
const maxMessageChars = 300;

/** What was thrown, in few words: they may be an upstream's, and it may say much. */
export function messageOf(error: unknown): string {
  const text = isBalancerError(error)
    ? error.rawMessage
    : error instanceof Error
      ? error.message
      : String(error);
  return text.length > maxMessageChars ? `${text.slice(0, maxMessageChars)}…` : text;
}
