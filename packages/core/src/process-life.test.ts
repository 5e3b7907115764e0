import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const core = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const testing = fileURLToPath(new URL('../dist/testing/index.js', import.meta.url));

/** Runs a program in a process of its own, with nothing else to keep that alive. */
async function run(program: string): Promise<string> {
  const text = `import { createBalancer } from ${JSON.stringify(core)};
import { fakeChain } from ${JSON.stringify(testing)};
const balancer = createBalancer({
  chain: fakeChain(),
  upstreams: ['http://127.0.0.1:1', 'ws://127.0.0.1:1'],
  policy: { upstreamWaitMs: 500 },
});
${program}`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', text],
    { timeout: 25_000 },
  );
  return stdout.trim();
}

it('a process does not end in silence while a call waits for a node', async () => {
  const said = await run(`
    await balancer.request('local').catch(({ code }) => console.log(code));
    await balancer.close();`);
  expect(said).toBe('no eligible upstream');
});

it('a process ends when the engine in it is closed', async () => {
  const said = await run(`
    balancer.request('local').catch(({ code }) => console.log(code));
    setTimeout(() => balancer.close(), 50);`);
  expect(said).toBe('closed');
});
