import { describe, expect, it } from 'vitest';
import { type TestBalancer, testBalancer } from '../testing/index.ts';

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
