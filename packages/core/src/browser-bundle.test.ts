import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const entry = fileURLToPath(new URL('./index.ts', import.meta.url));

/** Everything that a bundle of the whole entry point imports, resolved or not. */
async function importsOf(platform: 'browser' | 'node'): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform,
    conditions: ['@dshackle/source'],
    logLevel: 'silent',
    // An unresolved built-in would end the build: it is to be found in the list instead.
    external: [...builtinModules, ...builtinModules.map((name) => `node:${name}`)],
  });
  const inputs = Object.entries(metafile.inputs);
  return inputs.flatMap(([path, input]) => [path, ...input.imports.map(({ path }) => path)]);
}

/** Those that a browser does not have. */
function nodeOnly(imports: readonly string[]): string[] {
  const builtins = new Set(builtinModules);
  return imports.filter(
    (path) =>
      path.startsWith('node:') ||
      builtins.has(path) ||
      /node_modules\/(?:.*\/)?(?:ws|undici)\//.test(path) ||
      path.includes('-node.ts'),
  );
}

describe('the package, bundled for a browser', () => {
  it('imports nothing that only Node has', async () => {
    const imports = await importsOf('browser');
    expect(imports.some((path) => path.endsWith('transport/platform/socket-web.ts'))).toBe(true);
    expect(imports.some((path) => path.endsWith('transport/platform/fetcher-web.ts'))).toBe(true);
    expect(nodeOnly(imports)).toEqual([]);
  });

  it('is told from one for Node, so that this test can fail', async () => {
    const found = nodeOnly(await importsOf('node'));
    for (const name of ['socket-node.ts', 'fetcher-node.ts', '/ws/', '/undici/', 'node:']) {
      expect(found.some((path) => path.includes(name))).toBe(true);
    }
  });
});
