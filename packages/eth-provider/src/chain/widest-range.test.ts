import { createBalancer, errorReply, type Reply, type UpstreamClient } from '@dshackle/core';
import { chainId, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { describe, expect, it } from 'vitest';
import { type Lie, liar } from '../testing/liar.ts';
import { ethereum } from './ethereum.ts';
import { toQuantity } from './header.ts';
import { widestRange } from './widest-range.ts';

const result = (value: unknown): Reply => ({ kind: 'result', result: JSON.stringify(value) });

/** A node of that height, and the widths of the ranges for which it was asked. */
function node(height: unknown, answer: (blocks: number) => Reply | Promise<Reply>) {
  const asked: number[] = [];
  const client: UpstreamClient = {
    canSubscribe: false,
    subscribe: () => Promise.reject(new Error('not here')),
    request: async (method, params) => {
      if (method === 'eth_blockNumber') return result(height);
      const [{ fromBlock, toBlock }] = JSON.parse(params);
      asked.push(Number(toBlock) - Number(fromBlock) + 1);
      return answer(asked.at(-1) as number);
    },
  };
  return { asked, client };
}

/** What takes so many blocks. */
const taking = (most: number, words: string) => (blocks: number) =>
  blocks <= most ? result([]) : errorReply({ code: -32_000, message: words });

const everything = (): boolean => true;

describe('the widest range of logs', () => {
  it.each([
    ['block range is too wide', [10_000, 5_000, 2_500, 1_250, 625], 625],
    ['eth_getLogs is limited to a 1,000 range', [10_000, 1_000], 1_000],
    ['You can make eth_getLogs requests with up to a 1K block range', [10_000, 1_000], 1_000],
    ['maximum block range: 20000', [10_000, 5_000, 2_500, 1_250, 625], 625],
  ])('is found where nodes say: %s', async (words, asked, found) => {
    const test = node('0xfffff', taking(1_000, words));
    expect(await widestRange(test.client, everything)).toBe(found);
    expect(test.asked).toEqual(asked);
  });

  it('is one block where not even two are taken, after a few calls', async () => {
    const test = node('0xfffff', taking(1, 'block range is too wide'));
    expect(await widestRange(test.client, everything)).toBe(1);
    expect(test.asked).toHaveLength(13);
  });

  it('is not known where 10,000 blocks are taken, or all there are', async () => {
    const wide = node('0xfffff', taking(10_000, 'block range is too wide'));
    expect(await widestRange(wide.client, everything)).toBeUndefined();
    expect(wide.asked).toEqual([10_000]);
    const young = node('0x9', taking(10, 'block range is too wide'));
    expect(await widestRange(young.client, everything)).toBeUndefined();
    expect(young.asked).toEqual([10]);
    const empty = node('0x0', taking(0, 'block range is too wide'));
    expect(await widestRange(empty.client, everything)).toBeUndefined();
    expect(empty.asked).toEqual([]);
  });

  it('is not asked of a node that may not be asked for logs, and none where there are none', async () => {
    const closed = node('0xfffff', () => errorReply({ code: -32_601, message: 'no such method' }));
    expect(await widestRange(closed.client, () => false)).toBeUndefined();
    expect(closed.asked).toEqual([]);
    expect(await widestRange(closed.client, everything)).toBeUndefined();
    expect(closed.asked).toEqual([10_000]);
  });

  it.each<[string, unknown, Reply]>([
    ['is rate limited', '0xff', errorReply({ code: 429, message: 'too many requests' })],
    ['lost the block', '0xff', errorReply({ code: -32_000, message: 'header not found' })],
    [
      'had no time',
      '0xffff',
      errorReply({ code: -32_000, message: 'query timeout exceeded, reduce your block range' }),
    ],
    ['has no height', null, result([])],
  ])('is unknown of a node that %s', async (_, height, reply) => {
    await expect(widestRange(node(height, () => reply).client, everything)).rejects.toThrow();
  });

  it('decides who is asked for how much', async () => {
    await using devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
    const [first, second] = devnet.nodes as [EthNode, EthNode];
    await devnet.mine(29);
    const [narrow, wide] = [[], []] as [number[], number[]];
    const limited =
      (most: number, asked: number[]): Lie =>
      (message, request) => {
        if (request?.method !== 'eth_getLogs') return [message];
        const [{ fromBlock, toBlock }] = request.params as [{ fromBlock: string; toBlock: string }];
        asked.push(Number(toBlock) - Number(fromBlock) + 1);
        if ((asked.at(-1) as number) <= most) return [message];
        const error = { code: -32_600, message: `eth_getLogs is limited to a ${most} range` };
        return [{ jsonrpc: '2.0', id: request.id, error }];
      };
    await using one = await liar(first, limited(8, narrow));
    await using other = await liar(second, limited(100, wide));
    await using balancer = createBalancer({
      chain: ethereum({ chainId, blockTimeMs: 1000 }),
      upstreams: [
        { id: 'narrow', transport: one.url },
        { id: 'wide', transport: other.url },
      ],
    });
    const known = () => balancer.snapshot().upstreams.map(({ widestRange: blocks }) => blocks);
    await balancer.ready();
    await expect.poll(known, { timeout: 10_000 }).toEqual([8, undefined]);
    expect([narrow, wide]).toEqual([[30, 8], [30]]);
    await expect.poll(() => balancer.head.best?.number, { timeout: 10_000 }).toBe(29);
    const logsOf = (from: number) =>
      balancer.request('eth_getLogs', [{ fromBlock: toQuantity(from), toBlock: 'latest' }]);
    for (let from = 0; from < 10; from += 1) await logsOf(from);
    // Parts that it takes may go to it, while the other is slow: nothing wider, which it would refuse.
    expect(Math.max(...narrow.slice(1))).toBe(8);
    expect(Math.max(...wide.slice(1))).toBeGreaterThan(8);
    // What is left takes eight, and need not say so again.
    await balancer.removeUpstream('wide');
    narrow.length = 0;
    await logsOf(0);
    expect(narrow.toSorted()).toEqual([6, 8, 8, 8]);
  });
});
