import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDevnet } from '@dshackle/devnet';
import { expect, it } from 'vitest';
import { rootFolder, runNode } from './run-node.ts';

const readme = await readFile(join(rootFolder, 'README.md'), 'utf8');

/** The first code block of that language in the README. */
function block(language: string): string {
  const found = readme.match(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``))?.[1];
  if (found === undefined) throw new Error(`the README has no ${language} block`);
  return found;
}

it('has a library example of ten lines that follows two real nodes', async () => {
  const example = block('js');
  expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
  await using devnet = await startDevnet({ nodes: 2, blockTimeMs: 1000 });
  const [one, two] = devnet.nodes;
  const here = example
    .replace('ws://127.0.0.1:9944', String(one?.wsUrl))
    .replace('ws://127.0.0.1:9945', String(two?.wsUrl));
  const run = runNode(['--input-type=module', '-'], here);
  await run.saw('finalized');
  await one?.crash();
  const next = devnet.head.number + 1;
  await run.saw(`finalized ${next}`);
  expect(await run.exit).toBe(0);
}, 90_000);

it('has a configuration that is valid', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dshackle-readme-'));
  try {
    const file = join(folder, 'dshackle.yaml');
    await writeFile(file, block('yaml'));
    const run = runNode([join(rootFolder, 'packages/server/dist/cli.js'), 'validate', file]);
    const code = await run.exit;
    expect(run.output).not.toContain('error');
    expect(code).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});
