import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, devPhrase, HardhatNode } from '@dshackle/devnet/ethereum';
import { HDNodeWallet } from 'ethers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ethereum } from './chain/ethereum.ts';
import { EthProvider } from './eth-provider.ts';
import { subscribe } from './testing/subscriber.ts';

let nodes: readonly [HardhatNode, HardhatNode];
let balancer: Balancer;
let provider: EthProvider;
const rich = HDNodeWallet.fromPhrase(devPhrase);

/** A block that both nodes make alike. */
async function mine(): Promise<void> {
  for (const node of nodes) await node.mine();
}

beforeAll(async () => {
  nodes = [await HardhatNode.start('one'), await HardhatNode.start('other')];
  balancer = createBalancer({
    chain: ethereum({ id: 'hardhat', chainId, blockTimeMs: 1000 }),
    upstreams: nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
  });
  provider = new EthProvider(balancer);
  await mine();
  const isServing = (): boolean =>
    balancer.snapshot().upstreams.every(({ reason }) => reason === undefined);
  await vi.waitUntil(isServing, { timeout: 20_000 });
}, 60_000);

afterAll(async () => {
  await provider?.destroy();
  await balancer?.close();
  for (const node of nodes ?? []) await node.crash();
});

describe('two Hardhat nodes behind one engine', () => {
  it('are one chain, whose header hashes are computed', async () => {
    const [one, other] = await Promise.all(
      nodes.map((node) => node.call<{ hash: string }>('eth_getBlockByNumber', '0x1', false)),
    );
    expect(one?.hash).toBe(other?.hash);
    await expect.poll(() => balancer.head.best?.hash).toBe(one?.hash);
  });

  it('give ids that collide, which no client sees', async () => {
    const own = await Promise.all(nodes.map((node) => node.call<string>('eth_newBlockFilter')));
    expect(own[0]).toBe(own[1]);
    const hashes = await subscribe<string>(balancer, 'newPendingTransactions');
    // A node's own words, of what it does not know.
    await expect(subscribe(balancer, 'newPendingTransactions', true)).rejects.toThrow(
      'expected struct LogFilterOptions',
    );
    const heads = await subscribe<{ hash: string }>(balancer, 'newHeads');
    expect(heads.id).not.toBe(hashes.id);
    for (const { id } of [hashes, heads]) expect(id).toMatch(/^[A-Za-z0-9]{16}$/);
    const sent = await rich.connect(provider).sendTransaction({
      ...{ to: rich.address, value: 1n, gasLimit: 21_000n, nonce: 0 },
      ...{ maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n },
    });
    await expect.poll(() => hashes.items).toEqual([sent.hash]);
    await mine();
    await expect
      .poll(() => heads.items.map(({ hash }) => hash))
      .toEqual([balancer.head.best?.hash]);
    expect(hashes.items).toEqual([sent.hash]);
    for (const each of [hashes, heads]) each.unsubscribe();
  });

  it('have words of their own, which mean what geth’s do', async () => {
    const to = { to: rich.address, value: 1n, gasLimit: 21_000n, maxFeePerGas: 10n ** 10n };
    const again = { ...to, maxPriorityFeePerGas: 1n, nonce: 0 };
    await expect(rich.connect(provider).sendTransaction(again)).rejects.toMatchObject({
      code: 'NONCE_EXPIRED',
    });
    await expect(provider.call({ data: '0x60006000fd' })).rejects.toMatchObject({
      code: 'CALL_EXCEPTION',
    });
    const above = await balancer.forward({
      method: 'eth_getBalance',
      params: `["${rich.address}","0xffff"]`,
    });
    expect(above.reply).toMatchObject({
      kind: 'error',
      error: { message: expect.stringContaining('Received invalid block tag 65535') },
    });
  });

  it('take over from each other', async () => {
    const before = await provider.getBlockNumber();
    await nodes[0].crash();
    await nodes[1].mine();
    await expect.poll(() => provider.getBlockNumber(), { timeout: 20_000 }).toBe(before + 1);
    expect(await provider.getTransactionCount(rich.address)).toBe(1);
  });
});
