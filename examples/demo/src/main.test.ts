import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageFolder, runNode } from './run-node.ts';

const main = join(packageFolder, 'dist/main.js');

it('loses nothing while nodes crash, hang and lag, and ends with 0', async () => {
  const run = runNode([main, '--once', '--port', '0', '--block-time', '1500']);
  const code = await run.exit;
  expect(run.output).toContain('Nothing was lost.');
  expect(run.output.match(/gaps 0, duplicates 0; calls [1-9]\d*, failed 0/g)).toHaveLength(4);
  expect(run.output).toContain('//Bob received 2 of 2 transfers.');
  expect(run.output).toContain('The receiver has 2 of 2 wei.');
  expect(code).toBe(0);
}, 240_000);

it('ends in order on Ctrl-C in the middle of it and leaves no process behind', async () => {
  const run = runNode([main, '--port', '0', '--block-time', '1500']);
  await run.saw('finalized heads reach');
  await run.saw('blocks reach');
  const nodePorts = [...run.output.matchAll(/before node-\d ws:\/\/127\.0\.0\.1:(\d+)/g)];
  expect(nodePorts).toHaveLength(6);
  run.kill('SIGINT');
  expect(await run.exit).toBe(0);
  for (const [, port] of nodePorts) {
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  }
}, 120_000);

it('names a bad option', async () => {
  const run = runNode([main, '--block-time', 'soon']);
  expect(await run.exit).toBe(2);
  expect(run.output).toContain('--block-time MS, at least 500');
});
