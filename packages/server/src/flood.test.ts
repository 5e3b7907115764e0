import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliProcess } from './testing/cli-process.ts';
import { call, FrameClient, post } from './testing/clients.ts';

/** The process may not keep more than this: what V8 cannot free within its share kills it. */
const heapMib = 160;
/** Heap, buffers, code and what the allocator holds on to, generously. */
const residentMib = 400;

let dir: string;
let devnet: Devnet;
let cli: CliProcess;
let url: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dshackle-flood-'));
  devnet = await startDevnet({ nodes: 1, blockTimeMs: 0 });
  const file = join(dir, 'dshackle.yaml');
  writeFileSync(
    file,
    `proxy:
  port: 0
  limits: { buffer-size: 1mb }
  routes: [{ id: local, chain: local }]
chains: [{ id: local, family: substrate }]
cluster:
  upstreams:
    - { id: node, chain: local, connection: { polkadot: { ws: { url: "${devnet.nodes[0]!.wsUrl}" } } } }
`,
  );
  cli = new CliProcess(['--config', file, '--log-format', 'json'], {
    NODE_OPTIONS: `--max-old-space-size=${heapMib}`,
  });
  const listening = await cli.logged('listening');
  await cli.logged('chain can be served');
  url = `${listening.url}/local`;
}, 120_000);

afterAll(async () => {
  cli.kill('SIGKILL');
  await cli.finished;
  await devnet.close();
  rmSync(dir, { recursive: true });
});

const mib = 1024 * 1024;
/** Answered by the balancer itself: what is flooded here is the server. */
const own = (id: unknown = 1): object => call('chain_getBlockHash', [0], id);

/** So many of them, a few at a time. */
async function many(times: number, one: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < times) await one(next++);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

async function expectAnswers(): Promise<void> {
  const { text } = await post(url, JSON.stringify(own()));
  expect(JSON.parse(text)).toEqual({ jsonrpc: '2.0', id: 1, result: devnet.genesisHash });
}

describe('a server that is flooded', { timeout: 120_000 }, () => {
  it('with huge bodies still answers', async () => {
    const allowed = JSON.stringify(call('author_rotateKeys', ['x'.repeat(9 * mib)]));
    const garbage = '['.repeat(9 * mib);
    const tooLarge = ' '.repeat(11 * mib);
    // It may hang up on a body that it does not want to read to its end.
    await many(18, (i) => post(url, [allowed, garbage, tooLarge][i % 3]!).catch(() => {}));
    await expectAnswers();
  });

  it('with batches of thousands still answers', async () => {
    const items = Array.from({ length: 1000 }, (_, i) => own(i));
    const body = JSON.stringify(items);
    await many(60, async () => {
      const { text } = await post(url, body);
      expect(JSON.parse(text)).toHaveLength(1000);
    });
    const longer = JSON.stringify(Array.from({ length: 5000 }, (_, i) => own(i)));
    await many(20, async () => {
      expect((await post(url, longer)).text).toContain('"error"');
    });
    await expectAnswers();
  });

  it('by subscribers that do not read still answers', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => FrameClient.open(url)));
    for (const client of clients) {
      for (let i = 0; i < 50; i++) client.send(call('chain_subscribeNewHeads', [], i));
      client.webSocket.pause();
      // The id comes back with the answer: 19 MiB for each of them.
      const id = 'x'.repeat(64 * 1024);
      for (let i = 0; i < 300; i++) client.send(own(`${i} ${id}`));
    }
    await devnet.mine(5);
    await expectAnswers();
    for (const client of clients) client.webSocket.terminate();
    await Promise.all(clients.map(({ closed }) => closed));
    await expectAnswers();
  });

  it('with binary frames still answers', async () => {
    await many(40, async () => {
      const client = await FrameClient.open(url);
      for (let i = 0; i < 20; i++) client.webSocket.send(Buffer.alloc(64 * 1024, i));
      client.webSocket.terminate();
      await client.closed;
    });
    await expectAnswers();
  });

  it('with methods that nobody knows still answers', async () => {
    await many(40, async (batch) => {
      const items = Array.from({ length: 100 }, (_, i) => call(`no_such_${batch}_${i}`, [], i));
      const { text } = await post(url, JSON.stringify(items));
      expect(JSON.parse(text)).toHaveLength(100);
    });
    await expectAnswers();
  });

  it('with bad params still answers', async () => {
    const wrong: readonly unknown[] = [
      [],
      {},
      [null],
      [-1.5],
      [{}],
      ['zz'],
      ['0x12'],
      [[[[]]]],
      { __proto: 1 },
      ['x'.repeat(100_000)],
      [Array.from({ length: 10_000 }, () => 'zz')],
    ];
    const methods = [
      'state_getStorage',
      'state_queryStorageAt',
      'chain_getHeader',
      'system_accountNextIndex',
      'author_submitExtrinsic',
      'chainHead_v1_unpin',
      'transaction_v1_broadcast',
    ];
    const items = methods.flatMap((method) => wrong.map((params, i) => call(method, params, i)));
    const body = JSON.stringify(items);
    await many(40, async () => {
      const { text } = await post(url, body);
      expect(JSON.parse(text)).toHaveLength(items.length);
    });
    const subscribes = [
      'state_subscribeStorage',
      'chainHead_v1_follow',
      'author_submitAndWatchExtrinsic',
    ];
    await many(20, async () => {
      const client = await FrameClient.open(url);
      for (const method of subscribes) {
        for (const params of wrong)
          expect(await client.ask(call(method, params))).toContain('"error"');
      }
      client.webSocket.terminate();
      await client.closed;
    });
    await expectAnswers();
  });

  it('holds no more memory than it may, and ends as ever', async () => {
    const resident = execFileSync('ps', ['-o', 'rss=', '-p', String(cli.pid)], {
      encoding: 'utf8',
    });
    expect(Number(resident) / 1024).toBeLessThan(residentMib);
    cli.kill('SIGTERM');
    const { code, stderr } = await cli.finished;
    expect(stderr).not.toContain('something is still open');
    expect(code).toBe(0);
  });
});
