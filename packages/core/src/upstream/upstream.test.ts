import { describe, expect, it } from 'vitest';
import { FakeNode, type TestBalancer, testBalancer } from '../testing/index.ts';

/** Everything that any node was sent of a method. */
const sent = (test: TestBalancer, method: string): number =>
  test.nodes.flatMap(({ calls }) => calls.filter((call) => call.method === method)).length;
const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: { code: string }) => error.code);

describe('an upstream that is removed with calls under way', () => {
  it('does not let a submission go elsewhere: it may have seen it', async () => {
    await using test = await testBalancer({ nodes: 2 });
    for (const node of test.nodes) node.hang();
    const submitted = outcome(test.balancer.request('submit', ['tx']));
    await test.clock.advance(1);
    const taker = test.nodes.find(({ calls }) => calls.some(({ method }) => method === 'submit'));
    for (const node of test.nodes) if (node !== taker) node.thaw();
    const removed = test.balancer.removeUpstream(taker?.id ?? '', { drainMs: 0 });
    await test.clock.advance(1);
    expect(await removed).toBe(true);
    expect(await submitted).toBe('closed');
    expect(sent(test, 'submit')).toBe(1);
  });

  it('lets a read go elsewhere', async () => {
    await using test = await testBalancer({ nodes: 2, policy: { hedge: { maxHedges: 0 } } });
    for (const node of test.nodes) node.hang();
    const read = outcome(test.balancer.request('local'));
    await test.clock.advance(1);
    const taker = test.nodes.find(({ calls }) => calls.some(({ method }) => method === 'local'));
    const [other] = test.nodes.filter((node) => node !== taker);
    other?.thaw();
    const removed = test.balancer.removeUpstream(taker?.id ?? '', { drainMs: 0 });
    await test.clock.advance(1);
    expect(await removed).toBe(true);
    expect(await read).toBe(`local by ${other?.id}`);
  });
});

describe('a submission that waits for its turn at a bounded upstream', () => {
  /** One node that takes one call at a time, and is busy with one that hangs. */
  async function busy(): Promise<TestBalancer> {
    const test = await testBalancer({ nodes: 0 });
    const only = new FakeNode('only', test.ledger);
    test.balancer.addUpstream(only.upstream({ limits: { concurrency: 1 } }));
    await test.clock.advance(1);
    only.hang();
    void test.balancer.request('constant', [], { deadlineMs: 3_600_000 });
    await test.clock.advance(1);
    return { ...test, nodes: [only], [Symbol.asyncDispose]: () => test.balancer.close() };
  }

  it.each(['submit', 'spread'])('is sent when its turn comes (%s)', async (method) => {
    await using test = await busy();
    const submitted = outcome(test.balancer.request(method, ['tx']));
    await test.clock.advance(1000);
    expect(sent(test, method)).toBe(0);
    test.nodes[0]?.thaw();
    await test.clock.advance(1);
    expect(await submitted).toBe(`${method} by only`);
  });

  it.each(['submit', 'spread'])('is never sent once its caller left (%s)', async (method) => {
    await using test = await busy();
    const caller = new AbortController();
    const { signal } = caller;
    const submitted = outcome(test.balancer.request(method, ['tx'], { signal }));
    await test.clock.advance(1000);
    caller.abort();
    expect(await submitted).toBe('cancelled');
    test.nodes[0]?.thaw();
    await test.clock.advance(60_000);
    expect(sent(test, method)).toBe(0);
  });

  it.each(['submit', 'spread'])('is never sent past its deadline (%s)', async (method) => {
    await using test = await busy();
    const submitted = outcome(test.balancer.request(method, ['tx'], { deadlineMs: 1000 }));
    await test.clock.advance(1500);
    expect(await submitted).toBe('timeout');
    test.nodes[0]?.thaw();
    await test.clock.advance(60_000);
    expect(sent(test, method)).toBe(0);
  });
});

describe('what can wait at a bounded upstream', () => {
  it('waits for the traffic that came after it', async () => {
    await using test = await testBalancer({ nodes: 0, height: 100 });
    const only = new FakeNode('only', test.ledger);
    only.finalize();
    test.balancer.addUpstream(only.upstream({ limits: { concurrency: 1 } }));
    await test.clock.advance(1);
    only.hang();
    // The search for the oldest block begins while a call is under way, and others follow.
    const calls = [test.balancer.request('constant')];
    await test.clock.advance(1000);
    calls.push(test.balancer.request('local'), test.balancer.request('nonce'));
    only.thaw();
    await test.clock.advance(1);
    await Promise.all(calls);
    const methods = only.calls.map(({ method }) => method);
    expect(methods).toContain('keeps');
    expect(methods.indexOf('keeps')).toBeGreaterThan(methods.indexOf('nonce'));
  });
});
