import { describe, expect, it } from 'vitest';
import { TransportError } from '../errors.ts';
import { readHttpReply } from './http-reply.ts';
import type { HttpAnswer } from './platform/fetcher.ts';
import { retryAfterMs } from './retry-after.ts';

const answer = (parts: Partial<HttpAnswer>): HttpAnswer => ({
  status: 200,
  body: '{"jsonrpc":"2.0","id":7,"result":1}',
  retryAfter: undefined,
  date: undefined,
  ...parts,
});

function refusal(parts: Partial<HttpAnswer>, sent = true): TransportError {
  try {
    readHttpReply(answer(parts), 7);
  } catch (error) {
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ origin: 'upstream', sent });
    return error as TransportError;
  }
  throw new Error('accepted');
}

describe('readHttpReply', () => {
  it('reads the body of a good response', () => {
    expect(readHttpReply(answer({}), 7)).toEqual({ kind: 'result', result: '1' });
  });

  it.each([400, 404, 500, 502])(
    'reads the body of status %i when it answers the call',
    (status) => {
      const body = '{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"bad"}}';
      expect(readHttpReply(answer({ status, body }), 7)).toMatchObject({
        kind: 'error',
        error: { code: -32600 },
      });
    },
  );

  it.each([
    [500, 'oops', 'HTTP 500'],
    [502, '<html>Bad Gateway</html>', 'HTTP 502'],
    [400, '{"error":{"code":1,"message":"m"}}', 'HTTP 400'],
    [400, '{"id":null,"error":{"code":1,"message":"m"}}', 'HTTP 400'],
    [503, '', 'HTTP 503'],
    [200, '', 'HTTP 200 with a body that is not JSON-RPC'],
    [200, 'OK', 'HTTP 200 with a body that is not JSON-RPC'],
    [200, '[]', 'HTTP 200 with a body that is not JSON-RPC'],
    [200, '{"id":7}', 'HTTP 200 with a body that is not JSON-RPC'],
    [302, '', 'HTTP 302: redirects are not followed'],
    [0, '', 'HTTP 3xx: redirects are not followed'],
    [200, '{"id":8,"result":1}', 'to another id than ours'],
    [200, '{"id":"7","result":1}', 'to another id than ours'],
    [200, '{"id":null,"result":1}', 'to another id than ours'],
  ])('takes status %i with %j for no answer', (status, body, message) => {
    const error = refusal({ status, body });
    expect(error.code).toBe('transport');
    expect(error.message).toContain(message);
  });

  it('takes an error that names no request for the answer to ours', () => {
    for (const body of [
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}',
      '{"error":{"code":-32700,"message":"m"}}',
    ]) {
      expect(readHttpReply(answer({ body }), 7)).toMatchObject({ error: { code: -32700 } });
    }
  });

  it.each([401, 403, 407])('takes status %i for a refusal of ours, whatever its body', (status) => {
    const error = refusal({ status, body: '{"id":7,"error":{"code":1,"message":"key abc"}}' });
    expect(error.message).toContain(`HTTP ${status}`);
    expect(error.message).not.toContain('abc');
  });

  it('takes 429, and 503 with Retry-After, for a rate limit: the call was declined', () => {
    expect(refusal({ status: 429 }, false)).toMatchObject({
      code: 'rate limited',
      retryAfterMs: undefined,
    });
    expect(refusal({ status: 429, retryAfter: '3' }, false)).toMatchObject({
      code: 'rate limited',
      retryAfterMs: 3000,
    });
    expect(refusal({ status: 503, retryAfter: '1' }, false)).toMatchObject({
      code: 'rate limited',
    });
  });
});

describe('retryAfterMs', () => {
  const date = 'Sun, 22 Nov 2026 10:00:00 GMT';

  it('reads seconds', () => {
    expect(retryAfterMs(' 120 ', undefined)).toBe(120_000);
    expect(retryAfterMs('0', undefined)).toBe(0);
  });

  it('reads a date by the clock of the server that set it', () => {
    expect(retryAfterMs('Sun, 22 Nov 2026 10:00:30 GMT', date)).toBe(30_000);
    expect(retryAfterMs('Sun, 22 Nov 2026 09:00:00 GMT', date)).toBe(0);
  });

  it('reads a date by our own clock when the server does not tell its', () => {
    const until = new Date(Date.now() + 60_000).toUTCString();
    for (const shown of [undefined, 'soon']) {
      const ms = retryAfterMs(until, shown);
      expect(ms).toBeGreaterThan(50_000);
      expect(ms).toBeLessThanOrEqual(60_000);
    }
  });

  it('believes no server that sends us away for more than an hour', () => {
    expect(retryAfterMs('99999999999999999999', undefined)).toBe(3_600_000);
    expect(retryAfterMs('Sun, 22 Nov 2099 10:00:00 GMT', date)).toBe(3_600_000);
  });

  it('ignores what is neither', () => {
    for (const value of [undefined, '', 'soon', '-1', '1.5e']) {
      expect(retryAfterMs(value, date)).toBeUndefined();
    }
  });
});
