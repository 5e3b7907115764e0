import { describe, expect, it } from 'vitest';
import { errorReply } from './json-rpc/message.ts';
import { type FakeNode, result, type TestBalancer, testBalancer } from './testing/index.ts';

/** Every answer takes as long, so that load has something to go by. */
const answerMs = 10;

function answerSlowly({ clock, nodes }: TestBalancer, fails = (_node: FakeNode) => false): void {
  for (const node of nodes) {
    node.handle('local', () => {
      const reply = fails(node) ? errorReply({ code: 500, message: 'out of order' }) : result('1');
      return new Promise((resolve) => clock.setTimeout(() => resolve(reply), answerMs));
    });
  }
}

/** Calls for so long, twenty at a time ten times a second; how many each node was sent. */
async function traffic(test: TestBalancer, seconds: number): Promise<ReadonlyMap<string, number>> {
  const before = test.nodes.map(({ calls }) => calls.length);
  for (let round = 0; round < 10 * seconds; round += 1) {
    const calls = Array.from({ length: 20 }, () => test.balancer.request('local'));
    await test.clock.advance(100);
    await Promise.all(calls);
  }
  return new Map(
    test.nodes.map(({ id, calls }, i) => {
      const since = calls.slice(before[i]);
      return [id, since.filter(({ method }) => method === 'local').length];
    }),
  );
}

describe('an upstream that does worse than the rest', () => {
  it('gets no traffic while it is ejected, and some again afterwards', async () => {
    await using test = await testBalancer({ nodes: 6, policy: { hedge: { maxHedges: 0 } } });
    let asked = 0;
    // Every third: too few for its circuit breaker, and the retries hide it from callers.
    answerSlowly(test, ({ id }) => id === 'f' && ++asked % 3 === 0);
    const at = (): string | undefined =>
      test.balancer.snapshot().upstreams.find(({ id }) => id === 'f')?.reason;
    const before = await traffic(test, 10);
    expect(before.get('f')).toBeGreaterThan(100);
    expect(at()).toBe('ejected');
    const during = await traffic(test, 20);
    expect(during.get('f')).toBe(0);
    expect(during.get('a')).toBeGreaterThan(300);
    await test.clock.advance(11_000);
    expect(at()).toBeUndefined();
    const after = await traffic(test, 2);
    expect(after.get('f')).toBeGreaterThan(0);
  });
});

describe('an upstream that comes back', () => {
  /** Its share of the traffic in each second after its return. */
  async function shares(windowMs: number): Promise<number[]> {
    await using test = await testBalancer({
      nodes: 2,
      policy: { hedge: { maxHedges: 0 } },
      health: { slowStart: { windowMs } },
    });
    answerSlowly(test);
    await traffic(test, 2);
    const back = test.nodes[1] as FakeNode;
    back.crash();
    await traffic(test, 1);
    void back.restart();
    // Until probes and heads let it serve again.
    while (test.balancer.snapshot().upstreams[1]?.reason !== undefined) {
      await test.clock.advance(100);
    }
    const found: number[] = [];
    for (let second = 0; second < 10; second += 1) {
      const sent = await traffic(test, 1);
      found.push((sent.get('b') ?? 0) / 200);
    }
    return found;
  }

  it('gets its share little by little', async () => {
    const slow = await shares(10_000);
    expect(slow[0]).toBeLessThan(0.25);
    expect(slow[4]).toBeGreaterThan(slow[0]!);
    expect(slow[9]).toBeGreaterThan(0.4);
    const [atOnce] = await shares(0);
    expect(atOnce).toBeGreaterThan(0.4);
  });
});
