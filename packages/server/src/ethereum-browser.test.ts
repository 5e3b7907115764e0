import { fileURLToPath } from 'node:url';
import { type Balancer, createBalancer } from '@dshackle/core';
import {
  browserNeeds,
  bundlePage,
  hasBrowser,
  type OpenPage,
  openPage,
  type PageBundle,
} from '@dshackle/devnet/browser';
import { chainId, type EthDevnet, startEthDevnet } from '@dshackle/devnet/ethereum';
import { ethereum } from '@dshackle/eth-provider/chain';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Server, startServer } from './server.ts';
import type { EthereumPageState } from './testing/ethereum-page.ts';

/** One that every Anvil gives money to. */
const account = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';

describe(`Ethereum in a browser${browserNeeds}`, () => {
  let bundle: PageBundle;
  beforeAll(async () => {
    const path = fileURLToPath(new URL('testing/ethereum-page.ts', import.meta.url));
    bundle = await bundlePage(path);
  }, 120_000);

  it('the providers need nothing of Node', () => {
    expect([...bundle.scripts.keys()]).toContain('page.js');
    expect(bundle.builtins).toEqual([]);
  });

  describe.skipIf(!hasBrowser)('by way of a server over real nodes', () => {
    let devnet: EthDevnet;
    let balancer: Balancer;
    let server: Server;
    let opened: OpenPage;
    const state = (): Promise<EthereumPageState> =>
      opened.page.evaluate(
        () => (globalThis as unknown as { dshackle: EthereumPageState }).dshackle,
      );

    beforeAll(async () => {
      devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
      await devnet.mine();
      balancer = createBalancer({
        chain: ethereum({ chainId, blockTimeMs: 1000 }),
        upstreams: devnet.nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
      });
      server = await startServer({ port: 0, routes: [{ id: 'eth', balancer }] });
      await balancer.ready();
      const upstreams = [`${server.url.replace('http', 'ws')}/eth`];
      const given: EthereumPageState = { upstreams, chainId, account, byEthers: [], byViem: [] };
      opened = await openPage(bundle.scripts, given);
    }, 180_000);
    afterAll(async () => {
      await opened?.[Symbol.asyncDispose]();
      await server?.close();
      await balancer?.close();
      await devnet?.close();
    });

    it('ethers and viem read, and hear of every block, also when a node dies', async () => {
      const balance = BigInt(
        await devnet.nodes[1]!.call<string>('eth_getBalance', account, 'latest'),
      );
      await vi.waitFor(async () => {
        const { error, balances } = await state();
        expect(error).toBeUndefined();
        expect(balances).toEqual([`${balance}`, `${balance}`]);
      }, 30_000);
      await vi.waitFor(async () => expect((await state()).byViem).not.toEqual([]), 30_000);
      const mine = async (): Promise<void> => {
        await devnet.mine();
        const { number } = devnet.blocks.at(-1)!;
        await vi.waitFor(async () => {
          const { byEthers, byViem } = await state();
          expect([byEthers.at(-1), byViem.at(-1)]).toEqual([number, number]);
        }, 20_000);
      };
      await mine();
      await devnet.nodes[0]!.crash();
      for (let i = 0; i < 3; i += 1) await mine();
      const { byEthers, byViem, error } = await state();
      expect(error).toBeUndefined();
      for (const heard of [byEthers, byViem]) {
        expect(heard.length).toBeGreaterThan(3);
        expect(heard).toEqual(heard.map((_, i) => heard[0]! + i));
      }
    }, 120_000);
  });
});
