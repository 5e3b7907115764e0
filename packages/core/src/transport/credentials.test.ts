import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBalancerError } from '../errors.ts';
import { type CredentialOptions, describeEndpoint, resolveEndpoint } from './credentials.ts';

const resolve = (url: string, options: CredentialOptions = {}) =>
  resolveEndpoint(url, ['ws', 'wss'], options);

function refusal(url: string, options: CredentialOptions = {}): string {
  try {
    resolve(url, options);
  } catch (error) {
    expect(isBalancerError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'invalid request' });
    expect(error).not.toHaveProperty('cause');
    return (error as Error).message;
  }
  throw new Error('accepted');
}

describe('describeEndpoint', () => {
  it('keeps scheme, host and port, and nothing else', () => {
    expect(describeEndpoint('wss://user:secret@node.example:9944/v3/token?key=token#x')).toBe(
      'wss://node.example:9944',
    );
    expect(describeEndpoint('https://[::1]/secret')).toBe('https://[::1]');
    expect(describeEndpoint('secret')).toBe('(no URL)');
  });
});

describe('resolveEndpoint', () => {
  it('takes userinfo out of the URL and sends it as basic authentication', () => {
    const endpoint = resolve('ws://us%40er:p%C3%A4ss@host/path?q=1#fragment');
    expect(endpoint.url.href).toBe('ws://host/path?q=1');
    expect(endpoint.headers).toEqual({ authorization: `Basic ${btoa('us@er:p\xc3\xa4ss')}` });
    expect(endpoint.userinfo).toEqual({ username: 'us@er', password: 'päss' });
  });

  it('sends basic authentication, a bearer token and headers of one`s own', () => {
    const basicAuth = { username: 'u', password: 'p' };
    expect(resolve('ws://h', { basicAuth }).headers).toEqual({
      authorization: `Basic ${btoa('u:p')}`,
    });
    expect(resolve('ws://h', { bearerToken: 'abc' }).headers).toEqual({
      authorization: 'Bearer abc',
    });
    expect(resolve('ws://h', { headers: { 'X-Key': 'k' } }).headers).toEqual({ 'x-key': 'k' });
    expect(resolve('ws://h').headers).toEqual({});
  });

  it('refuses two credentials, since only one can be sent', () => {
    const basicAuth = { username: 'u', password: 'p' };
    expect(refusal('ws://a:b@h', { basicAuth })).toContain('ws://h has two credentials');
    expect(refusal('ws://h', { basicAuth, bearerToken: 't' })).toContain('two credentials');
    const headers = { Authorization: 'Token x' };
    expect(refusal('ws://h', { headers, bearerToken: 't' })).toContain('two credentials');
  });

  it('refuses other schemes and what is no URL, without showing it', () => {
    for (const url of ['http://secret', 'file:///secret', 'secret', 'ws//secret', 'ws://']) {
      const message = refusal(url);
      expect(message).toContain('ws:// or wss://');
      expect(message).not.toContain('secret');
    }
  });

  it('refuses headers that could smuggle in another, without showing them', () => {
    expect(refusal('ws://h', { headers: { 'x-a': 'secret\r\nx-b: 1' } })).not.toContain('secret');
    expect(refusal('ws://h', { headers: { 'secret:': '1' } })).not.toContain('secret');
    expect(refusal('ws://h', { bearerToken: 'secret\n' })).not.toContain('secret');
  });

  it('redacts every secret from texts of others', () => {
    const endpoint = resolve('wss://h/v3/0123456789abcdef?key=topsecret', {
      basicAuth: { username: 'user name', password: 'p@ssword' },
      headers: { 'x-key': 'header-secret' },
    });
    const text = [
      'GET /v3/0123456789abcdef?key=topsecret',
      'key topsecret, project 0123456789abcdef, user%20name, p%40ssword, p@ssword',
      `${endpoint.headers.authorization} header-secret`,
    ].join('\n');
    expect(endpoint.redact(text)).toBe('GET ***\nkey ***, project ***, ***, ***, ***\n*** ***');
  });

  it('never shows a secret, whatever it is', () => {
    // Short secrets are parts of ordinary words: redaction leaves them, and so does this test.
    const secret = fc.stringMatching(/^[A-Za-z0-9%+/ü&?=-]{6,20}$/);
    fc.assert(
      fc.property(secret, secret, secret, (password, token, header) => {
        const endpoint = resolve(`wss://host:1/${encodeURIComponent(token)}`, {
          basicAuth: { username: 'user', password },
          headers: { 'x-secret': encodeURIComponent(header) },
        });
        const shown = endpoint.redact(
          `1006 ${endpoint.url.href} ${token} ${password} ${endpoint.headers['x-secret']}`,
        );
        for (const text of [password, token]) expect(shown).not.toContain(text);
        expect(endpoint.description).toBe('wss://host:1');
      }),
    );
  });
});
