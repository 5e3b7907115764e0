import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { expect, it } from 'vitest';
import { type Lie, liar, type Message } from '../testing/liar.ts';
import { ethereum } from './ethereum.ts';
import { headerHash } from './header.ts';

/** Changes the headers that it tells of as they come. */
const headers =
  (change: (header: Record<string, unknown>) => unknown): Lie =>
  (message) =>
    message.params === undefined
      ? [message]
      : [{ ...message, params: { ...message.params, result: change(message.params.result) } }];

/** Changes its answers to one method. */
const answers =
  (name: string, change: (message: Message) => unknown): Lie =>
  (message, request) => [request?.method === name ? change(message) : message];

const forged = (header: Record<string, unknown>): Record<string, unknown> => ({
  ...header,
  hash: headerHash(header as never),
});

const lies: readonly (readonly [string, Lie])[] = [
  ['heads of another hash', headers((header) => ({ ...header, hash: `0x${'ab'.repeat(32)}` }))],
  ['heads of another number', headers((header) => ({ ...header, number: '0x1' }))],
  ['heads of no number', headers((header) => ({ ...header, number: `0x${'f'.repeat(100)}` }))],
  ['heads far away', headers((header) => forged({ ...header, number: '0xffffffffffff' }))],
  [
    'heads of an unknown parent',
    headers((header) => forged({ ...header, parentHash: `0x${'cd'.repeat(32)}` })),
  ],
  ['heads that are null', headers(() => null)],
  ['heads that are a list', headers(() => [[]])],
  ['heads that are too much', headers((header) => ({ ...header, extraData: '0x00'.repeat(1e6) }))],
  ['every notice ten times', (message) => Array(message.params ? 10 : 1).fill(message)],
  [
    'notices of subscriptions that nobody has',
    (message) =>
      message.params
        ? [{ ...message, params: { ...message.params, subscription: '0xdead' } }, message]
        : [message],
  ],
  ['answers twice', (message) => [message, message]],
  ['answers to ids that nobody has', (message) => [{ ...message, id: 1e9 }, message]],
  ['answers with an error as well', (message) => [{ ...message, error: { code: 1, message: '' } }]],
  [
    'blocks that are null',
    answers('eth_getBlockByNumber', (message) => ({ ...message, result: null })),
  ],
  [
    'blocks that are text',
    answers('eth_getBlockByNumber', (message) => ({ ...message, result: 'x' })),
  ],
  [
    'subscriptions without an id',
    answers('eth_subscribe', (message) => ({ ...message, result: null })),
  ],
  ['logs that are none', answers('eth_getLogs', (message) => ({ ...message, result: { a: 1 } }))],
];

it.each(lies)(
  'one node tells %s, and two tell the truth',
  async (_, lie) => {
    await using devnet = await startEthDevnet({ nodes: 3, blockTimeMs: 0 });
    const [first, second, third] = devnet.nodes as readonly [EthNode, EthNode, EthNode];
    await devnet.mine(3);
    await using way = await liar(first, lie);
    await using balancer: Balancer = createBalancer({
      chain: ethereum({ chainId, blockTimeMs: 1000 }),
      upstreams: [
        { id: 'liar', transport: way.url },
        { id: 'second', transport: second.wsUrl },
        { id: 'third', transport: third.wsUrl },
      ],
    });
    await balancer.ready();
    // Who was told of a head is not told of an older one, also by a node that has yet to hear of it.
    const session = balancer.session();
    const heads: string[] = [];
    const ended: string[] = [];
    await balancer.subscribe(
      { method: 'eth_subscribe', params: '["newHeads"]' },
      {
        onSubscribed: () => {},
        onItem: (item) => heads.push((JSON.parse(item) as { hash: string }).hash),
        onEnd: ({ message }) => ended.push(message),
      },
      { session },
    );
    await devnet.mine(5);
    const truth = devnet.blocks.slice(-5).map(({ hash }) => hash);
    await expect.poll(() => heads, { timeout: 10_000 }).toEqual(truth);
    for (let times = 0; times < 10; times += 1) {
      expect(await balancer.request('eth_blockNumber', [], { session })).toBe('0x8');
      const block = await balancer.request('eth_getBlockByNumber', ['latest', false], { session });
      expect(block).toMatchObject({ number: '0x8', hash: truth.at(-1) });
    }
    expect(ended).toEqual([]);
  },
  30_000,
);
