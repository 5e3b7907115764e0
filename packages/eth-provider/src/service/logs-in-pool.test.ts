import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ethereum } from '../chain/ethereum.ts';
import { alice, Emitter, topicOf } from '../testing/emitter.ts';

let devnet: EthDevnet;
let balancer: Balancer;
let first: EthNode;
let second: EthNode;
let emitter: Emitter;

beforeAll(async () => {
  devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
  [first, second] = devnet.nodes as [EthNode, EthNode];
  emitter = await Emitter.deploy(devnet, first);
  for (let topic = 2; topic <= 9; topic += 1) {
    if (topic % 2 === 0) await emitter.emit(topic);
    await devnet.mine();
  }
  balancer = createBalancer({
    chain: ethereum({ chainId, blockTimeMs: 1000 }),
    // As the nodes are called directly: over a WebSocket Anvil has other words for errors.
    upstreams: devnet.nodes.map(({ id, httpUrl }) => ({ id, transport: httpUrl })),
  });
  await balancer.ready();
  await vi.waitUntil(() => balancer.head.best?.number === 9);
});

afterAll(async () => {
  await balancer.close();
  await devnet.close();
});

describe('eth_getLogs before real nodes', () => {
  it.each([
    {},
    { fromBlock: '0x0' },
    { fromBlock: 'earliest', toBlock: 'latest' },
    { fromBlock: '0x2', toBlock: '0x6' },
    { fromBlock: '0x0', toBlock: 'finalized' },
    { fromBlock: '0x0', topics: [[topicOf(4), topicOf(8)]] },
    { fromBlock: '0x0', topics: [null, null] },
    { fromBlock: '0x0', address: alice },
    { fromBlock: '0x8', toBlock: '0xff' },
    { fromBlock: '0xfe', toBlock: '0xff' },
    { fromBlock: '0x3', toBlock: '0x2' },
    { fromBlock: '0x1', address: 'nonsense' },
  ])('of %j is what a node answers', async (filter) => {
    const direct = await first.call('eth_getLogs', filter).catch((error: Error) => error.message);
    const asked = balancer.request('eth_getLogs', [filter]);
    const through = await asked.catch((error: Error) => `eth_getLogs: ${error.message}`);
    expect(through).toEqual(direct);
  });

  it('of each block, by hash, is what a node answers', async () => {
    for (const { hash, number } of devnet.blocks) {
      const filter = { blockHash: hash, address: emitter.address };
      const through = await balancer.request('eth_getLogs', [filter]);
      expect(through).toEqual(await second.call('eth_getLogs', filter));
      expect(through).toHaveLength(number >= 2 && number % 2 === 0 ? 1 : 0);
    }
  });

  it('goes to a node that has all of the range', async () => {
    await second.setLag(3);
    await emitter.emit(10);
    await devnet.mine(3);
    await expect.poll(() => balancer.head.best?.number).toBe(12);
    for (let call = 0; call < 10; call += 1) {
      for (const toBlock of ['latest', '0xff']) {
        const logs = await balancer.request('eth_getLogs', [{ fromBlock: '0xa', toBlock }]);
        expect(logs).toHaveLength(1);
      }
    }
  });
});
