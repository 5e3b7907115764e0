import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CliProcess } from './testing/cli-process.ts';
import { call, FrameClient, post } from './testing/clients.ts';

let dir: string;
const running: CliProcess[] = [];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'dshackle-cli-'));
});
afterEach(async () => {
  for (const cli of running.splice(0)) {
    cli.kill('SIGKILL');
    await cli.finished;
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

function dshackle(args: readonly string[], env?: Readonly<Record<string, string>>): CliProcess {
  const cli = new CliProcess(args, env, dir);
  running.push(cli);
  return cli;
}

function write(name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

/** A configuration with these upstreams of one chain. */
function config(urls: readonly string[], { port = 0, proxy = '' } = {}): string {
  const upstreams = urls.map(
    (url, i) => `    - id: node-${i}
      chain: local
      connection: { polkadot: { ${url.startsWith('ws') ? 'ws' : 'rpc'}: { url: "${url}" } } }`,
  );
  return `proxy:
  port: ${port}
${proxy}
  routes: [{ id: local, chain: local }]
chains: [{ id: local, family: substrate }]
cluster:
  upstreams:
${upstreams.join('\n')}
`;
}

const dead = 'ws://127.0.0.1:1';

describe('dshackle', () => {
  it('says how it is used', async () => {
    const { code, stdout } = await dshackle(['--help']).finished;
    expect(code).toBe(0);
    for (const word of [
      'start',
      'validate FILE',
      'dump FILE',
      '--config',
      '/etc/dshackle/dshackle.yaml',
    ]) {
      expect(stdout).toContain(word);
    }
  });

  it('says its version', async () => {
    expect((await dshackle(['--version']).finished).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['serve'], 'dshackle: unknown command serve; allowed: start, validate, dump'],
    [['--verbose'], "dshackle: Unknown option '--verbose'"],
    [['start', 'a.yaml'], 'dshackle: unexpected a.yaml: use --config FILE'],
    [['validate'], 'dshackle: validate needs one FILE'],
    [['dump', 'a', 'b'], 'dshackle: dump needs one FILE'],
    [['--config', 'none.yaml'], 'none.yaml: there is no such file'],
    [['--log-format', 'xml', '-c', 'a'], 'dshackle: unknown log format xml; allowed: text, json'],
    [
      [],
      'dshackle: no configuration: neither /etc/dshackle/dshackle.yaml nor ./dshackle.yaml is there',
    ],
  ])('%j is refused with code 2', async (args, expected) => {
    const { code, stdout, stderr } = await dshackle(args).finished;
    expect(stderr).toContain(expected);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('validate says that a configuration is valid', async () => {
    const file = write('good.yaml', config([dead]));
    const { code, stdout } = await dshackle(['validate', file]).finished;
    expect(stdout).toBe(`${file} is valid: 1 chain, 1 upstream, 1 route\n`);
    expect(code).toBe(0);
  });

  it('validate and start say all that is wrong, with code 2, and start nothing', async () => {
    const file = write('bad.yaml', config(['ftp://x'], { proxy: '  prot: 1' }));
    for (const args of [
      ['validate', file],
      ['start', '--config', file],
    ]) {
      const { code, stderr } = await dshackle(args).finished;
      expect(stderr.split('\n')).toEqual([
        expect.stringMatching(
          /bad\.yaml:3:3: proxy\.prot: unknown key; .* \(did you mean port\?\)$/,
        ),
        expect.stringContaining('allowed: a URL that starts with http:// or https://'),
        '',
      ]);
      expect(code).toBe(2);
    }
  });

  it('dump prints what takes effect, without a credential', async () => {
    const file = write(
      'secrets.yaml',
      `${config([])}    - id: secret
      chain: local
      connection:
        polkadot:
          rpc:
            url: https://user:\${SECRET}@one.example:8443/\${SECRET}?key=\${SECRET}
          ws:
            url: wss://two.example
            basic-auth: { username: secret, password: "\${SECRET}" }
            headers: { X-Key: "\${SECRET}" }
    - id: token
      chain: local
      connection: { polkadot: { ws: { url: wss://three.example, bearer-auth: { token: secret } } } }
`,
    );
    const { code, stdout } = await dshackle(['dump', file], { SECRET: 'hunter2' }).finished;
    expect(code).toBe(0);
    expect(stdout).not.toContain('hunter2');
    expect(stdout.match(/secret/g)).toEqual(['secret']); // the upstream's id
    expect(stdout).toContain('url: https://<redacted>@one.example:8443/<redacted>');
    expect(stdout).toContain('X-Key: <redacted>');
    expect(stdout).toContain('body-size: 10485760');
    const again = write('dumped.yaml', stdout);
    expect((await dshackle(['validate', again]).finished).code).toBe(0);
  });

  it('says that the port is in use, with code 1', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const file = write('port.yaml', config([dead], { port }));
    const { code, stderr } = await dshackle(['--config', file]).finished;
    expect(stderr).toContain(`dshackle: cannot listen on 127.0.0.1:${port}: the port is in use`);
    expect(code).toBe(1);
    await new Promise((resolve) => taken.close(resolve));
  });

  it('starts with nothing but a dead upstream, says so to callers, and ends', async () => {
    const file = write('dshackle.yaml', config([dead]));
    const cli = dshackle(['--log-format', 'json']);
    const { url } = await cli.logged('listening');
    const root = await fetch(String(url));
    expect(await root.json()).toMatchObject({ routes: [{ path: '/local', available: false }] });
    cli.kill('SIGINT');
    const { code, stderr } = await cli.finished;
    expect(stderr).not.toContain('something is still open');
    expect(code).toBe(0);
    rmSync(file);
  });

  it('outlives the reader of its log', async () => {
    const cli = dshackle(['--config', write('log.yaml', config([dead])), '--log-format', 'json']);
    const { url } = await cli.logged('listening');
    cli.stopReadingLog();
    cli.kill('SIGTERM');
    expect((await cli.finished).code).toBe(0);
    await expect(fetch(String(url))).rejects.toThrow();
  });
});

describe('dshackle before real nodes', () => {
  let devnet: Devnet;
  beforeAll(async () => {
    devnet = await startDevnet({ nodes: 2, blockTimeMs: 0 });
    await devnet.mine(2);
  }, 120_000);
  afterAll(() => devnet.close());

  /** Serves both nodes and a dead one; resolves with the route's URL once it can. */
  async function serve(proxy = ''): Promise<{ cli: CliProcess; url: string }> {
    const [one, two] = devnet.nodes;
    const file = write('nodes.yaml', config([dead, one!.wsUrl, two!.httpUrl], { proxy }));
    const cli = dshackle(['start', '--config', file, '--log-format', 'json']);
    const { url } = await cli.logged('listening');
    await cli.logged('chain can be served');
    return { cli, url: `${url}/local` };
  }

  it('serves single calls, batches and an application, a dead upstream or not', async () => {
    const { cli, url } = await serve();
    const single = await post(url, JSON.stringify(call('chain_getBlockHash', [0])));
    expect(JSON.parse(single.text)).toEqual({ jsonrpc: '2.0', id: 1, result: devnet.genesisHash });
    const batch = await post(
      url,
      JSON.stringify([call('chain_getBlockHash', [1], 'a'), call('no_such_method', [], 'b')]),
    );
    expect(JSON.parse(batch.text)).toMatchObject([{ id: 'a' }, { id: 'b', error: {} }]);

    const provider = new WsProvider(url.replace('http', 'ws'));
    // Its own class does not fit its own interface under exactOptionalPropertyTypes.
    const options = { provider, noInitWarn: true } as ApiOptions;
    const api = await ApiPromise.create(options);
    const numbers: number[] = [];
    const unsubscribe = await api.rpc.chain.subscribeNewHeads((header) => {
      numbers.push(header.number.toNumber());
    });
    await devnet.mine(1);
    await expect.poll(() => numbers.at(-1), { timeout: 20_000 }).toBe(devnet.head.number);
    unsubscribe();
    await api.disconnect();
    cli.kill('SIGTERM');
    expect((await cli.finished).code).toBe(0);
  });

  it('lets a call finish that is under way at SIGTERM, and closes WebSockets with 1012', async () => {
    const { cli, url } = await serve();
    const client = await FrameClient.open(url);
    await client.ask(call('chain_subscribeNewHeads'));
    await client.next();
    for (const node of devnet.nodes) node.freeze();
    const pending = post(url, JSON.stringify(call('system_version')));
    client.send(call('system_version', [], 'ws'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    cli.kill('SIGTERM');
    await cli.logged('draining');
    await expect(FrameClient.open(url)).rejects.toThrow();
    for (const node of devnet.nodes) node.thaw();

    expect(JSON.parse((await pending).text)).toMatchObject({ id: 1, result: expect.any(String) });
    expect(JSON.parse(await client.next())).toMatchObject({ id: 'ws', result: expect.any(String) });
    expect((await client.closed).code).toBe(1012);
    const { code, stderr } = await cli.finished;
    expect(stderr).not.toContain('something is still open');
    expect(code).toBe(0);
  });

  it('gives up calls that outlast the drain time', async () => {
    const { cli, url } = await serve('  drain-timeout: 200ms');
    for (const node of devnet.nodes) node.freeze();
    const pending = post(url, JSON.stringify(call('system_version')));
    await new Promise((resolve) => setTimeout(resolve, 100));
    cli.kill('SIGTERM');
    expect(JSON.parse((await pending).text)).toMatchObject({ error: { code: -32054 } });
    expect((await cli.finished).code).toBe(0);
    for (const node of devnet.nodes) node.thaw();
  });

  it('ends at once at the second signal', async () => {
    const { cli, url } = await serve();
    for (const node of devnet.nodes) node.freeze();
    const hungUp = expect(post(url, JSON.stringify(call('system_version')))).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 100));
    cli.kill('SIGTERM');
    await cli.logged('draining');
    cli.kill('SIGTERM');
    expect((await cli.finished).code).toBe(1);
    await hungUp;
    for (const node of devnet.nodes) node.thaw();
  });
});
