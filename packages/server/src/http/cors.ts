import type { OutgoingHttpHeaders } from 'node:http';

/** Which browsers may call from a page of another origin. */
export interface Cors {
  /** Allowed origins; `*` is any. */
  readonly origins: readonly string[];
  /** Request headers that such a page may set. */
  readonly allowedHeaders: readonly string[];
}

/** The CORS headers of a response; empty when the origin may not read it. */
export function corsHeaders(
  cors: Cors | undefined,
  origin: string | undefined,
): OutgoingHttpHeaders {
  if (cors === undefined || origin === undefined) return {};
  if (cors.origins.includes('*')) return { 'access-control-allow-origin': '*' };
  if (!cors.origins.includes(origin)) return { vary: 'Origin' };
  return { 'access-control-allow-origin': origin, vary: 'Origin' };
}

/** The further headers of the answer to a preflight request. */
export function preflightHeaders(cors: Cors): OutgoingHttpHeaders {
  return {
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': cors.allowedHeaders.join(', '),
    // Browsers cap this themselves (Chrome at two hours).
    'access-control-max-age': '7200',
  };
}
