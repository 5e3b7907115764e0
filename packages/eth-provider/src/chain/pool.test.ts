import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ethereum } from './ethereum.ts';

const alice = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const bob = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

let devnet: EthDevnet;
let balancer: Balancer;
let first: EthNode;
let second: EthNode;

function poolOf(nodes: readonly EthNode[], over: 'ws' | 'http'): Balancer {
  return createBalancer({
    chain: ethereum({ chainId, blockTimeMs: 1000 }),
    upstreams: nodes.map(({ id, wsUrl, httpUrl }) => ({
      id,
      transport: over === 'ws' ? wsUrl : httpUrl,
    })),
  });
}

const bestOf = (pool: Balancer) => expect.poll(() => pool.head.best?.hash);

describe.each(['ws', 'http'] as const)('a pool of real Ethereum nodes over %s', (over) => {
  beforeAll(async () => {
    devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
    [first, second] = devnet.nodes as [EthNode, EthNode];
    await devnet.mine(3);
    balancer = poolOf(devnet.nodes, over);
    await balancer.ready();
  });

  afterAll(async () => {
    await balancer.close();
    await devnet.close();
  });

  it('follows best, safe and finalized heads', async () => {
    await devnet.mine();
    await bestOf(balancer).toBe(devnet.blocks.at(-1)?.hash);
    await expect.poll(() => balancer.head.finalized?.number).toBe(2);
    const asked = await Promise.all(
      ['latest', 'safe', 'finalized', 'earliest'].map((tag) =>
        balancer.request<{ number: string }>('eth_getBlockByNumber', [tag, false]),
      ),
    );
    expect(asked.map(({ number }) => number)).toEqual(['0x4', '0x3', '0x2', '0x0']);
  });

  it('says what programs its upstreams are', () => {
    for (const { version } of balancer.snapshot().upstreams) expect(version).toMatch(/^anvil/);
  });

  it('answers what the pool knows without an upstream', async () => {
    expect(await balancer.request('eth_chainId')).toBe('0x539');
    expect(await balancer.request('net_version')).toBe('1337');
    expect(await balancer.request('eth_blockNumber')).toBe('0x4');
    expect(await balancer.request('eth_syncing')).toBe(false);
    expect(await balancer.request('eth_accounts')).toEqual([]);
    expect(await balancer.request('eth_accounts', [1])).toEqual([]);
    // Params that it does not take are for a node to decline.
    const asked = balancer.request('eth_blockNumber', [1]);
    await expect(asked).rejects.toMatchObject({ code: -32602 });
  });

  it('leaves it to a node to decline what lacks a block or what comes before it', async () => {
    for (const [method, ...params] of [
      ['eth_getBlockReceipts'],
      ['eth_getBlockReceipts', null],
      ['eth_getBlockTransactionCountByNumber'],
      ['eth_feeHistory', '0x1'],
      ['eth_getBalance'],
    ] as [string, ...unknown[]][]) {
      const declined = await first.call(method, ...params).then(
        () => expect.unreachable(method),
        (error: Error) => error.message,
      );
      const through = balancer.request(method, params);
      if (over === 'http') await expect(through).rejects.toThrow(declined.slice(method.length + 2));
      else await expect(through).rejects.toMatchObject({ code: -32602 });
    }
  });

  it('thinks no less of nodes for an index that a block has not', async () => {
    for (const index of ['0x0', '0x63']) {
      for (const method of [
        'eth_getTransactionByBlockNumberAndIndex',
        'eth_getRawTransactionByBlockNumberAndIndex',
      ]) {
        expect(await balancer.request(method, ['earliest', index])).toBeNull();
      }
    }
    for (let call = 0; call < 4; call += 1) {
      const block = await balancer.request('eth_getBlockByNumber', ['earliest', false]);
      expect(block).toMatchObject({ number: '0x0' });
    }
  });

  it('reads the state at a block however it is named', async () => {
    await first.call('eth_sendTransaction', { from: alice, to: bob, value: '0x1' });
    const before = await balancer.request<string>('eth_getBalance', [bob]);
    await devnet.mine();
    await bestOf(balancer).toBe(devnet.blocks.at(-1)?.hash);
    const after = `0x${(BigInt(before) + 1n).toString(16)}`;
    const hash = devnet.blocks.at(-1)?.hash;
    for (const at of ['latest', 'pending', '0x5', { blockNumber: '0x5' }, { blockHash: hash }]) {
      expect(await balancer.request('eth_getBalance', [bob, at])).toBe(after);
    }
    expect(await balancer.request('eth_getBalance', [bob, '0x4'])).toBe(before);
  });

  it('sends a read only to nodes that have its block', async () => {
    await second.setLag(1);
    await devnet.mine();
    await bestOf(balancer).toBe(devnet.blocks.at(-1)?.hash);
    for (let call = 0; call < 10; call += 1) {
      const block = await balancer.request<{ hash: string }>('eth_getBlockByNumber', [
        'latest',
        false,
      ]);
      expect(block.hash).toBe(devnet.blocks.at(-1)?.hash);
    }
    await second.setLag(0);
  });

  it('changes over with a reorganisation', async () => {
    const held = devnet.blocks.at(-1)?.hash;
    await bestOf(balancer).toBe(held);
    const reorg = new Promise<{ depth: number }>((resolve) => balancer.on('reorg', resolve));
    await devnet.reorg(1);
    await bestOf(balancer).toBe(devnet.blocks.at(-1)?.hash);
    expect((await reorg).depth).toBe(1);
    expect(await balancer.request('eth_getBlockByNumber', ['0x6', false])).toMatchObject({
      hash: devnet.blocks[5]?.hash,
    });
  });

  it('passes a revert on as an answer', async () => {
    // Code that reverts with nothing: PUSH1 0 PUSH1 0 REVERT.
    const create = { from: alice, data: '0x60006000fd' };
    await expect(balancer.request('eth_call', [create, 'latest'])).rejects.toMatchObject({
      code: 3,
    });
  });

  it('denies what uses the keys of a node', async () => {
    for (const method of ['eth_sendTransaction', 'personal_sign', 'debug_traceCall', 'evm_mine']) {
      await expect(balancer.request(method, [])).rejects.toThrow('disabled');
    }
  });

  it('goes on when a node dies', async () => {
    await first.crash();
    await devnet.mine();
    await bestOf(balancer).toBe(devnet.blocks.at(-1)?.hash);
    expect(await balancer.request('eth_getBlockByNumber', ['latest', false])).toMatchObject({
      hash: devnet.blocks.at(-1)?.hash,
    });
  });
});

it('keeps nodes of another chain out', async () => {
  await using other = await startEthDevnet({ nodes: 1, blockTimeMs: 0 });
  await using pool = createBalancer({
    chain: ethereum({ id: 'other', chainId: 7, blockTimeMs: 1000 }),
    upstreams: other.nodes.map(({ wsUrl }) => wsUrl),
  });
  await expect
    .poll(() => JSON.stringify(pool.snapshot()))
    .toContain('wrong chain: other has chain id 7, the node 1337');
  expect(pool.available).toBe(false);
});
