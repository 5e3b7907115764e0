import { errorReply } from '@dshackle/core';
import { result } from '@dshackle/core/testing';
import { encodeAddress } from '@polkadot/util-crypto';
import { describe, expect, it } from 'vitest';
import { madeUpExtrinsic } from '../testing/extrinsic.ts';
import { type FollowPool, followPool } from '../testing/follow-pool.ts';
import type { ForkBlock } from '../testing/fork-chain.ts';

const transaction = '0x0102';
const account = new Uint8Array(32).fill(9);
const sender = encodeAddress(account);
/** One that can be read. */
const signed = madeUpExtrinsic({ account, nonce: 7 });

/** How often any node was given the transaction. */
function submitted(pool: FollowPool): number {
  return pool.nodes.flatMap((node) => node.asked('author_submitExtrinsic')).length;
}

async function grow(pool: FollowPool, count: number): Promise<void> {
  let last = pool.nodes.length > 0 ? (pool.blocks[5] as ForkBlock) : undefined;
  const best = pool.balancer.head.best?.hash;
  if (best !== undefined) last = pool.chain.get(best) ?? last;
  for (let i = 0; i < count; i += 1) {
    last = pool.chain.child(last as ForkBlock);
    await pool.show(last);
    await pool.clock.advance(6_000);
  }
}

const accepting = {
  prepare: (node: FollowPool['nodes'][number]) =>
    node.handle('author_submitExtrinsic', () => result(`0x${'ab'.repeat(32)}`)),
};

describe('transaction_v1_broadcast', () => {
  it('submits to several upstreams, and again as blocks come, with growing pauses', async () => {
    await using pool = await followPool(accepting);
    const id = await pool.client().ask('transaction_v1_broadcast', transaction);
    expect(id).toEqual(expect.any(String));
    await pool.clock.advance(10);
    const first = submitted(pool);
    expect(first).toBeGreaterThanOrEqual(2);
    await grow(pool, 1);
    const second = submitted(pool);
    expect(second).toBeGreaterThan(first);
    await grow(pool, 1);
    expect(submitted(pool)).toBe(second);
    await grow(pool, 1);
    expect(submitted(pool)).toBeGreaterThan(second);
  });

  it('goes to as many upstreams as the options say', async () => {
    await using pool = await followPool({ ...accepting, policy: { submitWidth: 1 } });
    await pool.client().ask('transaction_v1_broadcast', signed);
    await pool.clock.advance(10);
    expect(submitted(pool)).toBe(1);
  });

  it('counts in the nonces of its client', async () => {
    await using pool = await followPool({
      prepare: (node) => {
        accepting.prepare(node);
        node.handle('system_accountNextIndex', () => result(7));
      },
    });
    const [one, other] = [pool.client(), pool.client()];
    await one.ask('transaction_v1_broadcast', signed);
    await pool.clock.advance(10);
    expect(await one.ask('system_accountNextIndex', sender)).toBe(8);
    expect(await other.ask('system_accountNextIndex', sender)).toBe(7);
  });

  it('goes on at another upstream when the ones that had it die', async () => {
    await using pool = await followPool({ nodes: 2, ...accepting });
    const [a, b] = pool.nodes;
    b?.crash();
    await pool.client().ask('transaction_v1_broadcast', transaction);
    await pool.clock.advance(10);
    expect(a?.asked('author_submitExtrinsic')).toEqual([[transaction]]);
    await b?.restart();
    await pool.clock.advance(100);
    a?.crash();
    await grow(pool, 3);
    expect(b?.asked('author_submitExtrinsic').length).toBeGreaterThan(0);
  });

  it('ends when the client stops it or leaves', async () => {
    await using pool = await followPool(accepting);
    const [one, other] = [pool.client(), pool.client()];
    const id = await one.ask('transaction_v1_broadcast', transaction);
    await other.ask('transaction_v1_broadcast', transaction);
    expect(await other.call('transaction_v1_stop', id)).toMatchObject({ error: { code: -32602 } });
    expect(await one.ask('transaction_v1_stop', id)).toBeNull();
    expect(await one.call('transaction_v1_stop', id)).toMatchObject({ error: { code: -32602 } });
    other.session.close();
    await pool.clock.advance(10);
    const before = submitted(pool);
    await grow(pool, 4);
    expect(submitted(pool)).toBe(before);
  });

  it('tells nothing of a transaction that upstreams decline', async () => {
    await using pool = await followPool({
      prepare: (node) =>
        node.handle('author_submitExtrinsic', () =>
          errorReply({ code: 1010, message: 'Invalid Transaction', data: 'Bad origin' }),
        ),
    });
    const client = pool.client();
    const id = await client.ask('transaction_v1_broadcast', transaction);
    await grow(pool, 2);
    expect(await client.ask('transaction_v1_stop', id)).toBeNull();
  });

  it('is null above the limit of a client, and for callers that could not stop it', async () => {
    await using pool = await followPool({ ...accepting, chainHead: { maxBroadcasts: 4 } });
    const client = pool.client();
    for (let i = 0; i < 4; i += 1) {
      expect(await client.ask('transaction_v1_broadcast', transaction)).not.toBeNull();
    }
    expect(await client.ask('transaction_v1_broadcast', transaction)).toBeNull();
    expect(await pool.client().ask('transaction_v1_broadcast', transaction)).not.toBeNull();
    expect(await pool.balancer.request('transaction_v1_broadcast', [transaction])).toBeNull();
  });

  it('takes bytes in hex, and leaves nothing behind', async () => {
    const pool = await followPool(accepting);
    const client = pool.client();
    for (const wrong of [undefined, 5, 'zz', '0x123']) {
      expect(await client.call('transaction_v1_broadcast', wrong)).toMatchObject({
        error: { code: -32602 },
      });
    }
    for (let i = 0; i < 16; i += 1) await client.ask('transaction_v1_broadcast', transaction);
    await pool.balancer.close();
    expect(pool.clock.pendingTimers).toBe(0);
  });
});
