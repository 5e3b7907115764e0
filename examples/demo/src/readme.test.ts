import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeBlock } from './documents.ts';
import { rootFolder, runNode } from './run-node.ts';

describe('what the documents show as a program', () => {
  let devnet: Devnet;

  beforeAll(async () => {
    devnet = await startDevnet({ nodes: 2, blockTimeMs: 1000 });
  }, 90_000);

  afterAll(() => devnet?.close());

  /** Runs a document's program before our nodes instead of the reader's. */
  async function run(file: string): Promise<ReturnType<typeof runNode>> {
    const [one, two] = devnet.nodes;
    const program = (await codeBlock(file, 'js'))
      .replace('ws://127.0.0.1:9944', String(one?.wsUrl))
      .replace('ws://127.0.0.1:9945', String(two?.wsUrl));
    return runNode(['--input-type=module', '-'], program);
  }

  it('docs/getting-started.md says which upstream serves, and ends', async () => {
    const started = await run('docs/getting-started.md');
    expect(await started.exit).toBe(0);
    expect(started.output).toMatch(/block \d+\n/);
    expect(started.output).toMatch(/upstream-1: block \d+, [\d.]+ ms, serves/);
  }, 60_000);

  it('README.md follows two nodes in ten lines, one of which dies', async () => {
    const program = await codeBlock('README.md', 'js');
    expect(program.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
    const started = await run('README.md');
    await started.saw('finalized');
    await devnet.nodes[0]?.crash();
    await started.saw(`finalized ${devnet.head.number + 1}`);
    expect(await started.exit).toBe(0);
  }, 60_000);
});

describe('what the documents show as a configuration', () => {
  it.each([
    'README.md',
    'docs/getting-started.md',
    'docs/configuration.md',
    'docs/polkadot.md',
    'docs/ethereum.md',
  ])('%s is valid', async (file) => {
    const folder = await mkdtemp(join(tmpdir(), 'dshackle-docs-'));
    try {
      const config = join(folder, 'dshackle.yaml');
      await writeFile(config, await codeBlock(file, 'yaml'));
      const cli = join(rootFolder, 'packages/server/dist/cli.js');
      const checked = runNode([cli, 'validate', config], '', { RPC_TOKEN: 'secret' });
      const code = await checked.exit;
      expect({ code, output: checked.output }).toMatchObject({ code: 0 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
