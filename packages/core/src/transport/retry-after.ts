/** No server may send us away for longer, in milliseconds: a wrong value must not be for ever. */
const maxRetryAfterMs = 60 * 60 * 1000;

/**
 * How long the header `Retry-After` asks us to stay away, in milliseconds: it holds seconds or a
 * date (RFC 9110, section 10.2.3). A date is taken against the server's own clock where it says
 * what that shows. `undefined` for what is neither.
 *
 * @param date the header `Date` of the same response
 */
export function retryAfterMs(
  value: string | undefined,
  date: string | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, maxRetryAfterMs);
  // `Date.parse` takes much for a date, `-1` among it; an HTTP date starts with a weekday.
  const until = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(until)) return undefined;
  const serverNow = date === undefined ? Number.NaN : Date.parse(date);
  const delay = until - (Number.isNaN(serverNow) ? Date.now() : serverNow);
  return Math.min(Math.max(delay, 0), maxRetryAfterMs);
}
