import { describe, expect, it } from 'vitest';
import type { Chain } from '../chain/chain.ts';
import { type FakeNode, fakeChain, result, testBalancer } from '../testing/index.ts';

/** A chain whose `local` method answers with the height of a block. */
function telling(tells: (result: string) => number | undefined = Number): Chain {
  const chain = fakeChain();
  return {
    ...chain,
    traits: (method) => {
      const traits = chain.traits(method);
      return method === 'local' ? { ...traits, tells } : traits;
    },
  };
}

describe('an answer that speaks of a block', () => {
  it('by an upstream that is ahead of the pool keeps later reads from those that lack it', async () => {
    await using test = await testBalancer({ chain: telling() });
    const [a, b] = test.nodes as [FakeNode, FakeNode, FakeNode];
    for (const node of test.nodes) node.handle('local', () => result(11));
    const session = test.balancer.session();
    expect(await test.balancer.request('local', [], { session })).toBe(11);
    expect(session.seen).toBe(11);
    const reads: unknown[] = [];
    for (const method of ['get', 'best_hash']) {
      const params = method === 'get' ? ['k'] : [];
      void test.balancer.request(method, params, { session }).then((value) => reads.push(value));
    }
    await test.clock.advance(200);
    // Nobody has shown such a block yet.
    expect(reads).toEqual([]);
    await test.mine(1, [b]);
    await test.clock.advance(200);
    expect(reads).toHaveLength(2);
    expect(reads).toContain('k@0x11-a by b');
    expect(a.calls.filter(({ method }) => method === 'get')).toEqual([]);
    // Other clients are served meanwhile.
    expect(await test.balancer.request('get', ['k', '0x9-a'])).toMatch(/^k@0x9-a by/);
  });

  it('is believed no further than a head of one upstream would be', async () => {
    await using test = await testBalancer({ chain: telling(), head: { maxUnconfirmedLead: 2 } });
    for (const node of test.nodes) node.handle('local', () => result(1_000_000));
    const session = test.balancer.session();
    await test.balancer.request('local', [], { session });
    expect(session.seen).toBe(12);
    await test.mine(2);
    expect(await test.balancer.request('get', ['k'], { session })).toMatch(/^k@0x12-a by/);
  });

  it('teaches nothing where it is null, or an error, or nobody is a client', async () => {
    await using test = await testBalancer({ chain: telling(() => undefined) });
    for (const node of test.nodes) node.handle('local', () => result(null));
    const session = test.balancer.session();
    expect(await test.balancer.request('local', [], { session })).toBeNull();
    expect(session.seen).toBe(-1);
    expect(await test.balancer.request('local')).toBeNull();
  });

  it('fails its call alone when the chain package throws over it', async () => {
    const bug = (): never => {
      throw new Error('a bug of the chain');
    };
    await using test = await testBalancer({ chain: telling(bug) });
    const session = test.balancer.session();
    const asked = test.balancer.request('local', [], { session });
    await expect(asked).rejects.toThrow('a bug of the chain');
    expect(await test.balancer.request('local')).toMatch(/^local by/);
  });

  it('has polled upstreams asked for news at once, so that the next read need not wait long', async () => {
    const chain = telling();
    await using test = await testBalancer({ chain, nodes: [{ canSubscribe: false }] });
    const [a] = test.nodes as [FakeNode];
    await test.clock.advance(1000);
    a.advance(test.ledger.mine());
    a.handle('local', () => result(11));
    const session = test.balancer.session();
    await test.balancer.request('local', [], { session });
    const read = test.balancer.request('get', ['k'], { session });
    await test.clock.advance(1);
    expect(await read).toBe('k@0x11-a by a');
  });
});
