import type { RawJson } from './message.ts';
import { JsonScanner } from './scanner.ts';

/** The params of a subscription's notification; a member that is absent is `undefined`. */
export interface Notification {
  /** The upstream's subscription id, spelled as {@link subscriptionId} spells it. */
  readonly subscription: string | undefined;
  readonly result: RawJson | undefined;
  /** Present when the upstream tells that the subscription failed. */
  readonly error: RawJson | undefined;
}

/**
 * Finds the members of a notification's params without parsing them.
 *
 * @throws SyntaxError when the text is not one JSON object
 */
export function readNotification(params: RawJson): Notification {
  const scanner = new JsonScanner(params);
  let subscription: string | undefined;
  let result: RawJson | undefined;
  let error: RawJson | undefined;
  scanner.openObject();
  for (let key = scanner.nextKey(true); key !== undefined; key = scanner.nextKey(false)) {
    const value = scanner.value();
    if (key === 'subscription') subscription = subscriptionId(value);
    else if (key === 'result') result = value;
    else if (key === 'error') error = value;
  }
  return { subscription, result, error };
}

/**
 * The one spelling of a subscription id, so that two can be compared as text: raw JSON without
 * needless escapes. `undefined` for what is neither a string nor a number.
 */
export function subscriptionId(raw: RawJson): RawJson | undefined {
  const first = raw.charCodeAt(0);
  if (first === 0x22 /* " */) return raw.includes('\\') ? JSON.stringify(JSON.parse(raw)) : raw;
  const number = first === 0x2d /* - */ || (first >= 0x30 && first <= 0x39);
  return number ? raw : undefined;
}
