import { fileURLToPath } from 'node:url';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import {
  browserNeeds,
  bundlePage,
  hasBrowser,
  type OpenPage,
  openPage,
  type PageBundle,
} from '@dshackle/devnet/browser';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PageState } from './testing/browser-page.ts';

describe(`in a browser${browserNeeds}`, () => {
  let bundle: PageBundle;
  beforeAll(async () => {
    bundle = await bundlePage(fileURLToPath(new URL('testing/browser-page.ts', import.meta.url)));
  }, 120_000);

  it('the provider needs nothing of Node', () => {
    expect([...bundle.scripts.keys()]).toContain('page.js');
    expect(bundle.builtins).toEqual([]);
  });

  describe.skipIf(!hasBrowser)('over local nodes', () => {
    let devnet: Devnet;
    let opened: OpenPage;
    const state = (): Promise<PageState> => opened.page.evaluate(() => globalThis.dshackle);

    beforeAll(async () => {
      devnet = await startDevnet({ nodes: 2, blockTimeMs: 0 });
      const upstreams = devnet.nodes.map(({ wsUrl }) => wsUrl);
      opened = await openPage(bundle.scripts, { upstreams, heads: [] } satisfies PageState);
    }, 180_000);
    afterAll(async () => {
      await opened?.[Symbol.asyncDispose]();
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
