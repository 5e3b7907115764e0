import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

describe('the examples that embed the engine', () => {
  let devnet: Devnet;

  beforeAll(async () => {
    devnet = await startDevnet({ nodes: 2, blockTimeMs: 1_500 });
  }, 120_000);
  afterAll(() => devnet?.close());

  it.each(['embed-polkadot-js', 'embed-papi', 'embed-dedot'])(
    '%s follows finalized blocks, and ends',
    async (name) => {
      const script = fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url));
      const urls = devnet.nodes.map(({ wsUrl }) => wsUrl);
      const { stdout } = await run(process.execPath, [script, ...urls], { timeout: 80_000 });
      expect(stdout).toMatch(/^dshackle-devnet\n(finalized \d+\n){3}/);
    },
    90_000,
  );
});
