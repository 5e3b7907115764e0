import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

it('tells of every block once, in order, while a node dies, and ends', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [main], { timeout: 60_000 });
  const heights = [...stdout.matchAll(/^block (\d+): /gm)].map(([, height]) => Number(height));
  const [first = 0] = heights;
  expect(heights).toEqual(Array.from({ length: 10 }, (_, i) => first + i));
  expect(stdout).toContain('node-1 is killed');
  expect(stdout).toMatch(/^node-2 answered [1-9]\d* calls, and serves$/m);
  expect(stdout).toContain('moved 2 of 2 ether');
}, 90_000);
