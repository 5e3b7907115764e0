import { type Balancer, createBalancer } from '@dshackle/core';
import { type FaultProxy, startFaultProxy } from '@dshackle/devnet';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { HDNodeWallet, keccak256 } from 'ethers';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ethereum } from './ethereum.ts';

const bob = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const alice = HDNodeWallet.fromPhrase(
  'test test test test test test test test test test test junk',
  undefined,
  "m/44'/60'/0'/0/0",
);

let devnet: EthDevnet;
let proxies: FaultProxy[];
let balancer: Balancer;
let nonce = 0;

const nodeAt = (index: number): EthNode => devnet.nodes[index] as EthNode;
const serving = (): string[] =>
  balancer
    .snapshot()
    .upstreams.filter(({ reason }) => reason === undefined)
    .map(({ id }) => id);

/** Cuts the ways to all nodes but these, or opens them again, and waits until that is noticed. */
async function only(...indices: number[]): Promise<void> {
  proxies.forEach((proxy, i) => {
    proxy.setLatency(0);
    proxy.refuse(!indices.includes(i));
    if (!indices.includes(i)) proxy.cut();
  });
  await expect.poll(serving, { timeout: 30_000 }).toEqual(indices.map((i) => `node-${i + 1}`));
}

/** The next transfer of the account. */
async function transfer(): Promise<{ readonly raw: string; readonly hash: string }> {
  const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n };
  const fields = { type: 2, chainId, nonce, to: bob, value: 1n, gasLimit: 21_000n, ...fees };
  nonce += 1;
  const raw = await alice.signTransaction(fields);
  return { raw, hash: keccak256(raw) };
}

const pendingNonce = async (options = {}): Promise<number> =>
  Number(await balancer.request('eth_getTransactionCount', [alice.address, 'pending'], options));

beforeAll(async () => {
  devnet = await startEthDevnet({ nodes: 3, blockTimeMs: 0 });
  proxies = await Promise.all(devnet.nodes.map(({ wsUrl }) => startFaultProxy({ target: wsUrl })));
  balancer = createBalancer({
    chain: ethereum({ chainId, blockTimeMs: 1000 }),
    upstreams: proxies.map(({ wsUrl }, i) => ({ id: `node-${i + 1}`, transport: wsUrl })),
  });
  await devnet.mine();
}, 60_000);
beforeEach(() => only(0, 1, 2), 60_000);
afterAll(async () => {
  await balancer?.close();
  await Promise.all((proxies ?? []).map((proxy) => proxy.close()));
  await devnet?.close();
});

it('a raw transaction reaches several pools, and is a success again while they have it', async () => {
  const { raw, hash } = await transfer();
  expect(await balancer.request('eth_sendRawTransaction', [raw])).toBe(hash);
  for (const node of devnet.nodes) {
    await expect
      .poll(() => node.call('eth_getTransactionByHash', hash))
      .toMatchObject({ hash, blockHash: null });
  }
  expect(await balancer.request('eth_sendRawTransaction', [raw])).toBe(hash);
  await devnet.mine();
  await expect(balancer.request('eth_sendRawTransaction', [raw])).rejects.toThrow(/nonce too low/i);
});

it('a nonce counts what the session submitted, though its node is gone', async () => {
  await only(0);
  const session = balancer.session();
  const { raw, hash } = await transfer();
  expect(await balancer.request('eth_sendRawTransaction', [raw], { session })).toBe(hash);
  await only(1, 2);
  expect(await pendingNonce({ session })).toBe(nonce);
  expect(await pendingNonce()).toBe(nonce - 1);
  const mined = ['eth_getTransactionCount', [alice.address, 'latest'], { session }] as const;
  expect(Number(await balancer.request(...mined))).toBe(nonce - 1);
  await devnet.mine();
  await expect.poll(() => pendingNonce()).toBe(nonce);
});

it('a transaction is found in a block when its node dies before it answers', async () => {
  await only(0);
  const [proxy] = proxies as [FaultProxy];
  const { raw, hash } = await transfer();
  // What is sent arrives; the answers do not.
  proxy.setLatency(600_000);
  const sent = balancer.request('eth_sendRawTransaction', [raw]);
  await expect.poll(() => nodeAt(0).call('eth_getTransactionByHash', hash)).toMatchObject({ hash });
  await only(1, 2);
  await devnet.mine();
  expect(await sent).toBe(hash);
}, 60_000);

it('a transaction is found in a pool when its node dies before it answers', async () => {
  await only(0);
  const [proxy] = proxies as [FaultProxy];
  const { raw, hash } = await transfer();
  proxy.setLatency(600_000);
  const sent = balancer.request('eth_sendRawTransaction', [raw]);
  await expect.poll(() => nodeAt(0).call('eth_getTransactionByHash', hash)).toMatchObject({ hash });
  await nodeAt(1).call('eth_sendRawTransaction', raw);
  await only(1, 2);
  expect(await sent).toBe(hash);
  await devnet.mine();
}, 60_000);

it('a transaction of which nobody knows is told as unknown, with its hash', async () => {
  await only(0);
  const [proxy] = proxies as [FaultProxy];
  const { raw, hash } = await transfer();
  nonce -= 1;
  proxy.blackHole(true);
  const sent = balancer.request('eth_sendRawTransaction', [raw], { deadlineMs: 4_000 });
  await expect(sent).rejects.toMatchObject({ code: 'unknown outcome', hash });
  proxy.blackHole(false);
}, 60_000);
