import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { endpoint } from './endpoint.ts';
import { http } from './http.ts';
import { websocket } from './websocket.ts';

const context = { upstream: 'a', clock: new FakeClock(), random: () => 0 };

describe('endpoint', () => {
  it.each([
    ['ws://host', 'websocket'],
    ['WSS://host/path', 'websocket'],
    ['http://host:1', 'http'],
    ['https://user:password@host/?key=1', 'http'],
  ])('makes the transport for %s', async (url, kind) => {
    const transport = endpoint(url)(context);
    expect(transport.kind).toBe(kind);
    expect(transport.state).toEqual({ status: 'connecting' });
    await transport.close();
  });

  it('gives a factory back as it is', () => {
    const factory = websocket('ws://host');
    expect(endpoint(factory)).toBe(factory);
  });

  it.each(['', 'secret', 'ftp://secret', 'ws:secret', '/secret'])('refuses %j, unseen', (url) => {
    expect(() => endpoint(url)).toThrow(
      '[invalid request] an endpoint must start ws://, wss://, http:// or https://',
    );
  });

  it('refuses numbers that make no sense', () => {
    expect(() => websocket('ws://host', { sockets: 0 })).toThrow('sockets must be positive');
    expect(() => websocket('ws://host', { maxPending: Number.NaN })).toThrow('maxPending must be');
    expect(() => http('http://host', { recheckMs: -1 })).toThrow('recheckMs must be positive');
    expect(() => http('http://host', { recheckMs: Infinity })).toThrow(
      'must be at most 2147483647',
    );
    expect(() => http('http://host', { backoff: { maxMs: 0 } })).toThrow('maxMs must be positive');
    expect(() => websocket('ws://host', { pongTimeoutMs: 0 })).toThrow('pongTimeoutMs must be');
    expect(websocket('ws://host', { pingIntervalMs: 0, silenceTimeoutMs: 0 })).toBeDefined();
  });
});
