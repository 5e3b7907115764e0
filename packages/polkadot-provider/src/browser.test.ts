import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { isBuiltin } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build, defaultClientConditions } from 'vite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PageState } from './testing/browser-page.ts';

const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const hasChromium = existsSync(chromiumPath);
const needed = hasChromium ? '' : ` (skipped: install chromium, or set CHROMIUM to its path)`;

const packages = fileURLToPath(new URL('../..', import.meta.url));
/** Node built-ins that our own modules import, and which of them do. */
const builtins: string[] = [];

/** The page's script, built as an application would build it. */
async function bundle(): Promise<ReadonlyMap<string, string>> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    root: fileURLToPath(new URL('..', import.meta.url)),
    resolve: { conditions: ['@dshackle/source', ...defaultClientConditions] },
    plugins: [
      {
        name: 'find-builtins',
        enforce: 'pre',
        resolveId(source, importer) {
          const isOurs = importer?.startsWith(packages) && !importer.includes('node_modules');
          if (isOurs && isBuiltin(source)) builtins.push(`${source} by ${importer}`);
        },
      },
    ],
    build: {
      write: false,
      minify: false,
      rolldownOptions: {
        input: { page: fileURLToPath(new URL('testing/browser-page.ts', import.meta.url)) },
        output: { entryFileNames: '[name].js' },
      },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  const files = outputs.flatMap((output) => ('output' in output ? output.output : []));
  return new Map(
    files.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file.code]] : [])),
  );
}

describe(`in a browser${needed}`, () => {
  let scripts: ReadonlyMap<string, string>;
  beforeAll(async () => {
    scripts = await bundle();
  }, 120_000);

  it('the provider needs nothing of Node', () => {
    expect([...scripts.keys()]).toContain('page.js');
    expect(builtins).toEqual([]);
  });

  describe.skipIf(!hasChromium)('over local nodes', () => {
    let devnet: Devnet;
    let browser: Browser;
    let page: Page;
    const server = createServer(({ url = '/' }, response) => {
      const script = scripts.get(url.slice(1));
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
      response.end(script ?? '<!doctype html><script type="module" src="/page.js"></script>');
    });
    const state = (): Promise<PageState> => page.evaluate(() => globalThis.dshackle);

    beforeAll(async () => {
      devnet = await startDevnet({ nodes: 2, blockTimeMs: 0 });
      browser = await chromium.launch({
        executablePath: chromiumPath,
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      page = await browser.newPage();
      await page.addInitScript(
        (upstreams) => {
          globalThis.dshackle = { upstreams, heads: [] };
        },
        devnet.nodes.map(({ wsUrl }) => wsUrl),
      );
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    }, 180_000);
    afterAll(async () => {
      await browser?.close();
      server.close();
      await devnet?.close();
    });

    it('ApiPromise hears of every head, also when a node dies', async () => {
      await vi.waitFor(async () => {
        const { error, genesisHash } = await state();
        expect(error).toBeUndefined();
        expect(genesisHash).toBe(devnet.genesisHash);
      }, 30_000);
      const mine = async (): Promise<void> => {
        await devnet.mine();
        const { number } = devnet.head;
        await vi.waitFor(async () => expect((await state()).heads.at(-1)).toBe(number), 20_000);
      };
      await vi.waitFor(async () => expect((await state()).heads).not.toEqual([]), 10_000);
      await mine();
      await devnet.nodes[0]!.crash();
      await mine();
      await mine();
      const { heads } = await state();
      expect(heads).toEqual(heads.map((_, i) => heads[0]! + i));
      expect(heads.length).toBeGreaterThan(3);
    }, 120_000);
  });
});
