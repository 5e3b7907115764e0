import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import {
  HDNodeWallet,
  JsonRpcProvider,
  Network,
  NonceManager,
  type TransactionResponse,
  WebSocketProvider,
} from 'ethers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { loadConfig } from './config/load.ts';
import type { Server } from './server.ts';
import { startConfigured } from './start-configured.ts';
import { call, FrameClient, post } from './testing/clients.ts';

/*
 * The whole way: a file, a server, real nodes of which one dies, and a real client at each door.
 */

const bob = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const phrase = 'test test test test test test test test test test test junk';
const accounts = Array.from({ length: 5 }, (_, i) =>
  HDNodeWallet.fromPhrase(phrase, undefined, `m/44'/60'/0'/0/${i + 2}`),
);
/** For a busy machine. */
const patient = { timeout: 30_000 };
const network = Network.from(chainId);

let dir: string;
let devnet: EthDevnet;
let server: Server;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dshackle-ethereum-'));
  devnet = await startEthDevnet({ nodes: 3, blockTimeMs: 0 });
  await devnet.mine();
  const [a, b, c] = devnet.nodes as [EthNode, EthNode, EthNode];
  const file = join(dir, 'dshackle.yaml');
  writeFileSync(
    file,
    `proxy:
  port: 0
  limits: { batch-items: 100 }
  routes: [{ id: eth, blockchain: devnet }]
chains: [{ id: devnet, family: ethereum, chain-id: ${chainId}, block-time: 1s }]
cluster:
  upstreams:
    - { id: aaa, chain: devnet, connection: { ethereum: { ws: { url: "${a.wsUrl}" } } } }
    - { id: bbb, chain: devnet, connection: { ethereum: { rpc: { url: "${b.httpUrl}" } } } }
    - id: ccc
      chain: devnet
      connection: { ethereum: { rpc: { url: "${c.httpUrl}" }, ws: { url: "${c.wsUrl}" } } }
`,
  );
  server = await startConfigured(loadConfig(file));
}, 60_000);
afterAll(async () => {
  await server?.close();
  await devnet?.close();
  rmSync(dir, { recursive: true });
});

async function ask(method: string, params: unknown = []) {
  const { text } = await post(`${server.url}/eth`, JSON.stringify(call(method, params)));
  return JSON.parse(text);
}

describe.each(['HTTP', 'WebSocket'] as const)(
  'an Ethereum chain behind a server, by %s',
  (door) => {
    let provider: JsonRpcProvider | WebSocketProvider;

    beforeAll(() => {
      const url = `${server.url}/eth`;
      provider =
        door === 'HTTP'
          ? new JsonRpcProvider(url, network, { staticNetwork: network, cacheTimeout: -1 })
          : new WebSocketProvider(
              () => new WebSocket(url.replace('http', 'ws')) as never,
              network,
              { staticNetwork: network, cacheTimeout: -1 },
            );
    });
    afterAll(async () => {
      await provider.destroy();
    });

    it('answers reads as the nodes do', async () => {
      const { number, hash } = devnet.blocks.at(-1) as { number: number; hash: string };
      await expect.poll(() => provider.getBlockNumber(), patient).toBe(number);
      expect((await provider.getBlock('latest'))?.hash).toBe(hash);
      // Asked of each node after its best one, and believed once two agree.
      const final = async () => (await provider.getBlock('finalized'))?.number;
      await expect.poll(final, patient).toBe(Math.max(0, number - 2));
      const node = devnet.nodes.find(({ status }) => status === 'running') as EthNode;
      for (const [method, ...params] of [
        ['eth_getBlockByHash', hash, true],
        ['eth_getBalance', bob, 'latest'],
        ['eth_getTransactionCount', bob, '0x0'],
        ['eth_getBlockReceipts', 'latest'],
      ] as [string, ...unknown[]][]) {
        expect(await provider.send(method, params)).toEqual(await node.call(method, ...params));
      }
    });

    it('takes the transactions of several accounts while a node dies', async () => {
      const [victim] = devnet.nodes as [EthNode];
      const before = await provider.getBalance(bob);
      const sent: string[] = [];
      const signers = accounts.map((account) => account.connect(provider));
      for (let round = 0; round < 4; round += 1) {
        if (round === 2) await victim.crash();
        const responses = await Promise.all(
          signers.map((signer) =>
            signer.sendTransaction({ to: bob, value: 1n, gasLimit: 21_000n }),
          ),
        );
        sent.push(...responses.map(({ hash }) => hash));
      }
      await devnet.mine();
      const { number } = devnet.blocks.at(-1) as { number: number };
      await expect.poll(() => provider.getBlockNumber(), patient).toBe(number);
      const receipts = await Promise.all(sent.map((hash) => provider.getTransactionReceipt(hash)));
      expect(receipts.map((receipt) => receipt?.status)).toEqual(sent.map(() => 1));
      expect(await provider.getBalance(bob)).toBe(before + 20n);
      await victim.restart();
    }, 60_000);

    it('keeps count of nonces for a client of its own', async () => {
      const signer = new NonceManager((accounts[0] as HDNodeWallet).connect(provider));
      const sent: TransactionResponse[] = [];
      for (let i = 0; i < 10; i += 1) {
        sent.push(await signer.sendTransaction({ to: bob, value: 1n, gasLimit: 21_000n }));
      }
      await devnet.mine();
      await expect
        .poll(
          async () => (await provider.getTransactionReceipt(sent[9]?.hash ?? ''))?.status,
          patient,
        )
        .toBe(1);
    });

    it('passes on what nodes say of calls', async () => {
      // PUSH1 0 PUSH1 0 REVERT.
      const create = { data: '0x60006000fd' };
      await expect(provider.call(create)).rejects.toMatchObject({ code: 'CALL_EXCEPTION' });
      const poor = HDNodeWallet.createRandom().connect(provider);
      await expect(
        poor.sendTransaction({ to: bob, value: 1n, gasLimit: 21_000n, nonce: 0 }),
      ).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
    });
  },
);

it('an Ethereum chain has the same limits and refusals as any other', async () => {
  const client = await FrameClient.open(`${server.url}/eth`);
  const overWebSocket = async (message: unknown) => JSON.parse(await client.ask(message));
  for (const method of ['eth_sendTransaction', 'personal_sign', 'debug_traceCall']) {
    const error = {
      code: -32601,
      message: `Method not available: ${method} is disabled on this balancer`,
    };
    expect((await ask(method)).error).toEqual(error);
    expect((await overWebSocket(call(method))).error).toEqual(error);
  }
  const batch = [1, 2, 3].map((id) => call('eth_chainId', [], id));
  const answers = [1, 2, 3].map((id) => ({ jsonrpc: '2.0', id, result: '0x539' }));
  const posted = await post(`${server.url}/eth`, JSON.stringify(batch));
  expect(JSON.parse(posted.text)).toEqual(answers);
  expect(await overWebSocket(batch)).toEqual(answers);
  const tooMany = Array.from({ length: 101 }, (_, id) => call('eth_chainId', [], id));
  expect((await overWebSocket(tooMany)).error).toMatchObject({ code: -32010 });
  await client.close();
});
