import { errorReply } from '@dshackle/core';
import { result } from '@dshackle/core/testing';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { describe, expect, it } from 'vitest';
import { blake2 } from '../chain/header.ts';
import { followPool } from '../testing/follow-pool.ts';
import type { ForkBlock } from '../testing/fork-chain.ts';

const hashes = (blocks: readonly ForkBlock[]): string[] => blocks.map(({ hash }) => hash);
const newBlock = ({ hash, parentHash }: ForkBlock) => ({
  event: 'newBlock',
  blockHash: hash,
  parentBlockHash: parentHash,
});
const best = ({ hash }: ForkBlock) => ({ event: 'bestBlockChanged', bestBlockHash: hash });
const finalized = (blocks: readonly ForkBlock[], pruned: readonly ForkBlock[] = []) => ({
  event: 'finalized',
  finalizedBlockHashes: hashes(blocks),
  prunedBlockHashes: hashes(pruned),
});
const runtime = (specVersion: number) => ({
  type: 'valid',
  spec: {
    specName: 'scripted',
    implName: 'scripted-node',
    specVersion,
    implVersion: 0,
    transactionVersion: 7,
    apis: { '0xdf6acb689907609b': 5 },
  },
});

describe('a follow', () => {
  it('begins with the finalized blocks, then tells what is above, parents first', async () => {
    await using pool = await followPool({ height: 5, finalized: 3 });
    const { blocks } = pool;
    const follow = await pool.client().follow(false);
    await pool.clock.advance(1);
    expect(follow.events).toEqual([
      { event: 'initialized', finalizedBlockHashes: [blocks[3]?.hash] },
      newBlock(blocks[4] as ForkBlock),
      newBlock(blocks[5] as ForkBlock),
      best(blocks[5] as ForkBlock),
    ]);
  });

  it('tells at most 16 finalized blocks, the oldest first', async () => {
    await using pool = await followPool({ height: 5, finalized: 5 });
    const more = pool.chain.grow(pool.blocks[5] as ForkBlock, 20);
    for (const block of more) {
      await pool.show(block);
      await pool.finalize(block);
    }
    const follow = await pool.client().follow(false);
    expect(follow.events[0]).toEqual({
      event: 'initialized',
      finalizedBlockHashes: hashes(more.slice(-16)),
    });
  });

  it('tells each new block once, its best one, and what becomes final', async () => {
    await using pool = await followPool();
    const [, , , , b4, b5] = pool.blocks as ForkBlock[];
    const follow = await pool.client().follow(false);
    follow.take();
    const b6 = pool.chain.child(b5 as ForkBlock);
    await pool.show(b6);
    await pool.show(b6);
    expect(follow.take()).toEqual([newBlock(b6), best(b6)]);
    await pool.finalize(b5 as ForkBlock);
    expect(follow.take()).toEqual([finalized([b4, b5] as ForkBlock[])]);
  });

  it('tells of forks, follows a reorganisation, and says which blocks are pruned', async () => {
    await using pool = await followPool();
    const b5 = pool.blocks[5] as ForkBlock;
    const follow = await pool.client().follow(false);
    follow.take();
    const left = pool.chain.grow(b5, 2);
    const right = pool.chain.grow(b5, 3);
    for (const block of left) await pool.show(block);
    expect(follow.take().at(-1)).toEqual(best(left[1] as ForkBlock));
    for (const node of pool.nodes) {
      for (const block of right) node.show(block, block === right[2]);
    }
    await pool.clock.advance(1);
    expect(follow.take()).toEqual([...right.map(newBlock), best(right[2] as ForkBlock)]);
    await pool.finalize(right[1] as ForkBlock);
    expect(follow.take()).toEqual([
      finalized([pool.blocks[4], b5, right[0], right[1]] as ForkBlock[], left),
    ]);
  });

  it('moves its best block off a branch before that is pruned', async () => {
    await using pool = await followPool();
    const b5 = pool.blocks[5] as ForkBlock;
    const follow = await pool.client().follow(false);
    const left = pool.chain.child(b5);
    const right = pool.chain.child(b5);
    await pool.show(left);
    for (const node of pool.nodes) node.show(right, false);
    await pool.clock.advance(1);
    follow.take();
    await pool.finalize(right);
    const events = follow.take();
    expect(events.map(({ event }) => event)).toEqual(['bestBlockChanged', 'finalized']);
    expect(events).toEqual([
      best(right),
      finalized([pool.blocks[4], b5, right] as ForkBlock[], [left]),
    ]);
  });

  it('keeps a block to itself until an upstream that may serve has it', async () => {
    await using pool = await followPool({ nodes: 3 });
    const [a, b, c] = pool.nodes;
    const follow = await pool.client().follow(false);
    follow.take();
    const b6 = pool.chain.child(pool.blocks[5] as ForkBlock);
    c?.show(b6);
    c?.crash();
    await pool.clock.advance(1);
    expect(follow.take()).toEqual([]);
    a?.show(b6);
    b?.show(b6);
    await pool.clock.advance(1);
    expect(follow.take()).toEqual([newBlock(b6), best(b6)]);
  });

  it('tells nobody of what another client follows, and ends with unfollow', async () => {
    await using pool = await followPool();
    const one = await pool.client().follow(false);
    const other = await pool.client().follow(false);
    expect(one.id).not.toBe(other.id);
    one.take();
    other.take();
    one.unfollow();
    const b6 = pool.chain.child(pool.blocks[5] as ForkBlock);
    await pool.show(b6);
    expect(one.take()).toEqual([]);
    expect(other.take()).toEqual([newBlock(b6), best(b6)]);
  });

  it('needs to be told whether the runtime is wanted, and by a client', async () => {
    await using pool = await followPool();
    for (const params of [[], [null], ['true'], [1]]) {
      await expect(pool.client().follow(...params)).rejects.toMatchObject({ code: -32602 });
    }
    const call = { method: 'chainHead_v1_follow', params: '[false]' };
    const handlers = { onSubscribed() {}, onItem() {}, onEnd() {} };
    const outcome = await pool.balancer.subscribe(call, handlers);
    expect(outcome).toMatchObject({ kind: 'error', error: { code: -32602 } });
  });

  it('may have its param by name', async () => {
    await using pool = await followPool();
    const client = pool.client();
    const seen: string[] = [];
    await pool.balancer.subscribe(
      { method: 'chainHead_v1_follow', params: '{"withRuntime":false}' },
      { onSubscribed() {}, onItem: (item) => seen.push(item), onEnd() {} },
      { session: client.session },
    );
    expect(seen[0]).toContain('initialized');
  });
});

describe('the runtime', () => {
  it('is told with the first block, and afterwards only where it changes', async () => {
    await using pool = await followPool();
    const follow = await pool.client().follow(true);
    await pool.clock.advance(1);
    const [initialized, ...others] = follow.take();
    expect(initialized).toMatchObject({ finalizedBlockRuntime: runtime(1) });
    expect(others.slice(0, 2)).toMatchObject([{ newRuntime: null }, { newRuntime: null }]);

    for (const node of pool.nodes) node.specVersion = 2;
    const b6 = pool.chain.child(pool.blocks[5] as ForkBlock, { logs: ['0x06aa', '0x08'] });
    await pool.show(b6);
    expect(follow.take()).toEqual([{ ...newBlock(b6), newRuntime: runtime(2) }, best(b6)]);
    const b7 = pool.chain.child(b6);
    await pool.show(b7);
    expect(follow.take()).toEqual([{ ...newBlock(b7), newRuntime: null }, best(b7)]);
    // Asked once for each runtime, whoever follows.
    await pool.client().follow(true);
    await pool.clock.advance(1);
    const asked = pool.nodes.flatMap((node) => node.asked('state_getRuntimeVersion'));
    expect(asked).toEqual([[pool.blocks[3]?.hash], [b6.hash]]);
  });

  it('holds a block back until it is known, and no other follow', async () => {
    await using pool = await followPool({ nodes: 1 });
    const [node] = pool.nodes;
    const client = pool.client();
    const patient = await client.follow(true);
    const quick = await client.follow(false);
    await pool.clock.advance(1);
    patient.take();
    quick.take();
    node?.handle('state_getRuntimeVersion', () => new Promise(() => {}));
    const b6 = pool.chain.child(pool.blocks[5] as ForkBlock, { logs: ['0x08'] });
    await pool.show(b6);
    expect(quick.take()).toEqual([newBlock(b6), best(b6)]);
    expect(patient.take()).toEqual([]);
    // What failed is asked again.
    node?.handle('state_getRuntimeVersion', () => ({ kind: 'result', result: '{"apis":[]}' }));
    const told = patient.events.length;
    await pool.clock.runUntil(() => patient.events.length > told, 60_000);
    expect(patient.take()).toMatchObject([newBlock(b6), best(b6)]);
  });
});

describe('a header', () => {
  it('is given from the own tree in SCALE, which has its hash', async () => {
    await using pool = await followPool();
    const client = pool.client();
    const { id } = await client.follow(false);
    const before = pool.nodes.flatMap(({ calls }) => calls).length;
    const hash = pool.blocks[4]?.hash as string;
    const header = await client.ask<string>(
      'chainHead_v1_header',
      id,
      hash.toUpperCase().replace('0X', '0x'),
    );
    expect(u8aToHex(blake2(hexToU8a(header)))).toBe(hash);
    expect(pool.nodes.flatMap(({ calls }) => calls)).toHaveLength(before);
  });

  it('is of pinned blocks only', async () => {
    await using pool = await followPool();
    const client = pool.client();
    const { id } = await client.follow(false);
    const hash = pool.blocks[4]?.hash;
    for (const unpinned of [pool.blocks[1]?.hash, `0x${'00'.repeat(32)}`]) {
      expect(await client.call('chainHead_v1_header', id, unpinned)).toMatchObject({
        error: { code: -32801 },
      });
    }
    expect(await client.ask('chainHead_v1_unpin', id, hash)).toBeNull();
    expect(await client.call('chainHead_v1_header', id, hash)).toMatchObject({
      error: { code: -32801 },
    });
  });
});

describe('unpinning', () => {
  it('takes one block or several, all or none', async () => {
    await using pool = await followPool();
    const client = pool.client();
    const { id } = await client.follow(false);
    const [, , , b3, b4, b5] = hashes(pool.blocks);
    const unpin = (what: unknown) => client.call('chainHead_v1_unpin', id, what);
    expect(await unpin([b3, b3])).toMatchObject({ error: { code: -32804 } });
    expect(await unpin([b3, `0x${'ab'.repeat(32)}`])).toMatchObject({ error: { code: -32801 } });
    expect(await unpin([b3, b4])).toEqual({ kind: 'result', result: 'null' });
    expect(await unpin([b3])).toMatchObject({ error: { code: -32801 } });
    expect(await unpin(b5)).toEqual({ kind: 'result', result: 'null' });
    expect(await unpin([])).toEqual({ kind: 'result', result: 'null' });
    for (const wrong of [undefined, null, 5, '0x12', [b5, '0x12'], [[b5]]]) {
      expect(await unpin(wrong)).toMatchObject({ error: { code: -32602 } });
    }
  });
});

describe('an id that is stale, unknown or of another client', () => {
  it('is answered as one whose follow has stopped', async () => {
    await using pool = await followPool();
    const client = pool.client();
    const stranger = await pool.client().follow(true);
    const ended = await client.follow(true);
    ended.unfollow();
    const hash = pool.blocks[4]?.hash;
    for (const id of ['nonsense', stranger.id, ended.id]) {
      const calls: readonly (readonly [unknown, string, ...unknown[]])[] = [
        [null, 'chainHead_v1_header', hash],
        [{ result: 'limitReached' }, 'chainHead_v1_body', hash],
        [{ result: 'limitReached' }, 'chainHead_v1_call', hash, 'Core_version', '0x'],
        [{ result: 'limitReached' }, 'chainHead_v1_storage', hash, [], null],
        [null, 'chainHead_v1_unpin', hash],
        [null, 'chainHead_v1_continue', '1'],
        [null, 'chainHead_v1_stopOperation', '1'],
      ];
      for (const [expected, method, ...params] of calls) {
        expect(await client.ask(method, id, ...params)).toEqual(expected);
      }
    }
    // The same without a session, as over HTTP.
    expect(await pool.balancer.request('chainHead_v1_header', [stranger.id, hash])).toBeNull();
  });
});

describe('limits', () => {
  it('decline one follow too many with -32800, also of one that has its stop to come', async () => {
    await using pool = await followPool();
    const client = pool.client();
    const follows = await Promise.all([1, 2, 3, 4].map(() => client.follow(false)));
    await expect(client.follow(false)).rejects.toMatchObject({ code: -32800 });
    await pool.client().follow(false);
    follows[0]?.unfollow();
    await client.follow(false);
  });

  it('stop the follow that has most blocks pinned', async () => {
    await using pool = await followPool({ chainHead: { maxPinnedBlocks: 40 } });
    const client = pool.client();
    const greedy = await client.follow(false);
    const modest = await client.follow(false);
    let last = pool.blocks[5] as ForkBlock;
    for (let i = 0; i < 40 && !greedy.isDone; i += 1) {
      last = pool.chain.child(last);
      await pool.show(last);
      await client.ask('chainHead_v1_unpin', modest.id, last.hash);
    }
    expect(greedy.events.at(-1)).toEqual({ event: 'stop' });
    expect(greedy.isDone).toBe(true);
    expect(modest.events.at(-1)).toEqual(best(last));
    expect(await client.ask('chainHead_v1_header', greedy.id, last.hash)).toBeNull();
  });

  it('stop a follow whose pins are older than the state that nodes keep', async () => {
    await using pool = await followPool({ chainHead: { maxPinnedDepth: 16 } });
    const client = pool.client();
    const lazy = await client.follow(false);
    const tidy = await client.follow(false);
    let last = pool.blocks[5] as ForkBlock;
    for (let i = 0; i < 20; i += 1) {
      last = pool.chain.child(last);
      await pool.show(last);
      await pool.finalize(last);
      for (const { event, ...members } of tidy.take()) {
        if (event !== 'finalized') continue;
        await client.ask('chainHead_v1_unpin', tidy.id, members.finalizedBlockHashes);
      }
      if (i === 0) await client.ask('chainHead_v1_unpin', tidy.id, pool.blocks[3]?.hash);
    }
    expect(lazy.events.filter(({ event }) => event === 'stop')).toHaveLength(1);
    expect(lazy.events.at(-1)).toEqual({ event: 'stop' });
    expect(tidy.isDone).toBe(false);
  });

  it('leave time between two stops to one client', async () => {
    await using pool = await followPool({ chainHead: { maxPinnedBlocks: 32 } });
    const client = pool.client();
    const stops: number[] = [];
    // They are 1500 apart; each is noticed here a few blocks late, a millisecond for each.
    const least = 1_450;
    let last = pool.blocks[5] as ForkBlock;
    for (let round = 0; round < 3; round += 1) {
      const follow = await client.follow(false);
      for (let i = 0; i < 32; i += 1) {
        last = pool.chain.child(last);
        await pool.show(last);
      }
      await pool.clock.runUntil(() => follow.isDone, 10_000);
      stops.push(pool.clock.now());
      await pool.finalize(last);
    }
    const [first = 0, second = 0, third = 0] = stops;
    expect(second - first).toBeGreaterThanOrEqual(least);
    expect(third - second).toBeGreaterThanOrEqual(least);
  });

  it('must be what the specification allows', async () => {
    await expect(followPool({ chainHead: { maxFollows: 1 } })).rejects.toThrow('maxFollows is 1');
  });
});

describe('when upstreams die', () => {
  it('goes on with what is left, without a stop, a gap or a block told twice', async () => {
    await using pool = await followPool({ nodes: 3 });
    const [a, b, c] = pool.nodes;
    const follow = await pool.client().follow(true);
    await pool.clock.advance(1);
    follow.take();
    let last = pool.blocks[5] as ForkBlock;
    const made: ForkBlock[] = [pool.blocks[4] as ForkBlock, last];
    const step = async (): Promise<void> => {
      last = pool.chain.child(last);
      made.push(last);
      await pool.show(last);
    };
    await step();
    // Between a new block and its finality.
    a?.crash();
    await step();
    b?.crash();
    await step();
    await pool.finalize(last, [c] as never);
    await a?.restart();
    await pool.clock.advance(100);
    await step();
    const events = follow.take();
    expect(events.filter(({ event }) => event === 'newBlock').map((e) => e.blockHash)).toEqual(
      hashes(made.slice(2)),
    );
    expect(events.filter(({ event }) => event === 'finalized')).toEqual([
      finalized(made.slice(0, -1)),
    ]);
    expect(events.some(({ event }) => event === 'stop')).toBe(false);
  });

  it('keeps its best block when the only upstream that has it goes', async () => {
    await using pool = await followPool();
    const [a, b] = pool.nodes;
    const b5 = pool.blocks[5] as ForkBlock;
    const follow = await pool.client().follow(false);
    const [b6, b7] = pool.chain.grow(b5, 2) as [ForkBlock, ForkBlock];
    const fork = pool.chain.child(b5);
    follow.take();
    for (const block of [b6, b7]) a?.show(block);
    await pool.clock.advance(1);
    expect(follow.take().at(-1)).toEqual(best(b7));
    a?.crash();
    await pool.clock.advance(1);
    expect(pool.balancer.head.best?.hash).toBe(b5.hash);
    // Neither the way it came, nor a lower branch.
    b?.show(fork);
    await pool.clock.advance(1);
    expect(follow.take()).toEqual([newBlock(fork)]);
    for (const block of pool.chain.grow(fork, 2)) {
      await pool.show(block, pool.nodes.slice(1));
      expect(follow.take()).toEqual([newBlock(block), best(block)]);
    }
  });

  it('goes on while all of them rest after failures of other calls', async () => {
    await using pool = await followPool();
    const follow = await pool.client().follow(false);
    for (const node of pool.nodes) {
      node.handle('state_call', () => errorReply({ code: -32000, message: 'Bad Gateway' }));
    }
    for (let i = 0; i < 20; i += 1) {
      const call = pool.balancer.forward({ method: 'state_call', params: '["x","0x"]' });
      call.catch(() => {});
      await pool.clock.advance(500);
    }
    expect(pool.balancer.snapshot().upstreams.some(({ reason }) => reason !== undefined)).toBe(
      true,
    );
    follow.take();
    const b6 = pool.chain.child(pool.blocks[5] as ForkBlock);
    await pool.show(b6);
    expect(follow.take()).toEqual([newBlock(b6), best(b6)]);
  });

  it('waits while there is none, and goes on when one comes back', async () => {
    await using pool = await followPool();
    const follow = await pool.client().follow(false);
    follow.take();
    for (const node of pool.nodes) node.crash();
    await pool.clock.advance(60_000);
    expect(follow.take()).toEqual([]);
    const more = pool.chain.grow(pool.blocks[5] as ForkBlock, 10);
    for (const node of pool.nodes) {
      for (const block of more) node.show(block);
      node.finalize(more[4] as ForkBlock);
      await node.restart();
    }
    await pool.clock.advance(1_000);
    const events = follow.take();
    expect(events.filter(({ event }) => event === 'newBlock').map((e) => e.blockHash)).toEqual(
      hashes(more),
    );
    expect(events.at(-1)).toMatchObject({ event: expect.stringMatching(/finalized|best/) });
    expect(events.some(({ event }) => event === 'stop')).toBe(false);
  });

  it('stops once when what happened meanwhile cannot be told', async () => {
    await using pool = await followPool();
    const client = pool.client();
    const follow = await client.follow(false);
    follow.take();
    for (const node of pool.nodes) node.crash();
    await pool.clock.advance(1_000);
    const more = pool.chain.grow(pool.blocks[5] as ForkBlock, 400);
    for (const node of pool.nodes) {
      node.show(more.at(-1) as ForkBlock);
      node.finalize(more.at(-2) as ForkBlock);
      await node.restart();
    }
    await pool.clock.advance(10_000);
    const events = follow.take();
    expect(events.filter(({ event }) => event === 'stop')).toHaveLength(1);
    expect(events.at(-1)).toEqual({ event: 'stop' });
    const again = await client.follow(false);
    expect(again.events[0]).toMatchObject({ event: 'initialized' });
  });
});

describe('when the chain is not what was told', () => {
  it('stops once, and a new follow begins on the other chain', async () => {
    await using pool = await followPool({ height: 5, finalized: 5 });
    const client = pool.client();
    const follow = await client.follow(false);
    follow.take();
    const other = pool.chain.grow(pool.blocks[4] as ForkBlock, 2);
    for (const block of other) await pool.show(block);
    await pool.finalize(other[1] as ForkBlock);
    expect(follow.take().filter(({ event }) => event === 'stop')).toHaveLength(1);
    expect(follow.events.at(-1)).toEqual({ event: 'stop' });
    const again = await client.follow(false);
    expect(again.events[0]?.finalizedBlockHashes).toContain(other[1]?.hash);
  });

  it('keeps its best block while what lies below the new one is not known', async () => {
    await using pool = await followPool({ nodes: 1 });
    const [node] = pool.nodes;
    const follow = await pool.client().follow(false);
    follow.take();
    const more = pool.chain.grow(pool.blocks[5] as ForkBlock, 3);
    node?.handle('chain_getHeader', ([hash]) =>
      result(hash === more[0]?.hash ? null : (pool.chain.get(String(hash))?.header ?? null)),
    );
    node?.show(more[2] as ForkBlock);
    await pool.clock.advance(5_000);
    expect(pool.balancer.head.best?.hash).toBe(more[2]?.hash);
    expect(follow.take()).toEqual([]);
  });
});

describe('what a client leaves behind', () => {
  it('is nothing after ten thousand follows', async () => {
    const pool = await followPool();
    const first = await pool.client().follow(true);
    await pool.clock.advance(1);
    first.unfollow();
    const idle = pool.clock.pendingTimers;
    for (let i = 0; i < 2_500; i += 1) {
      const client = pool.client();
      const follows = await Promise.all([1, 2, 3, 4].map(() => client.follow(i % 2 === 0)));
      for (const { unfollow } of follows) unfollow();
      client.session.close();
    }
    expect(pool.balancer.snapshot().subscriptions).toBe(0);
    expect(pool.clock.pendingTimers).toBe(idle);
    await pool.balancer.close();
    expect(pool.clock.pendingTimers).toBe(0);
  });

  it('is nothing when the balancer closes with follows, a stop to come and work under way', async () => {
    const pool = await followPool({ chainHead: { maxPinnedBlocks: 32 } });
    const client = pool.client();
    await client.follow(true);
    for (let i = 0; i < 3; i += 1) {
      const follow = await client.follow(false);
      await pool.show(pool.chain.grow(pool.blocks[5] as ForkBlock, 40).at(-1) as ForkBlock);
      expect(follow.id).toBeTruthy();
    }
    await pool.balancer.close();
    expect(pool.clock.pendingTimers).toBe(0);
  });
});
