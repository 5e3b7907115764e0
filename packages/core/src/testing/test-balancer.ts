import { type Balancer, createBalancer } from '../balancer.ts';
import type { BalancerOptions } from '../balancer-options.ts';
import { fakeChain } from './fake-chain.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeLedger } from './fake-ledger.ts';
import { FakeNode, type FakeNodeOptions } from './fake-node.ts';
import { seededRandom } from './seeded-random.ts';

/** A balancer over fake nodes, on a clock that stands still until told. */
export interface TestBalancer extends AsyncDisposable {
  readonly balancer: Balancer;
  readonly clock: FakeClock;
  readonly ledger: FakeLedger;
  readonly nodes: readonly FakeNode[];
  /** Mines on the main branch and shows each block to these nodes (default all), also as final. */
  mine(count?: number, to?: readonly FakeNode[]): Promise<void>;
}

/** Options of {@link testBalancer}. */
export interface TestBalancerOptions extends Partial<Omit<BalancerOptions, 'clock' | 'random'>> {
  /** How many nodes, or the options of each. @default 3 */
  readonly nodes?: number | readonly FakeNodeOptions[];
  /** Blocks the ledger has before the balancer starts. @default 10 */
  readonly height?: number;
}

/**
 * A balancer over fake nodes `a`, `b`, `c`, … that is already connected: routing logic can be tested
 * in-process, in no time.
 */
export async function testBalancer(options: TestBalancerOptions = {}): Promise<TestBalancer> {
  const { nodes: wanted = 3, height = 10, ...rest } = options;
  const clock = new FakeClock();
  const ledger = new FakeLedger();
  ledger.mine(height);
  const list = typeof wanted === 'number' ? Array.from({ length: wanted }, () => ({})) : wanted;
  const nodes = list.map((node, i) => new FakeNode(String.fromCharCode(97 + i), ledger, node));
  for (const node of nodes) node.finalize(ledger.ancestor(ledger.head, Math.max(0, height - 2)));
  const balancer = createBalancer({
    chain: fakeChain(),
    upstreams: nodes.map((node) => node.upstream()),
    ...rest,
    clock,
    random: seededRandom(1),
  });
  await clock.advance(1);
  return {
    balancer,
    clock,
    ledger,
    nodes,
    async mine(count = 1, to = nodes) {
      for (let i = 0; i < count; i += 1) {
        const block = ledger.mine();
        for (const node of to) {
          node.advance(block);
          node.finalize(ledger.ancestor(block, block.number - 2));
        }
        await clock.advance(0);
      }
    },
    [Symbol.asyncDispose]: () => balancer.close(),
  };
}
