import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isBuilt, isInstalled, root, run } from './pnpm.mjs';

/* What `npm start` looks at to tell whether there is anything to set up. */

let folder: string;
const write = (path: string, text: string): void => writeFileSync(join(folder, path), text);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'set-up-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a workspace', () => {
  it('is installed when the packages are those of the lock file', () => {
    write('pnpm-lock.yaml', 'one');
    expect(isInstalled(folder)).toBe(false);
    mkdirSync(join(folder, 'node_modules/.pnpm'), { recursive: true });
    write('node_modules/.pnpm/lock.yaml', 'one');
    expect(isInstalled(folder)).toBe(true);
    write('pnpm-lock.yaml', 'two');
    expect(isInstalled(folder)).toBe(false);
  });

  it('is built until a source changes', async () => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const compilerOptions = { composite: true, outDir: 'dist', types: [] };
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['a.ts'] }));
    write('a.ts', 'export const a = 1;');
    expect(isBuilt(folder)).toBe(false);
    expect(await run('node', ['node_modules/typescript/bin/tsc', '-b', folder])).toBe(0);
    expect(isBuilt(folder)).toBe(true);
    write('a.ts', 'export const a = 2;');
    expect(isBuilt(folder)).toBe(false);
  });
});
