import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Server, startServer } from './server.ts';
import { FakeBalancer } from './testing/fake-balancer.ts';

let server: Server;

async function ask(
  method: 'GET' | 'POST' | 'PUT' | 'OPTIONS',
  path: string,
  headers: Record<string, string> = {},
) {
  const response = await request(`${server.url}${path}`, { method, headers });
  const text = await response.body.text();
  return { status: response.statusCode, headers: response.headers, text };
}

describe('beside the routes', () => {
  beforeEach(async () => {
    server = await startServer({ port: 0, routes: [{ id: 'test', balancer: new FakeBalancer() }] });
  });
  afterEach(() => server.close());

  it('the root lists the routes and whether they can serve', async () => {
    const { status, text } = await ask('GET', '/');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      name: 'dshackle',
      routes: [{ path: '/test', chain: 'testchain', available: true }],
    });
  });

  it.each(['GET', 'PUT', 'OPTIONS'] as const)('%s on a route is 405', async (method) => {
    const { status, headers, text } = await ask(method, '/test');
    expect(status).toBe(405);
    expect(headers.allow).toBe('POST');
    expect(JSON.parse(text)).toEqual({ error: 'use POST, or open a WebSocket' });
  });

  it.each([
    ['GET', '/other'],
    ['POST', '/other'],
    ['POST', '/'],
    ['POST', '/test/more'],
  ] as const)('%s %s is 404', async (method, path) => {
    const { status, text } = await ask(method, path);
    expect(status).toBe(404);
    expect(JSON.parse(text)).toEqual({ error: 'not found; GET / lists the routes' });
  });

  it('a path that cannot be decoded is 400 or 404, and says nothing of our code', async () => {
    const { status, text } = await ask('GET', '/%E0%A4%A');
    expect([400, 404]).toContain(status);
    expect(text).not.toContain('at ');
  });
});

describe('with CORS configured', () => {
  beforeEach(async () => {
    server = await startServer({
      port: 0,
      routes: [{ id: 'test', balancer: new FakeBalancer() }],
      cors: { origins: ['*'], allowedHeaders: ['Content-Type', 'X-Key'] },
    });
  });
  afterEach(() => server.close());

  it('a preflight request is answered', async () => {
    const { status, headers } = await ask('OPTIONS', '/test', {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
    });
    expect(status).toBe(204);
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-allow-methods']).toBe('POST');
    expect(headers['access-control-allow-headers']).toBe('Content-Type, X-Key');
  });
});
