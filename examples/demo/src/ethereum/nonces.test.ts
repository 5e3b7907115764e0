import { setTimeout as sleep } from 'node:timers/promises';
import { createBalancer } from '@dshackle/core';
import { chainId, devPhrase, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { EthProvider, eip1193, ethereum } from '@dshackle/eth-provider';
import { startServer } from '@dshackle/server';
import { HDNodeWallet, type JsonRpcApiProvider, Network, Wallet, WebSocketProvider } from 'ethers';
import { createWalletClient, custom, type Transport, webSocket } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';

const accounts = 10;
/** Transactions of each account, one after the other, of all accounts at once. */
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

function byViem(transport: Transport): Send {
  const chain = {
    id: chainId,
    name: 'devnet',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [] } },
  };
  const clients = Array.from({ length: accounts }, (_, addressIndex) =>
    createWalletClient({
      chain,
      account: mnemonicToAccount(devPhrase, { addressIndex }),
      transport,
    }),
  );
  return (account, to) =>
    (clients[account] as (typeof clients)[number]).sendTransaction({ to, value: 1n });
}

beforeAll(async () => {
  const devnet = open(await startEthDevnet({ nodes: 3, blockTimeMs: 500 }));
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
  const wallet = eip1193(inside.balancer);
  for (const provider of [inside, remote]) {
    open({ [Symbol.asyncDispose]: async () => provider.destroy() });
  }
  open({ [Symbol.asyncDispose]: async () => wallet.close() });
  await Promise.all([balancer.ready(), inside.balancer.ready()]);
  applications = [
    [byEthers(inside), [0, 1, 2]],
    [byEthers(remote), [3, 4, 5]],
    [byViem(webSocket(url)), [6, 7]],
    [byViem(custom(wallet)), [8, 9]],
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
    for (let sent = 0; sent < each; sent += 1) hashes.push(await send(account, to));
  };
  const reach = async (count: number): Promise<void> => {
    while (hashes.length < count) await sleep(20);
  };
  const killing = (async () => {
    await reach(300);
    // It makes the blocks.
    await leader.crash();
    await reach(700);
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
