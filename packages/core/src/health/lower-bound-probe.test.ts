import { describe, expect, it } from 'vitest';
import { errorReply } from '../json-rpc/message.ts';
import { type FakeNode, type TestBalancer, testBalancer } from '../testing/index.ts';

const bounds = (test: TestBalancer, id: string) =>
  test.balancer.snapshot().upstreams.find((upstream) => upstream.id === id)?.lowerBounds;
const searches = (node: FakeNode): number =>
  node.calls.filter(({ method, params }) => method === 'keeps' && params[1] === 1).length;
const unknown = { block: undefined, state: undefined };

describe('the oldest block of an upstream', () => {
  it('is found soon after it connected, of states and bodies each', async () => {
    await using test = await testBalancer({ height: 302 });
    const [, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    b.kept = { state: 40 };
    c.kept = { block: 100, state: 50 };
    expect(bounds(test, 'a')).toEqual(unknown);
    await test.clock.advance(1000);
    expect(bounds(test, 'a')).toEqual({ block: 0, state: 0 });
    expect(bounds(test, 'b')).toEqual({ block: 0, state: 260 });
    expect(bounds(test, 'c')).toEqual({ block: 200, state: 250 });
  });

  it('moves with the head of a node that prunes', async () => {
    await using test = await testBalancer({ height: 302, nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    a.kept = { state: 40 };
    await test.clock.advance(1000);
    await test.mine(25);
    expect(bounds(test, 'a')).toEqual({ block: 0, state: 285 });
    expect(searches(a)).toBe(2);
  });

  it('is looked for again every ten minutes, and stands where it was found twice', async () => {
    await using test = await testBalancer({ height: 302, nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    // All since it began, which is not the first block.
    a.handle('keeps', ([, height]) => ({ kind: 'result', result: `${Number(height) >= 260}` }));
    await test.clock.advance(1000);
    await test.mine(25);
    expect(bounds(test, 'a')).toEqual({ block: 285, state: 285 });
    await test.clock.advance(600_000);
    expect(searches(a)).toBe(4);
    await test.mine(25);
    expect(bounds(test, 'a')).toEqual({ block: 260, state: 260 });
  });

  it('is looked for as often as the option says', async () => {
    const health = { lowerBoundIntervalMs: 20_000 };
    await using test = await testBalancer({ nodes: 1, health });
    const [a] = test.nodes as [FakeNode];
    await test.clock.advance(1000 + 40_000);
    expect(searches(a)).toBe(6);
  });

  it('is unknown while the node cannot say, which keeps nobody from serving', async () => {
    await using test = await testBalancer({ height: 302, nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    a.handle('keeps', () => errorReply({ code: 500, message: 'broken' }));
    await test.clock.advance(1000);
    expect(bounds(test, 'a')).toEqual(unknown);
    expect(test.balancer.snapshot().upstreams[0]).toMatchObject({
      reason: undefined,
      detail: 'oldest block: broken',
    });
    expect(await test.balancer.request('get', ['k', '0x5-a'])).toBe('k@0x5-a by a');
    a.kept = { state: 40 };
    a.handle('keeps', ([data, height]) => ({
      kind: 'result',
      result: `${data === 'block' || Number(height) >= 260}`,
    }));
    await test.clock.advance(60_000);
    expect(bounds(test, 'a')).toEqual({ block: 0, state: 260 });
  });

  it('is left as it was by answers that contradict one another', async () => {
    await using test = await testBalancer({ height: 302, nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    a.kept = { state: 40 };
    await test.clock.advance(1000);
    const before = bounds(test, 'a');
    let asked = 0;
    // One of two nodes behind the URL keeps nothing at all.
    a.handle('keeps', () => {
      asked += 1;
      return { kind: 'result', result: `${asked % 3 === 0}` };
    });
    await test.clock.advance(600_000);
    expect(asked).toBeGreaterThan(0);
    expect(bounds(test, 'a')).toEqual(before);
  });

  it('is forgotten with the connection, and asked of the next one', async () => {
    await using test = await testBalancer({ height: 302, nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    await test.clock.advance(1000);
    a.crash();
    expect(bounds(test, 'a')).toEqual(unknown);
    a.kept = { state: 40 };
    await a.restart();
    await test.clock.advance(1000);
    expect(bounds(test, 'a')).toEqual({ block: 0, state: 260 });
  });

  it('is no longer asked for when the connection is gone in the middle', async () => {
    await using test = await testBalancer({ height: 302, nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    let answer = (): void => {};
    a.handle(
      'keeps',
      () =>
        new Promise((resolve) => {
          answer = () => resolve({ kind: 'result', result: 'false' });
        }),
    );
    await test.clock.advance(1000);
    a.crash();
    answer();
    await test.clock.advance(500);
    expect(a.calls.filter(({ method }) => method === 'keeps')).toHaveLength(1);
    await test.balancer.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('is not asked for on a chain that has only its first block', async () => {
    await using test = await testBalancer({ height: 0, nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    await test.clock.advance(1000);
    expect(searches(a)).toBe(0);
    expect(await test.balancer.request('get', ['k'])).toBe('k@0x0-a by a');
  });
});
