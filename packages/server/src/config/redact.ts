import type { Path } from './node.ts';

/** Stands where something secret was. */
export const redacted = '<redacted>';

/**
 * A URL with nothing secret in it: scheme, host and port stay. Providers put keys into the path
 * and the query, so these go as a whole, as the user name and password do.
 */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return redacted;
  const { protocol, host, username, password, pathname, search, hash } = new URL(url);
  // Without a host, what looks like the scheme may be anything.
  if (host === '') return redacted;
  const userinfo = username === '' && password === '' ? '' : `${redacted}@`;
  const rest = pathname.length > 1 || search !== '' || hash !== '' ? `/${redacted}` : '';
  return `${protocol}//${userinfo}${host}${rest}`;
}

/** True for values that must not be shown, whatever they are. */
export function isSecret(path: Path): boolean {
  return path.some((step) => ['basic-auth', 'bearer-auth', 'headers'].includes(String(step)));
}
