import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { freePorts } from './free-ports.ts';
import { pathOf, textOf } from './repository.ts';

// A node starts in seconds, and in many more where others use the machine as well.
vi.setConfig({ testTimeout: 180_000 });

const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), 'dshackle-example-'));

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process of the example, as its container would run it, and all that it printed. */
function start(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [pathOf(file), ...args], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'fatal', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += String(data);
    });
  }
  return {
    child,
    get output() {
      return output;
    },
    /** Waits until it printed this so often. */
    async printed(what: RegExp, times = 1): Promise<void> {
      const enough = (): void => {
        const found = output.match(what)?.length ?? 0;
        if (found < times) throw new Error(`${file}: ${found} of ${times} ${what} in\n${output}`);
      };
      await vi.waitFor(enough, { timeout: 90_000, interval: 100 });
    },
    async stop(): Promise<unknown> {
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      return code;
    },
  };
}

it('goes on without the node that built the blocks, and takes it back', async () => {
  const [rpc1, rpc2, peer1, peer2, port] = (await freePorts(5)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const peers = [peer1, peer2].map((peer) => `http://127.0.0.1:${peer}`);
  const startNode = (index: 0 | 1) =>
    start('examples/docker/node.mjs', [], {
      NODES: peers.join(' '),
      SELF: peers[index]!,
      RPC_PORT: String(index === 0 ? rpc1 : rpc2),
      BLOCK_TIME_MS: '1500',
    });
  const config = join(folder, 'dshackle.yaml');
  writeFileSync(
    config,
    textOf('examples/docker/dshackle.yaml')
      .replace('host: 0.0.0.0', 'host: 127.0.0.1')
      .replace('port: 8080', `port: ${port}`)
      .replaceAll('node-1:9944', `127.0.0.1:${rpc1}`)
      .replaceAll('node-2:9944', `127.0.0.1:${rpc2}`),
  );

  const first = startNode(0);
  const second = startNode(1);
  await Promise.all([first.printed(/serves/g), second.printed(/serves/g)]);
  const balancer = start('packages/server/dist/cli.js', ['--config', config]);
  await balancer.printed(/upstream serves/g, 2);
  const client = start('examples/docker/client.mjs', [], {
    DSHACKLE_URL: `http://127.0.0.1:${port}`,
  });
  await client.printed(/^best/gm, 2);

  expect(await first.stop()).toBe(0);
  await second.printed(/built/g, 2);
  await client.printed(/^best/gm, 5);

  const returned = startNode(0);
  await returned.printed(/built/g, 2);
  expect(await second.stop()).toBe(0);
  await client.printed(/^best/gm, 9);

  expect(client.output).not.toMatch(/FAILED|NOT IN ORDER/);
  expect(await balancer.stop()).toBe(0);
});
