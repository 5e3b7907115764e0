import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

/** The files of a bundle. Fails when something is imported that the platform does not have. */
async function filesOf(entry: string, platform: 'browser' | 'node'): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    ...{ bundle: true, write: false, metafile: true, format: 'esm', logLevel: 'silent' },
    platform,
    conditions: ['@dshackle/source'],
  });
  return Object.keys(metafile.inputs);
}

const has = (files: readonly string[], part: string): boolean =>
  files.some((path) => path.includes(part));

describe('bundled for a browser', () => {
  it.each(['./index.ts', './eip1193.ts', './chain/index.ts'])('%s needs no Node', async (entry) => {
    const files = await filesOf(entry, 'browser');
    expect(files.length).toBeGreaterThan(10);
    for (const part of ['-node.ts', 'node_modules/ws/', 'node_modules/undici/']) {
      expect([part, has(files, part)]).toEqual([part, false]);
    }
  });

  it('the provider is told from one for Node, so that this test can fail', async () => {
    expect(has(await filesOf('./index.ts', 'node'), '-node.ts')).toBe(true);
  });

  it('only the provider of ethers has ethers in it', async () => {
    expect(has(await filesOf('./index.ts', 'browser'), '/ethers/')).toBe(true);
    expect(has(await filesOf('./eip1193.ts', 'browser'), '/ethers/')).toBe(false);
    expect(has(await filesOf('./chain/index.ts', 'browser'), '/ethers/')).toBe(false);
  });
});
