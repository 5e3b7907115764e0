import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Balancer } from '../balancer.ts';
import type { Block, FeedKind } from '../chain/chain.ts';
import { ChainHead } from '../head/chain-head.ts';
import { FakeClock, FakeLedger, type FakeNode, testBalancer } from '../testing/index.ts';
import { UpstreamState } from '../upstream/state.ts';
import { HeadFeed } from './head-feed.ts';

/** One upstream's head, and a feed of it. */
function feed(kind: FeedKind) {
  const clock = new FakeClock();
  const ledger = new FakeLedger();
  ledger.mine(20);
  const head = new ChainHead({ clock, blockTimeMs: 6000 });
  const state = new UpstreamState();
  state.voting = true;
  head.join('a', state);
  const gaps: [number, number][] = [];
  const at = (number: number): Block => ledger.ancestor(ledger.head, number) as Block;
  head.report(state, at(10), true);
  head.reportFinalized(state, at(8));
  const made = new HeadFeed(kind, head, (_kind, from, to) => gaps.push([from.number, to.number]));
  return { at, clock, feed: made, gaps, head, ledger, state };
}

describe('HeadFeed', () => {
  it('begins with the current block', () => {
    for (const [kind, first] of [
      ['best', 10],
      ['finalized', 8],
      ['all', 10],
    ] as const) {
      const heard: number[] = [];
      feed(kind).feed.subscribe((block) => heard.push(block.number));
      expect(heard).toEqual([first]);
    }
  });

  it('tells a hole that nobody could fill, once', () => {
    const test = feed('best');
    const heard: number[] = [];
    test.feed.subscribe((block) => heard.push(block.number));
    test.head.report(test.state, test.at(15), true);
    test.head.report(test.state, test.at(16), true);
    expect(heard).toEqual([10, 15, 16]);
    expect(test.gaps).toEqual([[10, 15]]);
  });

  it('tells a subscriber that comes while a block is told of that block once', () => {
    const test = feed('best');
    const late: number[] = [];
    test.feed.subscribe((block) => {
      if (block.number === 11) test.feed.subscribe((next) => late.push(next.number));
    });
    test.head.report(test.state, test.at(11), true);
    test.head.report(test.state, test.at(12), true);
    expect(late).toEqual([11, 12]);
  });

  it('tells everybody in the same order when a subscriber moves the head', () => {
    const test = feed('best');
    const heard: number[] = [];
    test.feed.subscribe((block) => {
      if (block.number === 11) test.head.report(test.state, test.at(12), true);
    });
    test.feed.subscribe((block) => heard.push(block.number));
    test.head.report(test.state, test.at(11), true);
    expect(heard).toEqual([10, 11, 12]);
  });

  it('tells of no block whose branch cannot become final any more', () => {
    const test = feed('all');
    const heard: string[] = [];
    test.feed.subscribe((block) => heard.push(block.hash));
    const fork = test.ledger.fork(test.at(9));
    test.head.report(test.state, test.at(9), false);
    test.head.report(test.state, fork, false);
    test.head.report(test.state, test.at(11), true);
    test.head.reportFinalized(test.state, test.at(11));
    test.head.report(test.state, test.ledger.fork(fork), false);
    test.head.report(test.state, test.ledger.fork(test.at(11)), false);
    expect(heard.map((hash) => hash.split('-')[0])).toEqual(['0x10', '0x10', '0x11', '0x12']);
  });

  it('does not repeat blocks of a chain that is left and taken up again', () => {
    const test = feed('best');
    const heard: string[] = [];
    test.feed.subscribe((block) => heard.push(block.hash));
    const [one, other] = [test.ledger.fork(test.at(10)), test.ledger.fork(test.at(10))];
    const [one2, other2] = [test.ledger.fork(one), test.ledger.fork(other)];
    for (const block of [one, other, other2, one, one2]) {
      test.head.report(test.state, block, true);
    }
    expect(heard).toEqual([test.at(10), one, other, other2, one2].map(({ hash }) => hash));
  });

  it('tells nothing to who has left, also while a block is told', () => {
    const test = feed('best');
    const heard: number[] = [];
    const leave: (() => void)[] = [];
    test.feed.subscribe((block) => {
      if (block.number === 11) for (const each of leave) each();
    });
    leave.push(test.feed.subscribe((block) => heard.push(block.number)));
    test.head.report(test.state, test.at(11), true);
    test.head.report(test.state, test.at(12), true);
    expect(heard).toEqual([10]);
    expect(test.feed.subscribers).toBe(1);
  });

  it('goes over to a chain that began anew, telling the break', async () => {
    const test = feed('best');
    const heard: string[] = [];
    const finals: number[] = [];
    test.feed.subscribe((block) => heard.push(block.hash));
    new HeadFeed('finalized', test.head, () => {}).subscribe((block) => finals.push(block.number));
    test.state.forgetHeads();
    const anew = new FakeLedger('anew');
    for (let number = 1; number <= 12; number += 1) {
      test.head.report(test.state, anew.mine(), true);
      test.head.reportFinalized(test.state, anew.head);
      await test.clock.advance(12_000);
    }
    // A minute without a block that the pool could follow was needed to believe it.
    expect(heard.slice(1)).toEqual([5, 6, 7, 8, 9, 10, 11, 12].map((number) => `0x${number}-anew`));
    expect(test.gaps).toEqual([[10, 5]]);
    expect(finals).toEqual([8, 9, 10, 11, 12]);
  });
});

const feeds = ['follow_best', 'follow_finalized', 'follow_all'] as const;

/** Subscribes and notes every block. */
async function listen(balancer: Balancer, method: string): Promise<Block[]> {
  const blocks: Block[] = [];
  await balancer.subscribe(
    { method, params: '[]' },
    {
      onSubscribed: () => {},
      onItem: (item) => blocks.push(JSON.parse(item) as Block),
      onEnd: () => {},
    },
  );
  return blocks;
}

/** What may happen to a node at any moment. */
type Step =
  | {
      readonly what: 'mine' | 'crash' | 'restart' | 'hang' | 'thaw' | 'forget' | 'drop';
      node: number;
    }
  | { readonly what: 'fork'; node: number; depth: number }
  | { readonly what: 'finalize' | 'late'; node: number; back: number }
  | { readonly what: 'wait'; node: number; ms: number };

const node = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant('mine' as const), node }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constantFrom('finalize' as const, 'late' as const),
      node,
      back: fc.nat({ max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('fork' as const),
      node,
      depth: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constantFrom(
        'crash' as const,
        'restart' as const,
        'hang' as const,
        'thaw' as const,
        'forget' as const,
        'drop' as const,
      ),
      node,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('wait' as const), node, ms: fc.nat({ max: 40_000 }) }),
  },
);

/**
 * Plays the steps on three nodes that are honest: forks end before finality, and no two nodes ever
 * call different chains final.
 */
async function play(steps: readonly Step[], kinds: readonly { canSubscribe: boolean }[]) {
  const test = await testBalancer({ nodes: kinds });
  const { balancer, clock, ledger, nodes } = test;
  const gaps: unknown[] = [];
  balancer.on('gap', (gap) => gaps.push(gap));
  const heard = await Promise.all(feeds.map((method) => listen(balancer, method)));
  const down = new Set<FakeNode>();
  let tip = ledger.head;
  let final = ledger.ancestor(tip, 8) as Block;
  for (const each of steps) {
    const on = nodes[each.node % nodes.length] as FakeNode;
    switch (each.what) {
      case 'mine':
        // The others hear of it or not, as the steps have it.
        tip = ledger.fork(tip);
        on.advance(tip);
        break;
      case 'fork': {
        const from = ledger.ancestor(tip, Math.max(final.number, tip.number - each.depth)) as Block;
        let branch = from;
        while (branch.number <= tip.number) branch = ledger.fork(branch);
        tip = branch;
        on.advance(tip);
        break;
      }
      case 'finalize': {
        const height = Math.max(final.number, tip.number - each.back);
        final = ledger.ancestor(tip, height) as Block;
        for (const every of nodes) every.finalize(final);
        break;
      }
      case 'late':
        on.finalize(ledger.ancestor(final, Math.max(0, final.number - each.back)) as Block);
        break;
      case 'crash':
        on.crash();
        down.add(on);
        break;
      case 'restart':
        down.delete(on);
        void on.restart();
        break;
      case 'hang':
        on.hang();
        break;
      case 'thaw':
        on.thaw();
        break;
      case 'forget':
        on.forgetSubscriptions();
        break;
      case 'drop':
        on.dropSubscriptions();
        break;
      case 'wait':
        await clock.advance(each.ms);
        break;
    }
    await clock.advance(0);
  }
  // All is well again, and some time passes.
  for (const each of nodes) {
    each.thaw();
    if (down.has(each)) void each.restart();
  }
  await clock.advance(1);
  for (let i = 0; i < 12; i += 1) {
    tip = ledger.fork(tip);
    for (const each of nodes) {
      each.advance(tip);
      each.finalize(ledger.ancestor(tip, tip.number - 2) as Block);
    }
    await clock.advance(6000);
  }
  const [best, finalized, all] = heard as [Block[], Block[], Block[]];
  return { balancer, clock, ledger, tip, best, finalized, all, gaps };
}

describe('promise 3, whatever happens to the upstreams', () => {
  const worlds = fc.tuple(
    fc.array(step, { minLength: 5, maxLength: 50 }),
    fc.array(fc.record({ canSubscribe: fc.boolean() }), { minLength: 3, maxLength: 3 }),
  );

  it('tells every block once, parents first, and the finalized chain without a hole', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async ([steps, kinds]) => {
        const { balancer, clock, ledger, tip, best, finalized, all, gaps } = await play(
          steps,
          kinds,
        );
        expect(gaps).toEqual([]);
        for (const blocks of [best, finalized, all]) {
          expect(new Set(blocks.map(({ hash }) => hash)).size).toBe(blocks.length);
        }
        // Each finalized block is the child of the one before.
        for (const [i, block] of finalized.entries()) {
          if (i > 0) expect(block.parentHash).toBe(finalized[i - 1]?.hash);
        }
        expect(finalized.at(-1)?.number).toBe(tip.number - 2);
        // A block's parent was told before it, unless it was there before the first one.
        for (const blocks of [best, all]) {
          const told = new Set<string>();
          for (const block of blocks) {
            const parent = ledger.get(block.parentHash) as Block;
            expect(told.has(parent.hash) || parent.number < 10).toBe(true);
            told.add(block.hash);
          }
        }
        await balancer.close();
        await clock.advance(0);
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
