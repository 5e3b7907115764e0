import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ethereum } from '../chain/ethereum.ts';
import { alice, Emitter, topicOf } from '../testing/emitter.ts';
import { subscribe } from '../testing/subscriber.ts';

interface Log {
  readonly blockHash: string;
  readonly blockNumber: string;
  readonly topics: readonly string[];
  readonly removed: boolean;
}

let devnet: EthDevnet;
let balancer: Balancer;
let first: EthNode;
let second: EthNode;
let emitter: Emitter;

/** `+2` for a log with topic 2, `-2` for its removal. */
const signs = (logs: readonly Log[]): string[] =>
  logs.map(({ topics: [topic], removed }) => `${removed ? '-' : '+'}${Number(topic)}`);

const head = (): string | undefined => devnet.blocks.at(-1)?.hash;
const settled = () => expect.poll(() => balancer.head.best?.hash).toBe(head());

/** Emits these in one block. */
async function mineWith(...topics: readonly number[]): Promise<void> {
  for (const topic of topics) await emitter.emit(topic);
  await devnet.mine();
}

async function start(over: 'ws' | 'http'): Promise<void> {
  devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
  [first, second] = devnet.nodes as [EthNode, EthNode];
  emitter = await Emitter.deploy(devnet, second);
  await devnet.mine(2);
  balancer = createBalancer({
    chain: ethereum({ chainId, blockTimeMs: 1000 }),
    upstreams: devnet.nodes.map(({ id, wsUrl, httpUrl }) => ({
      id,
      transport: over === 'ws' ? wsUrl : httpUrl,
    })),
  });
  await balancer.ready();
  await settled();
}

afterEach(async () => {
  await balancer.close();
  await devnet.close();
});

describe.each(['ws', 'http'] as const)('subscriptions over %s', (over) => {
  beforeEach(() => start(over));

  it('tell new heads, and not the one there is', async () => {
    const heads = await subscribe<{ hash: string }>(balancer, 'newHeads');
    await devnet.mine();
    await expect.poll(() => heads.items.map(({ hash }) => hash)).toEqual([head()]);
  });

  it('tell logs in order to each filter, also after a reorganisation of two blocks', async () => {
    const all = await subscribe<Log>(balancer, 'logs');
    const some = await subscribe<Log>(balancer, 'logs', {
      address: emitter.address,
      topics: [[topicOf(2), topicOf(4)]],
    });
    const none = await subscribe<Log>(balancer, 'logs', { address: alice });
    await mineWith(1, 2);
    await settled();
    await mineWith(3);
    await mineWith(4);
    await expect.poll(() => signs(all.items)).toEqual(['+1', '+2', '+3', '+4']);
    await expect.poll(() => signs(some.items)).toEqual(['+2', '+4']);
    const before = all.items.slice();
    await devnet.reorg(2, { drop: true });
    await mineWith(5);
    await expect.poll(() => signs(all.items)).toEqual(['+1', '+2', '+3', '+4', '-4', '-3', '+5']);
    await expect.poll(() => signs(some.items)).toEqual(['+2', '+4', '-4']);
    expect(none.items).toEqual([]);
    // What is taken back is what was told.
    const [, , three, four, minusFour, minusThree] = all.items;
    expect(before[3]).toBe(four);
    expect(minusFour).toEqual({ ...four, removed: true });
    expect(minusThree).toEqual({ ...three, removed: true });
  });

  it('tell nothing twice and leave nothing out when an upstream dies', async () => {
    const logs = await subscribe<Log>(balancer, 'logs', { address: emitter.address });
    await mineWith(1);
    await settled();
    await first.crash();
    for (let topic = 2; topic < 8; topic += 1) await mineWith(topic);
    await first.restart();
    // The pool tries one that was down again within ten seconds.
    await expect.poll(connected, { timeout: 45_000 }).toBe(2);
    await second.crash();
    emitter = emitter.through(first);
    for (let topic = 8; topic < 12; topic += 1) await mineWith(topic);
    const expected = Array.from({ length: 11 }, (_, i) => `+${i + 1}`);
    await expect.poll(() => signs(logs.items), { timeout: 45_000 }).toEqual(expected);
    expect(logs.ended).toEqual([]);
  }, 120_000);
});

/** Upstreams that may be asked. */
const connected = (): number =>
  balancer.snapshot().upstreams.filter(({ reason }) => reason === undefined).length;

describe('subscriptions', () => {
  beforeEach(() => start('ws'));

  it('tell pending transactions, as hashes or whole, once each', async () => {
    const hashes = await subscribe<string>(balancer, 'newPendingTransactions');
    const same = await subscribe<string>(balancer, 'newPendingTransactions', false);
    const sent = await Promise.all(
      devnet.nodes.map((node, i) =>
        node.call<string>('eth_sendTransaction', { from: alice, to: alice, value: `0x${i}` }),
      ),
    );
    await expect.poll(() => hashes.items.some((hash) => sent.includes(hash))).toBe(true);
    expect(new Set(hashes.items).size).toBe(hashes.items.length);
    expect(same.items).toEqual(hashes.items);
  });

  it('are declined in the words of nodes', async () => {
    await expect(subscribe(balancer, 'sheep')).rejects.toMatchObject({
      code: -32_601,
      message: 'no "sheep" subscription in eth namespace',
    });
    await expect(subscribe(balancer, 'logs', { address: '0x12' })).rejects.toMatchObject({
      code: -32_602,
    });
    await expect(subscribe(balancer, 'logs', { topics: [1] })).rejects.toMatchObject({
      code: -32_602,
    });
  });

  it('end when they are told to', async () => {
    const logs = await subscribe<Log>(balancer, 'logs');
    logs.unsubscribe();
    const others = await subscribe<Log>(balancer, 'logs');
    await mineWith(1);
    await expect.poll(() => signs(others.items)).toEqual(['+1']);
    expect(logs.items).toEqual([]);
    expect(balancer.snapshot().subscriptions).toBe(1);
  });
});
