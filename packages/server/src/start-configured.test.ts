import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import type { Logger } from './logs/logger.ts';
import { startConfigured } from './start-configured.ts';
import { call, post } from './testing/clients.ts';
import { SubstrateNode, word } from './testing/substrate-node.ts';

let dir: string;
const peers: NetServer[] = [];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'dshackle-start-'));
});
afterEach(async () => {
  for (const peer of peers.splice(0)) await new Promise((resolve) => peer.close(resolve));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** A configuration with one upstream that has this connection. */
function configure(connection: string, rest = ''): Config {
  const file = join(dir, 'dshackle.yaml');
  writeFileSync(
    file,
    `proxy: { port: 0, routes: [{ id: local, chain: local }] }
chains: [{ id: local, family: substrate }, { id: other, family: substrate }]
cluster:
  upstreams:
    - id: node
      chain: local
${rest}
      connection: { polkadot: ${connection} }
    - { id: off, enabled: false, chain: local, connection: { polkadot: { ws: { url: "ws://127.0.0.1:1" } } } }
    - { id: unrouted, chain: other, connection: { polkadot: { ws: { url: "ws://127.0.0.1:1" } } } }
`,
  );
  return loadConfig(file);
}

/** What an upstream saw of each request: it declines them all. */
interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly authorized: boolean | undefined;
}

function listen(tls?: { readonly cert: string; readonly key: string }) {
  const seen: Seen[] = [];
  const note = (request: IncomingMessage): void => {
    const { authorized } = request.socket as TLSSocket;
    seen.push({ headers: request.headers, authorized });
  };
  const peer =
    tls === undefined
      ? createServer()
      : createTlsServer({ ...tls, ca: tls.cert, requestCert: true, rejectUnauthorized: false });
  peer.on('request', (request: IncomingMessage, response) => {
    note(request);
    response.writeHead(503).end();
  });
  peer.on('upgrade', (request: IncomingMessage, socket) => {
    note(request);
    socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
  });
  peers.push(peer);
  return new Promise<{ seen: Seen[]; host: string }>((resolve) => {
    peer.listen(0, '127.0.0.1', () => {
      resolve({ seen, host: `localhost:${(peer.address() as AddressInfo).port}` });
    });
  });
}

/** Serves a node in memory over HTTP; gives the host. */
function serve(node: SubstrateNode): Promise<string> {
  node.answers = () => ({ kind: 'result', result: `"${word(9)}"` });
  const peer = createServer(async (request, response) => {
    const { id, method, params = [] } = JSON.parse(await text(request));
    const reply = await node.answer(method, JSON.stringify(params));
    const member =
      reply.kind === 'result' ? { result: JSON.parse(reply.result) } : { error: reply.error };
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...member }));
  });
  peers.push(peer);
  return new Promise((resolve) => {
    peer.listen(0, '127.0.0.1', () => {
      resolve(`127.0.0.1:${(peer.address() as AddressInfo).port}`);
    });
  });
}

function collect(lines: string[]): Logger {
  const log = (message: string, fields = {}) => lines.push(`${message} ${JSON.stringify(fields)}`);
  return { info: log, warn: log, error: log };
}

const hasOpenssl = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const needed = hasOpenssl ? '' : ' (skipped: install openssl)';
const certificateTest = `shows its certificate and trusts the one it was told to${needed}`;

describe('a configured server', () => {
  it('shows its upstreams the credentials and headers it was given, and nobody else', async () => {
    const { seen, host } = await listen();
    const config = configure(`{
        rpc: { url: "http://${host}/key", basic-auth: { username: me, password: hunter2 }, headers: { X-One: "1" } },
        ws: { url: "ws://${host}/key", bearer-auth: { token: hunter3 }, origin: "https://me.example" } }`);
    const lines: string[] = [];
    const server = await startConfigured(config, { log: collect(lines) });
    const basic = `Basic ${Buffer.from('me:hunter2').toString('base64')}`;
    await expect
      .poll(() => seen.map(({ headers }) => headers), { timeout: 10_000 })
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({ authorization: basic, 'x-one': '1' }),
          expect.objectContaining({
            authorization: 'Bearer hunter3',
            origin: 'https://me.example',
            upgrade: 'websocket',
          }),
        ]),
      );
    const answer = await post(`${server.url}/local`, JSON.stringify(call('system_chain')));
    expect(JSON.parse(answer.text).error.code).toBe(-32050);
    await server.close();
    expect(lines).toContain('chain has no route: its upstreams are left alone {"chain":"other"}');
    expect(`${answer.text} ${lines.join()}`).not.toMatch(/hunter|key/);
  });

  it.skipIf(!hasOpenssl)(certificateTest, async () => {
    const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync(
      'openssl',
      ['req', '-x509', ...curve, '-days', '2', '-keyout', key, '-out', cert, ...subject],
      { stdio: 'ignore' },
    );
    const read = (file: string) => readFileSync(file, 'utf8');
    const { seen, host } = await listen({ cert: read(cert), key: read(key) });
    const tls = 'tls: { ca: cert.pem, certificate: cert.pem, key: key.pem }';
    const config = configure(
      `{ rpc: { url: "https://${host}", ${tls} }, ws: { url: "wss://${host}", ${tls} } }`,
    );
    await using _server = await startConfigured(config);
    await expect
      .poll(() => new Set(seen.map(({ headers }) => headers.upgrade)), { timeout: 10_000 })
      .toEqual(new Set([undefined, 'websocket']));
    expect(seen.every(({ authorized }) => authorized)).toBe(true);
  });

  it('serves a method denied by default once it is enabled', async () => {
    const ask = async (rest: string) => {
      const config = configure('{ ws: { url: "ws://127.0.0.1:1" } }', rest);
      await using server = await startConfigured({
        ...config,
        chains: config.chains.map((chain) => ({ ...chain, deadlineMs: 50 })),
      });
      const answer = await post(`${server.url}/local`, JSON.stringify(call('state_getPairs')));
      return JSON.parse(answer.text).error.code;
    };
    expect(await ask('')).toBe(-32601);
    expect(await ask('      methods: { enabled: [{ name: state_getPairs }] }')).not.toBe(-32601);
  });

  it('serves other methods on another route of the same chain', async () => {
    const { proxy, ...config } = configure('{ ws: { url: "ws://127.0.0.1:1" } }');
    const methods = { enabled: ['state_getPairs'], disabled: ['system_chain', 'system_health'] };
    const routes = [...proxy.routes, { id: 'strict', chain: 'local', methods }];
    await using server = await startConfigured({
      proxy: { ...proxy, routes },
      ...config,
      chains: config.chains.map((chain) => ({ ...chain, deadlineMs: 50 })),
    });
    const ask = async (route: string, method: string) => {
      const answer = await post(`${server.url}/${route}`, JSON.stringify(call(method)));
      return JSON.parse(answer.text).error;
    };
    const disabled = (method: string) => ({
      code: -32601,
      message: `Method not available: ${method} is disabled on this balancer`,
    });
    expect(await ask('strict', 'system_chain')).toEqual(disabled('system_chain'));
    expect(await ask('strict', 'system_health')).toEqual(disabled('system_health'));
    expect((await ask('strict', 'state_getPairs')).code).not.toBe(-32601);
    expect(await ask('local', 'state_getPairs')).toEqual(disabled('state_getPairs'));
    expect((await ask('local', 'system_chain')).code).not.toBe(-32601);
  });

  it.each([1, 2, 4])('submits to as many upstreams as submit-width says: %i', async (width) => {
    const nodes = ['a', 'b', 'c', 'd'].map((id) => new SubstrateNode(id));
    const hosts = await Promise.all(nodes.map(serve));
    const [first, ...more] = hosts;
    const upstream = (host: string, i: number): string =>
      `    - { id: more-${i}, chain: local, connection: { polkadot: { rpc: { url: "http://${host}" } } } }`;
    const file = join(dir, 'dshackle.yaml');
    configure(`{ rpc: { url: "http://${first}" } }`);
    const defaults = `cluster:\n  defaults: [{ chains: [local], submit-width: ${width} }]`;
    const base = readFileSync(file, 'utf8').replace('cluster:', defaults);
    writeFileSync(file, `${base}${more.map(upstream).join('\n')}\n`);
    await using server = await startConfigured(loadConfig(file));
    const asked = (): number =>
      nodes.flatMap((node) =>
        node.asked.filter(({ method }) => method === 'author_submitExtrinsic'),
      ).length;
    const submit = async (): Promise<number> => {
      const before = asked();
      await post(
        `${server.url}/local`,
        JSON.stringify(call('author_submitExtrinsic', ['0x0c040000'])),
      );
      return asked() - before;
    };
    // Until all are connected.
    await expect.poll(submit, { timeout: 10_000 }).toBe(width);
    expect(await submit()).toBe(width);
  });

  it('leaves nothing running when it cannot listen', async () => {
    await using first = await startConfigured(configure('{ ws: { url: "ws://127.0.0.1:1" } }'));
    const config = configure('{ ws: { url: "ws://127.0.0.1:1" } }');
    await expect(
      startConfigured({ ...config, proxy: { ...config.proxy, port: first.port } }),
    ).rejects.toThrow('the port is in use');
  });
});
