import { describe, expect, it } from 'vitest';
import type { Chain } from '../chain/chain.ts';
import { isBalancerError } from '../errors.ts';
import { errorReply } from '../json-rpc/message.ts';
import { FakeNode, fakeChain, result, type TestBalancer, testBalancer } from '../testing/index.ts';

type Nodes = [FakeNode, FakeNode, FakeNode];

/**
 * Three upstreams, of which `a` keeps all and the others the last forty states and twenty bodies;
 * the pool knows the blocks from 300 to 360, of which 358 is final.
 */
async function archiveAndPruned(options: Parameters<typeof testBalancer>[0] = {}) {
  const test = await testBalancer({ height: 302, ...options });
  const [, ...pruned] = test.nodes;
  for (const node of pruned) node.kept = { state: 40, block: 20 };
  await test.clock.advance(1000);
  await test.mine(58);
  return test;
}

const hash = (number: number): string => `0x${number}-a`;
const asked = (node: FakeNode, method: string): number =>
  node.calls.filter((call) => call.method === method).length;
const boundOf = (test: TestBalancer, id: string) =>
  test.balancer.snapshot().upstreams.find((upstream) => upstream.id === id)?.lowerBounds;

/** The outcome of a call, as text, letting time pass until there is one. */
async function outcome(test: TestBalancer, method: string, ...params: unknown[]): Promise<string> {
  const done = test.balancer
    .request(method, params)
    .then(String, (error: unknown) =>
      isBalancerError(error) ? error.message : `${(error as { code: number }).code} ${error}`,
    );
  await test.clock.advance(6000);
  return done;
}

describe('an old block', () => {
  it('is asked only of upstreams that still have what the call needs of it', async () => {
    await using test = await archiveAndPruned();
    const [, b, c] = test.nodes as Nodes;
    for (let i = 0; i < 10; i += 1) {
      expect(await test.balancer.request('get', ['k', hash(310)])).toBe('k@0x310-a by a');
      expect(await test.balancer.request('body', [hash(330)])).toBe('body of 0x330-a by a');
    }
    for (const node of [b, c]) expect([asked(node, 'get'), asked(node, 'body')]).toEqual([0, 0]);
  });

  it('is asked of all that have it', async () => {
    await using test = await archiveAndPruned();
    const by = new Set<unknown>();
    for (let i = 0; i < 30; i += 1) {
      by.add(await test.balancer.request('get', ['k', hash(325)]));
      by.add(await test.balancer.request('header', [hash(305)]).then(() => 'k@0x325-a by a'));
    }
    expect([...by].sort()).toEqual(['a', 'b', 'c'].map((id) => `k@0x325-a by ${id}`));
  });

  it('says why nobody can answer when the archive is gone', async () => {
    await using test = await archiveAndPruned();
    const [a] = test.nodes as Nodes;
    a.crash();
    const message = await outcome(test, 'get', 'k', hash(310));
    expect(message).toMatch(/^\[no eligible upstream\]/);
    expect(message).toContain('1 of 3 disconnected');
    expect(message).toContain('2 of 3 pruned');
  });

  it('says so at once when there is no archive to wait for', async () => {
    await using test = await archiveAndPruned();
    await test.balancer.removeUpstream('a', { drainMs: 0 });
    const call = test.balancer.request('get', ['k', hash(310)]);
    await expect(call).rejects.toThrow('2 of 2 pruned');
  });

  it('goes to the archive whatever its role, known or not', async () => {
    await using test = await testBalancer({ height: 302, nodes: 2 });
    for (const node of test.nodes) node.kept = { state: 40 };
    const archive = new FakeNode('z', test.ledger);
    archive.finalize(test.ledger.ancestor(test.ledger.head, 300));
    test.balancer.addUpstream(archive.upstream({ role: 'fallback' }));
    await test.clock.advance(1000);
    await test.mine(58, [...test.nodes, archive]);
    for (const number of [310, 7]) {
      const answer = await test.balancer.request('get', ['k', hash(number)]);
      expect(answer).toBe(`k@${hash(number)} by z`);
    }
    for (const node of test.nodes) expect(asked(node, 'get')).toBe(0);
    expect(await test.balancer.request('get', ['k', hash(330)])).not.toMatch(/by z$/);
  });

  it('carries a subscription that speaks of it only where it is', async () => {
    await using test = await archiveAndPruned();
    const [a, b, c] = test.nodes as Nodes;
    const handlers = { onSubscribed: () => {}, onItem: () => {}, onEnd: () => {} };
    for (let i = 0; i < 5; i += 1) {
      const params = JSON.stringify([hash(310)]);
      await test.balancer.subscribe({ method: 'watch_at', params }, handlers);
    }
    expect([a, b, c].map((node) => node.subscriptions('watch_at'))).toEqual([5, 0, 0]);
  });

  it('is one that the pool never heard of: the archive is asked first, then the others', async () => {
    await using test = await archiveAndPruned();
    const [a, b, c] = test.nodes as Nodes;
    for (let i = 0; i < 10; i += 1) {
      expect(await test.balancer.request('get', ['k', hash(7)])).toBe('k@0x7-a by a');
    }
    expect([asked(b, 'get'), asked(c, 'get')]).toEqual([0, 0]);
    a.crash();
    // What the nodes say of it is the answer: the pool knows no better.
    expect(await outcome(test, 'get', 'k', hash(7))).toMatch(/^404 .*already discarded/);
    expect([asked(b, 'get'), asked(c, 'get')]).toEqual([1, 1]);
  });

  it('is asked of upstreams with the longest history in turn when it may be anywhere', async () => {
    await using test = await testBalancer({ height: 302, nodes: 3 });
    const [a, b, c] = test.nodes as Nodes;
    a.kept = { state: 20 };
    b.kept = { state: 200 };
    c.kept = { state: 190 };
    await test.clock.advance(1000);
    const by = new Set<unknown>();
    for (let i = 0; i < 20; i += 1) by.add(await test.balancer.request('get', ['k', hash(200)]));
    expect([...by].sort()).toEqual(['k@0x200-a by b', 'k@0x200-a by c']);
    expect(asked(a, 'get')).toBe(0);
  });
});

describe('a range of blocks', () => {
  it('goes to upstreams that have its beginning', async () => {
    await using test = await archiveAndPruned();
    const [, b, c] = test.nodes as Nodes;
    for (let i = 0; i < 10; i += 1) {
      expect(await test.balancer.request('history', ['k', hash(310), hash(350)])).toMatch(/by a$/);
      expect(await test.balancer.request('history', ['k', hash(310)])).toMatch(
        /0x360-a of k by a$/,
      );
      expect(await test.balancer.request('history_of', ['k', 310, 350])).toMatch(/by a$/);
    }
    for (const node of [b, c]) {
      expect([asked(node, 'history'), asked(node, 'history_of')]).toEqual([0, 0]);
    }
    const by = new Set<unknown>();
    for (let i = 0; i < 30; i += 1) {
      by.add(await test.balancer.request('history', ['k', hash(330), hash(350)]));
      by.add(await test.balancer.request('history', ['k', hash(330)]));
      by.add(await test.balancer.request('history_of', ['k', 330, 350]));
    }
    expect(by.size).toBe(9);
  });
});

describe('a bound that was wrong', () => {
  it('is corrected by the error that shows it', async () => {
    await using test = await archiveAndPruned();
    const [, b, c] = test.nodes as Nodes;
    // They began to keep less after they were searched.
    for (const node of [b, c]) node.kept = { state: 30 };
    for (let i = 0; i < 30; i += 1) {
      expect(await test.balancer.request('get', ['k', hash(322)])).toBe('k@0x322-a by a');
    }
    expect([asked(b, 'get'), asked(c, 'get')]).toEqual([1, 1]);
    expect(boundOf(test, 'b')?.state).toBe(323);
    await test.mine(5);
    expect(boundOf(test, 'b')?.state).toBe(328);
  });

  it('is corrected by each of several that were asked at once', async () => {
    await using test = await archiveAndPruned();
    const [, b, c] = test.nodes as Nodes;
    for (const node of [b, c]) node.kept = { state: 30 };
    const strategy = { kind: 'agree', count: 3, width: 3 } as const;
    const call = test.balancer.request('get', ['k', hash(322)], { strategy }).catch(() => {});
    await test.clock.advance(10_000);
    await call;
    for (const id of ['b', 'c']) expect(boundOf(test, id)?.state).toBe(323);
  });

  it('is corrected by a null for a block that the pool knows', async () => {
    await using test = await archiveAndPruned();
    const [, b] = test.nodes as Nodes;
    b.handle('body', () => result(null));
    for (let i = 0; i < 30; i += 1) {
      expect(await test.balancer.request('body', [hash(340)])).toMatch(/^body of/);
    }
    expect(asked(b, 'body')).toBe(1);
    expect(boundOf(test, 'b')).toMatchObject({ block: 341, state: 318 });
  });

  it('is not taken from a null that may mean another lack', async () => {
    const plain = fakeChain();
    const chain: Chain = {
      ...plain,
      traits: (method) => {
        const traits = plain.traits(method);
        return method === 'body' ? { ...traits, nullMeans: 'unsure' } : traits;
      },
    };
    await using test = await archiveAndPruned({ chain });
    for (const node of test.nodes) node.handle('body', () => result(null));
    const before = test.nodes.map(({ id }) => boundOf(test, id)?.block);
    // All that may have it were asked, and nobody is thought to have less for it.
    expect(await test.balancer.request('body', [hash(345)])).toBeNull();
    expect(test.nodes.map((node) => asked(node, 'body'))).toEqual([1, 1, 1]);
    expect(test.nodes.map(({ id }) => boundOf(test, id)?.block)).toEqual(before);
  });

  it('is searched again when an error contradicts it by far, and one error loses no archive', async () => {
    await using test = await archiveAndPruned();
    const [a] = test.nodes as Nodes;
    a.handle('get', () => errorReply({ code: 404, message: 'state already discarded' }));
    expect(await outcome(test, 'get', 'k', hash(310))).toMatch(/^404/);
    expect(boundOf(test, 'a')?.state).toBe(0);
    const searches = asked(a, 'keeps');
    await test.clock.advance(30_000);
    expect(asked(a, 'keeps')).toBeGreaterThan(searches);
    expect(boundOf(test, 'a')?.state).toBe(0);
    // This time it is true.
    expect(await outcome(test, 'get', 'k', hash(310))).toMatch(/^404/);
    a.kept = { state: 30 };
    await test.clock.advance(30_000);
    expect(boundOf(test, 'a')?.state).toBe(328);
    expect(await outcome(test, 'get', 'k', hash(310))).toContain('3 of 3 pruned');
    expect(test.balancer.snapshot().upstreams[0]?.reason).toBeUndefined();
  });

  it('is taken from errors where no search succeeds', async () => {
    await using test = await testBalancer({ height: 302 });
    const [a, b, c] = test.nodes as Nodes;
    for (const node of [b, c]) {
      node.kept = { state: 30 };
      node.handle('keeps', () => errorReply({ code: 500, message: 'not allowed' }));
    }
    await test.clock.advance(1000);
    await test.mine(58);
    for (let i = 0; i < 30; i += 1) {
      expect(await test.balancer.request('get', ['k', hash(310)])).toBe('k@0x310-a by a');
    }
    expect(asked(a, 'get')).toBe(30);
    expect([asked(b, 'get'), asked(c, 'get')]).toEqual([1, 1]);
    expect(boundOf(test, 'b')?.state).toBe(311);
  });

  it('says nothing about recent blocks, nor about other lacks', async () => {
    await using test = await archiveAndPruned();
    const [a, b, c] = test.nodes as Nodes;
    for (const node of [a, b, c]) {
      node.handle('get', () => errorReply({ code: 404, message: 'unknown block' }));
    }
    expect(await outcome(test, 'get', 'k', hash(360))).toMatch(/^404/);
    expect(boundOf(test, 'b')?.state).toBe(318);
    expect(await outcome(test, 'get', 'k', hash(357))).toMatch(/^404/);
    expect(boundOf(test, 'b')?.state).toBe(318);
    for (const node of [a, b, c]) node.handle('body', () => errorReply({ code: 1, message: 'no' }));
    expect(await outcome(test, 'body', hash(345))).toMatch(/^1 /);
    expect(boundOf(test, 'b')?.block).toBe(338);
  });
});
