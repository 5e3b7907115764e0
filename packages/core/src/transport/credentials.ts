import { BalancerError } from '../errors.ts';

/** How we prove to an upstream who we are. At most one of the ways that set `Authorization`. */
export interface CredentialOptions {
  /**
   * Headers sent with every connection (WebSocket) or call (HTTP). A browser cannot send any on a
   * WebSocket. @default none
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as HTTP basic authentication. `user:password@` in the URL does the same. @default none */
  readonly basicAuth?: { readonly username: string; readonly password: string };
  /** Sent as `Authorization: Bearer …`. @default none */
  readonly bearerToken?: string;
}

/** A URL and credentials, taken apart so that no secret can get into a text by accident. */
export interface Endpoint {
  /** Without userinfo and fragment. May still hold a token in its path or query. */
  readonly url: URL;
  /** All headers to send, names in lower case, `authorization` among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** The basic authentication that `headers` holds, for platforms that cannot send headers. */
  readonly userinfo: { readonly username: string; readonly password: string } | undefined;
  /** Scheme, host and port: all of the URL that may be shown. */
  readonly description: string;
  /** Replaces every secret of this endpoint in a text that somebody else wrote. */
  readonly redact: (text: string) => string;
}

/**
 * Scheme, host and port of a URL: all of it that may be shown. A text that is no URL is not shown
 * at all.
 */
export function describeEndpoint(url: string | URL): string {
  const parsed = typeof url === 'string' ? parse(url) : url;
  return parsed === undefined ? '(no URL)' : `${parsed.protocol}//${parsed.host}`;
}

/**
 * Takes a URL and credentials apart.
 *
 * @param schemes the schemes allowed, without the colon
 * @throws BalancerError `invalid request` that does not show the URL
 */
export function resolveEndpoint(
  url: string,
  schemes: readonly string[],
  options: CredentialOptions,
): Endpoint {
  const clean = parse(url);
  if (clean === undefined || !schemes.includes(clean.protocol.slice(0, -1))) {
    const allowed = schemes.map((scheme) => `${scheme}://`).join(' or ');
    throw new BalancerError('invalid request', `an endpoint must be a URL that starts ${allowed}`);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[headerName(name)] = headerValue(name, value);
  }
  const inUrl = clean.username !== '' || clean.password !== '';
  const userinfo = inUrl
    ? { username: decode(clean.username), password: decode(clean.password) }
    : options.basicAuth;
  const ways = [inUrl, options.basicAuth, options.bearerToken !== undefined, headers.authorization];
  if (ways.filter(Boolean).length > 1) {
    throw new BalancerError('invalid request', `${describeEndpoint(clean)} has two credentials`);
  }
  if (userinfo !== undefined) headers.authorization = basic(userinfo);
  if (options.bearerToken !== undefined) {
    headers.authorization = headerValue('authorization', `Bearer ${options.bearerToken}`);
  }
  clean.username = '';
  clean.password = '';
  clean.hash = '';
  const secrets = [userinfo?.username, userinfo?.password, options.bearerToken];
  return {
    url: clean,
    headers,
    userinfo,
    description: describeEndpoint(clean),
    redact: redactor([...secrets, ...Object.values(headers), ...urlSecrets(clean)]),
  };
}

function parse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    // The platform's error holds the URL: it is dropped on purpose.
    return undefined;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** RFC 7617, with the user name and password in UTF-8. */
function basic(userinfo: { readonly username: string; readonly password: string }): string {
  const bytes = new TextEncoder().encode(`${userinfo.username}:${userinfo.password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

function headerName(name: string): string {
  if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return name.toLowerCase();
  throw new BalancerError('invalid request', 'a header name has a character it may not have');
}

function headerValue(name: string, value: string): string {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return value;
  throw new BalancerError('invalid request', `header ${name} has a character it may not have`);
}

/** Path and query may be or hold an access token, whole or in part. */
function urlSecrets(url: URL): string[] {
  const whole = [url.pathname + url.search, url.pathname, url.search];
  return [...whole, ...url.pathname.split('/'), ...url.searchParams.values()];
}

/** What is shorter (`v3`, `rpc`) is part of ordinary words: hiding it would garble every text. */
const minSecretLength = 4;

function redactor(secrets: readonly (string | undefined)[]): (text: string) => string {
  const known = new Set<string>();
  for (const secret of secrets) {
    if (secret === undefined || secret.length < minSecretLength) continue;
    known.add(secret);
    known.add(encodeURIComponent(secret));
    known.add(decode(secret));
  }
  // Longest first: a secret may contain another.
  const ordered = [...known].sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of ordered) clean = clean.replaceAll(secret, '***');
    return clean;
  };
}
