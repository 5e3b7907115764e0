import { setTimeout as sleep } from 'node:timers/promises';
import { HDNodeWallet, Transaction } from 'ethers';
import { expect, it } from 'vitest';
import { isAlive } from '../is-alive.ts';
import { chainId } from './anvil.ts';
import { type EthDevnet, startEthDevnet } from './eth-devnet.ts';
import type { EthNode } from './eth-node.ts';

const alice = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const bob = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

const phrase = 'test test test test test test test test test test test junk';
const fields = { to: bob, value: 1, gasLimit: 21_000, chainId, type: 2, maxFeePerGas: 10n ** 11n };
const hashOf = (transaction: string): string => Transaction.from(transaction).hash as string;

const isKnown = (error: Error): void =>
  expect(error.message).toMatch(/already imported|nonce too low/);

async function headOf(node: EthNode): Promise<string> {
  const { hash } = await node.call<{ hash: string }>('eth_getBlockByNumber', 'latest', false);
  return hash;
}

async function heads(devnet: EthDevnet): Promise<readonly string[]> {
  return Promise.all(devnet.nodes.map(headOf));
}

it('keeps real nodes on one chain, through a lag, a reorganisation and a crash', async () => {
  await using devnet = await startEthDevnet({ blockTimeMs: 0 });
  const [first, second, third] = devnet.nodes as [EthNode, EthNode, EthNode];

  // A transaction given to one node is in the block of all.
  const sent = await third.call('eth_sendTransaction', { from: alice, to: bob, value: '0x1' });
  await devnet.mine(3);
  expect(new Set(await heads(devnet))).toEqual(new Set([devnet.blocks.at(-1)?.hash]));
  expect(await second.call('eth_getTransactionReceipt', sent)).toMatchObject({
    blockNumber: '0x1',
  });

  await second.setLag(2);
  await devnet.mine();
  expect(await headOf(second)).toBe(devnet.blocks[2]?.hash);
  await devnet.mine(2);
  expect(await headOf(second)).toBe(devnet.blocks[3]?.hash);
  await second.setLag(0);

  const before = devnet.blocks.slice(-2);
  await devnet.reorg(2);
  expect(devnet.blocks).toHaveLength(7);
  expect(devnet.blocks.slice(-3, -1).map(({ hash }) => hash)).not.toEqual(
    before.map(({ hash }) => hash),
  );
  expect(new Set(await heads(devnet))).toEqual(new Set([devnet.blocks.at(-1)?.hash]));

  // The chain goes on without its leader, and the new process has all of it.
  await first.crash();
  expect(first.status).toBe('crashed');
  await devnet.mine();
  await first.restart();
  expect(await headOf(first)).toBe(devnet.blocks.at(-1)?.hash);

  third.freeze();
  await devnet.mine();
  third.thaw();
  await expect.poll(() => third.height).toBe(devnet.blocks.length);
});

it('brings the transactions of blocks taken back into others, unless they are dropped', async () => {
  await using devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
  const [first, second] = devnet.nodes as [EthNode, EthNode];
  const sent = await first.call('eth_sendTransaction', { from: alice, to: bob, value: '0x1' });
  await devnet.mine();
  await devnet.reorg(1);
  expect(await second.call('eth_getTransactionReceipt', sent)).toBeNull();
  await devnet.mine();
  expect(await second.call('eth_getTransactionReceipt', sent)).toMatchObject({
    blockNumber: '0x3',
  });
  await devnet.reorg(1, { drop: true });
  await devnet.mine();
  expect(await second.call('eth_getTransactionReceipt', sent)).toBeNull();
});

it('loses none of the transactions that pour in while nodes take blocks, freeze and die', async () => {
  await using devnet = await startEthDevnet({ blockTimeMs: 0 });
  const [first, second, third] = devnet.nodes as [EthNode, EthNode, EthNode];
  const accounts = [...Array(5).keys()].map((i) =>
    HDNodeWallet.fromPhrase(phrase, undefined, `m/44'/60'/0'/0/${i}`),
  );
  const sent: string[] = [];
  let isOver = false;
  const pouring = accounts.map(async (account) => {
    for (let nonce = 0; !isOver; nonce += 1) {
      const transaction = await account.signTransaction({ ...fields, nonce });
      // To two that live, as a balancer does; the second may have heard of it by then.
      await second.call('eth_sendRawTransaction', transaction).catch(isKnown);
      await third.call('eth_sendRawTransaction', transaction).catch(isKnown);
      sent.push(hashOf(transaction));
      await sleep(40);
    }
  });
  await devnet.mine(4);
  first.freeze();
  await devnet.mine(2);
  first.thaw();
  await devnet.mine(2);
  await devnet.reorg(2);
  await first.crash();
  await devnet.mine(2);
  await first.restart();
  isOver = true;
  await Promise.all(pouring);
  await devnet.mine(3);
  expect(sent.length).toBeGreaterThan(20);
  expect(new Set(await heads(devnet))).toEqual(new Set([devnet.blocks.at(-1)?.hash]));
  const included = devnet.blocks.flatMap(({ transactions }) => transactions.map(hashOf));
  expect(included.length).toBe(new Set(included).size);
  expect(sent.filter((hash) => !included.includes(hash))).toEqual([]);
  expect(third.height).toBe(devnet.blocks.length);
}, 60_000);

it('leaves no process behind, frozen ones included', async () => {
  const devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
  const pids = devnet.nodes.map(({ pid }) => pid);
  devnet.nodes[0]?.freeze();
  await devnet.close();
  for (const pid of pids) expect(isAlive(pid)).toBe(false);
});
