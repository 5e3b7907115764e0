import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { seededRandom } from '../testing/seeded-random.ts';
import { eventually, opened } from '../testing/transport-contract.ts';
import { systemClock } from '../time/clock.ts';
import { http } from './http.ts';
import { type Certificate, hasOpenssl, selfSigned } from './test-peers/certificates.ts';
import type { TlsOptions } from './tls.ts';
import type { Transport, TransportState } from './transport.ts';
import { websocket } from './websocket.ts';

const context = { upstream: 'a', clock: systemClock, random: seededRandom(1) };
const answer = '{"jsonrpc":"2.0","id":1,"result":"ok"}';

const needed = hasOpenssl ? '' : ' (skipped: install openssl)';

describe.runIf(hasOpenssl)(`TLS to an upstream${needed}`, () => {
  let own: Certificate;
  let client: Certificate;
  let server: Server;
  let wss: WebSocketServer;
  const clients: string[] = [];

  beforeAll(async () => {
    own = selfSigned('upstream');
    client = selfSigned('client');
    server = createServer(
      { ...own, ca: client.cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        clients.push(nameOf(request.socket as TLSSocket));
        request.resume().on('end', () => response.end(answer));
      },
    );
    wss = new WebSocketServer({ server });
    wss.on('connection', (socket, request) => {
      clients.push(nameOf(request.socket as TLSSocket));
      socket.on('message', () => socket.send(answer));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  const ways = ['websocket', 'http'] as const;

  function connect(way: (typeof ways)[number], tls?: TlsOptions): Transport {
    const { port } = server.address() as AddressInfo;
    const options = { backoff: { initialMs: 60_000 }, ...(tls && { tls }) };
    const factory =
      way === 'http'
        ? http(`https://localhost:${port}`, options)
        : websocket(`wss://localhost:${port}`, options);
    const transport = factory(context);
    transport.start(async (connection) => {
      await connection.request('who', '[]');
    });
    return transport;
  }

  it.each(ways)('refuses a certificate that nobody vouches for (%s)', async (way) => {
    const transport = connect(way);
    await eventually(() => expect(transport.state.status).toBe('waiting'));
    const { reason } = transport.state as Extract<TransportState, { status: 'waiting' }>;
    expect(reason).toContain('self-signed certificate');
    await transport.close();
  });

  it.each(ways)('trusts the certificates it is given (%s)', async (way) => {
    const transport = connect(way, { ca: own.cert });
    await opened(transport);
    expect(clients.at(-1)).toBe('nobody');
    await transport.close();
  });

  it.each(ways)('trusts anybody when told to (%s)', async (way) => {
    const transport = connect(way, { rejectUnauthorized: false });
    await opened(transport);
    await transport.close();
  });

  it.each(ways)('shows its own certificate (%s)', async (way) => {
    const transport = connect(way, { ca: own.cert, cert: client.cert, key: client.key });
    await opened(transport);
    expect(clients.at(-1)).toBe('client');
    await transport.close();
  });
});

function nameOf(socket: TLSSocket): string {
  return socket.authorized ? String(socket.getPeerCertificate().subject.CN) : 'nobody';
}
