import { createBalancer } from '@dshackle/core';
import { chainId, devPhrase, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { EthProvider, ethereum } from '@dshackle/eth-provider';
import { startServer } from '@dshackle/server';
import { HDNodeWallet, type JsonRpcApiProvider, Network, Wallet, WebSocketProvider } from 'ethers';
import { createWalletClient, webSocket } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';

const accounts = 10;
const each = 100;
const resources: AsyncDisposable[] = [];
const open = <T extends AsyncDisposable>(resource: T): T => {
  resources.unshift(resource);
  return resource;
};

/** Sends a wei from the account with this number, and gives the transaction's hash. */
type Send = (account: number, to: `0x${string}`) => Promise<string>;

let nodes: readonly EthNode[];
let inside: EthProvider;
/** Each application, and the accounts that are its own. */
let applications: readonly (readonly [send: Send, accounts: readonly number[]])[];

function byEthers(provider: JsonRpcApiProvider): Send {
  const wallets = Array.from({ length: accounts }, (_, i) =>
    HDNodeWallet.fromPhrase(devPhrase, undefined, `m/44'/60'/0'/0/${i}`).connect(provider),
  );
  return async (account, to) =>
    (await (wallets[account] as HDNodeWallet).sendTransaction({ to, value: 1n })).hash;
}

function byViem(url: string): Send {
  const chain = {
    id: chainId,
    name: 'devnet',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  };
  const clients = Array.from({ length: accounts }, (_, addressIndex) =>
    createWalletClient({
      chain,
      account: mnemonicToAccount(devPhrase, { addressIndex }),
      transport: webSocket(url),
    }),
  );
  return (account, to) =>
    (clients[account] as (typeof clients)[number]).sendTransaction({ to, value: 1n });
}

beforeAll(async () => {
  const devnet = open(
    await startEthDevnet({
      nodes: 3,
      blockTimeMs: 500,
      log: (l) => {
        ((globalThis as any).TR ??= []).push(`LEVEL ${Math.round(performance.now())} ${l}`);
      },
    }),
  );
  nodes = devnet.nodes;
  const engine = {
    chain: ethereum({ id: 'devnet', chainId, blockTimeMs: 500 }),
    upstreams: nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
  };
  const balancer = open(createBalancer(engine));
  const server = open(await startServer({ routes: [{ id: 'ethereum', balancer }], port: 0 }));
  inside = new EthProvider(engine);
  const url = `${server.url.replace('http', 'ws')}/ethereum`;
  const network = Network.from(chainId);
  // By itself ethers gives out a nonce twice within 250 ms, before any node.
  const options = { staticNetwork: network, cacheTimeout: -1 };
  const remote = new WebSocketProvider(() => new WebSocket(url), network, options);
  for (const provider of [inside, remote]) {
    open({ [Symbol.asyncDispose]: async () => provider.destroy() });
  }
  await Promise.all([balancer.ready(), inside.balancer.ready()]);
  applications = [
    [byEthers(inside), [0, 1, 2, 3]],
    [byEthers(remote), [4, 5, 6]],
    [byViem(url), [7, 8, 9]],
  ];
}, 60_000);

afterAll(async () => {
  for (const resource of resources) await resource[Symbol.asyncDispose]();
}, 60_000);

it('a thousand transactions of ten accounts have no trouble about nonces while two nodes die', async () => {
  const to = Wallet.createRandom().address as `0x${string}`;
  const [leader, , other] = nodes as readonly [EthNode, EthNode, EthNode];
  const hashes: string[] = [];
  const run = async (send: Send, account: number): Promise<void> => {
    const w = HDNodeWallet.fromPhrase(
      devPhrase,
      undefined,
      `m/44'/60'/0'/0/${account}`,
    ).address.toLowerCase();
    for (let sent = 0; sent < each; sent += 1)
      hashes.push(
        await send(account, to).catch((e) => {
          console.error(
            `${Math.round(performance.now())} FAIL ${account} at ${sent}: ${e}\n` +
              (globalThis as any).TR.filter((l: string) => l.includes(w) || l.includes('LEVEL'))
                .slice(-30)
                .join('\n'),
          );
          throw e;
        }),
      );
  };
  const reach = async (count: number): Promise<void> => {
    while (hashes.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const killing = (async () => {
    await reach(300);
    // It makes the blocks.
    (globalThis as any).TR.push('LEVEL crash leader ' + performance.now());
    await leader.crash();
    await reach(700);
    (globalThis as any).TR.push('LEVEL crash other ' + performance.now());
    await other.crash();
  })();
  await Promise.all(
    applications.flatMap(([send, own]) => own.map((account) => run(send, account))),
  );
  await killing;
  expect(new Set(hashes).size).toBe(accounts * each);
  const receipts = await Promise.all(
    hashes.map((hash) => inside.waitForTransaction(hash, 1, 60_000)),
  );
  expect(receipts.filter((receipt) => receipt?.status !== 1)).toEqual([]);
  expect(await inside.getBalance(to)).toBe(BigInt(accounts * each));
}, 180_000);
