import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { devKeyring } from './dev-accounts.ts';
import type { DevNode } from './dev-node.ts';
import { type Devnet, type DevnetEvent, startDevnet } from './devnet.ts';
import { eventually } from './eventually.ts';
import { connectApi, connectClient, result } from './test-client.ts';

// Nodes start in seconds, and in many more where others use the machine as well.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let devnet: Devnet;
let node1: DevNode;
let node2: DevNode;

beforeAll(async () => {
  // polkadot-js says on each connection that this runtime is older than its metadata API.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  devnet = await startDevnet({ nodes: 2, blockTimeMs: 0, finalityLag: 2, followers: 'execute' });
  [node1, node2] = devnet.nodes as [DevNode, DevNode];
  await devnet.mine(3);
});
afterAll(() => devnet?.close());

/** The canonical hash of that height, as node 1 tells it. */
const canonical = (number: number) => result(node1, 'chain_getBlockHash', number);
const finalHead = (node: DevNode) => result(node, 'chain_getFinalizedHead');

describe('finality', () => {
  it('is as many blocks behind the head as asked, on every node', async () => {
    const height = devnet.head.number - 2;
    for (const node of devnet.nodes) {
      expect(await finalHead(node)).toBe(await canonical(height));
      expect(await result(node, 'archive_v1_finalizedHeight')).toBe(height);
    }
  });

  it('is told of a transaction after it was in a block', async () => {
    const api = await connectApi(node2);
    const [alice, bob] = (await devKeyring()).getPairs();
    const transfer = api.tx.balances!.transferKeepAlive!(bob!.address, 10n ** 12n);
    const signed = await transfer.signAsync(alice!);
    await api.disconnect();

    using watcher = await connectClient(node2);
    await watcher.ask('author_submitAndWatchExtrinsic', signed.toHex());
    const [block] = await devnet.mine();
    await eventually(() => watcher.notifications).toEqual(['ready', { inBlock: block?.hash }]);
    await devnet.mine(2);
    await eventually(() => watcher.notifications.slice(2)).toEqual([{ finalized: block?.hash }]);
  });

  it('never comes to a fork, and goes on along the canonical chain after it', async () => {
    using legacy = await connectClient(node2);
    using follower = await connectClient(node2);
    await legacy.ask('chain_subscribeFinalizedHeads');
    await follower.ask('chainHead_v1_follow', false);
    // The final block, two since, and which is best.
    await eventually(() => follower.notifications.length).toBe(4);

    const base = devnet.head;
    await node2.fork(3);
    expect(await finalHead(node2)).toBe(await canonical(base.number - 2));
    const mined = await devnet.mine(3);
    await node2.heal();
    expect(await finalHead(node2)).toBe(mined[0]?.hash);

    const headers = legacy.notifications as readonly { readonly number: string }[];
    await eventually(() => headers.map(({ number }) => Number(number))).toEqual(
      [-2, -1, 0, 1].map((step) => base.number + step),
    );

    const events = follower.notifications as readonly Record<string, unknown>[];
    const all = (event: string) => events.filter((candidate) => candidate.event === event);
    await eventually(() => all('finalized')).toHaveLength(3);
    expect(events[0]).toMatchObject({
      event: 'initialized',
      finalizedBlockHashes: [await canonical(base.number - 2)],
    });
    // Two since the final one, three of the fork, three canonical: each once, each parent before.
    const news = all('newBlock').map(({ blockHash }) => blockHash);
    expect(new Set(news).size).toBe(8);
    expect(news.slice(5)).toEqual(mined.map(({ hash }) => hash));
    const known = new Set(events[0]?.finalizedBlockHashes as unknown[]);
    for (const { blockHash, parentBlockHash } of all('newBlock')) {
      expect(known).toContain(parentBlockHash);
      known.add(blockHash);
    }
    expect(all('bestBlockChanged').at(-1)).toMatchObject({ bestBlockHash: devnet.head.hash });
    expect(all('finalized').flatMap(({ finalizedBlockHashes }) => finalizedBlockHashes)).toEqual([
      await canonical(base.number - 1),
      base.hash,
      mined[0]?.hash,
    ]);
    const pruned = all('finalized').flatMap(({ prunedBlockHashes }) => prunedBlockHashes);
    expect(new Set(pruned)).toEqual(new Set(news.slice(2, 5)));
  });
});

describe('a node that executes another block than the leader', () => {
  const TIMESTAMP_NOW = '0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb';

  it('is reported and brought back, and its own block is never final', async () => {
    const events: DevnetEvent[] = [];
    devnet.onEvent((event) => events.push(event));
    // Authors take turns; the next one is to be node 1.
    if (devnet.head.number % 2 === 1) await devnet.mine();
    // With its clock ahead, node 2 puts the block into another slot.
    const now = (await result(node2, 'state_getStorage', TIMESTAMP_NOW)) as string;
    const ahead = Buffer.from(now.slice(2), 'hex');
    ahead.writeBigUInt64LE(ahead.readBigUInt64LE() + 24_000n);
    await result(node2, 'dev_setStorage', [[TIMESTAMP_NOW, `0x${ahead.toString('hex')}`]]);

    const [block] = await devnet.mine();
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'divergence', node: node2, canonical: devnet.head }),
    );
    expect(await result(node2, 'chain_getBlockHash')).toBe(block?.hash);
    await devnet.mine(2);
    expect(await finalHead(node2)).toBe(block?.hash);
  });
});
