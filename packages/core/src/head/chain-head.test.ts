import { describe, expect, it } from 'vitest';
import type { Block, BlockId } from '../chain/chain.ts';
import { FakeClock, FakeLedger } from '../testing/index.ts';
import { UpstreamState } from '../upstream/state.ts';
import { ChainHead, type ChainHeadEvents, type ChainHeadOptions } from './chain-head.ts';

const blockTimeMs = 6000;

/** A pool of upstreams that say what the test wants, in one word each. */
function pool(size: number, options: Partial<ChainHeadOptions> = {}) {
  const clock = new FakeClock();
  const ledger = new FakeLedger();
  ledger.mine(100);
  const head = new ChainHead({ clock, blockTimeMs, ...options });
  const states = Array.from({ length: size }, () => new UpstreamState());
  const join = (i: number): void => {
    const state = states[i] as UpstreamState;
    state.voting = true;
    head.join(String(i), state);
  };
  const state = (i: number): UpstreamState => states[i] as UpstreamState;
  states.forEach((_, i) => {
    join(i);
  });
  const events: [keyof ChainHeadEvents, unknown][] = [];
  const note = (name: keyof ChainHeadEvents): void => {
    head.events.on(name, (payload) => events.push([name, payload]));
  };
  for (const name of ['best', 'finalized', 'reorg', 'finalityViolation'] as const) note(name);
  for (const name of ['stalled', 'resumed'] as const) note(name);
  return {
    clock,
    events,
    head,
    join,
    ledger,
    state,
    at: (number: number): Block => ledger.ancestor(ledger.head, number) as Block,
    /** These upstreams have this block, ancestors and all down to what is final, as their best. */
    best(block: Block, ...who: number[]): void {
      for (const i of who) {
        const missing: Block[] = [];
        for (
          let at = ledger.get(block.parentHash);
          at && at.number >= (head.finalized?.number ?? head.tree.lowest) && missing.length < 128;
          at = ledger.get(at.parentHash)
        ) {
          if (!head.tree.has(at.hash)) missing.push(at);
        }
        for (const each of missing.reverse()) head.report(state(i), each, false);
        head.report(state(i), block, true);
      }
    },
    final(block: Block, ...who: number[]): void {
      for (const i of who) head.reportFinalized(state(i), block);
    },
    branch(from: Block, length: number): Block {
      let at = from;
      for (let i = 0; i < length; i += 1) at = ledger.fork(at);
      return at;
    },
    count: (name: keyof ChainHeadEvents): number =>
      events.filter((event) => event[0] === name).length,
    numbers: (): [number | undefined, number | undefined] => [
      head.best?.number,
      head.finalized?.number,
    ],
  };
}

describe('ChainHead, best', () => {
  it('believes a single upstream', () => {
    const test = pool(1);
    test.best(test.at(10), 0);
    test.final(test.at(8), 0);
    expect(test.numbers()).toEqual([10, 8]);
    test.best(test.at(60), 0);
    test.final(test.at(58), 0);
    expect(test.numbers()).toEqual([60, 58]);
  });

  it('follows one upstream a little way, and further only with another', () => {
    const test = pool(3);
    test.best(test.at(10), 0, 1, 2);
    test.final(test.at(8), 0, 1, 2);
    test.best(test.at(12), 0);
    expect(test.head.best?.number).toBe(12);
    test.best(test.at(20), 0);
    expect(test.head.best?.number).toBe(13);
    test.best(test.at(19), 1);
    expect(test.head.best?.number).toBe(20);
  });

  it('is not held back by a second node that works through old blocks and does not say so', async () => {
    const test = pool(2);
    test.best(test.at(7), 1);
    test.final(test.at(5), 1);
    test.best(test.at(90), 0);
    test.final(test.at(88), 0);
    expect(test.numbers()).toEqual([10, 5]);
    for (let number = 8; number <= 30; number += 1) {
      test.best(test.at(number), 1);
      await test.clock.advance(200);
    }
    expect(test.numbers()).toEqual([90, 88]);
    // Once it has caught up, its word counts again.
    test.best(test.at(91), 1);
    test.best(test.at(100), 0);
    expect(test.head.best?.number).toBe(94);
  });

  it('does not go back because a second node joins far behind', async () => {
    const test = pool(2);
    test.best(test.at(70), 0);
    test.final(test.at(68), 0);
    test.best(test.at(6), 1);
    expect(test.numbers()).toEqual([70, 68]);
    for (const number of [71, 72, 73, 74]) {
      test.best(test.at(number), 0);
      await test.clock.advance(blockTimeMs);
    }
    test.best(test.at(75), 0);
    expect(test.head.best?.number).toBe(75);
  });

  it('does not change chains between heads of equal height', () => {
    const test = pool(2);
    test.best(test.at(10), 0, 1);
    test.best(test.ledger.fork(test.at(10)), 1);
    const held = test.head.best?.hash;
    test.best(test.at(11), 0);
    expect(test.head.best?.hash).toBe(held);
    expect(test.count('reorg')).toBe(0);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('tells a reorganisation of depth %i as it is', (depth) => {
    const test = pool(2);
    test.best(test.at(10), 0, 1);
    test.final(test.at(10), 0, 1);
    test.best(test.at(20), 0, 1);
    const to = test.branch(test.at(20 - depth), depth + 1);
    test.best(to, 0, 1);
    expect(test.head.best).toEqual(to);
    const [reorg] = test.events.filter(([name]) => name === 'reorg');
    const { retracted, applied } = (reorg as [string, unknown])[1] as ChainHeadEvents['reorg'];
    expect(retracted.map(({ number }) => number)).toEqual(
      Array.from({ length: depth }, (_, i) => 20 - i),
    );
    expect(applied).toHaveLength(depth + 1);
    expect(applied.at(-1)).toEqual(to);
  });

  it('never leaves the finalized chain', () => {
    const test = pool(3);
    test.best(test.at(10), 0, 1, 2);
    test.final(test.at(10), 0, 1, 2);
    test.best(test.branch(test.at(7), 6), 2);
    expect(test.head.best).toEqual(test.at(10));
  });

  it('steps back when the only upstream that had the block is gone', () => {
    const test = pool(2);
    test.best(test.at(10), 0, 1);
    test.best(test.at(12), 0);
    test.head.leave('0');
    expect(test.head.best?.number).toBe(10);
  });

  it('does not wait for an upstream whose head stands still', async () => {
    const test = pool(2);
    test.best(test.at(10), 0, 1);
    test.final(test.at(8), 0, 1);
    for (let number = 11; number < 30; number += 1) {
      test.best(test.at(number), 0);
      test.final(test.at(number - 2), 0);
      await test.clock.advance(blockTimeMs);
    }
    expect(test.numbers()).toEqual([29, 27]);
  });

  it('does not wait for an upstream that joins far behind and stands still', async () => {
    const test = pool(1);
    for (let number = 50; number < 60; number += 1) {
      test.best(test.at(number), 0);
      test.final(test.at(number - 2), 0);
      await test.clock.advance(blockTimeMs);
    }
    const late = new UpstreamState();
    late.voting = true;
    test.head.join('late', late);
    test.head.report(late, test.at(10), true);
    test.head.reportFinalized(late, test.at(8));
    for (let number = 60; number < 70; number += 1) {
      await test.clock.advance(blockTimeMs);
      test.best(test.at(number), 0);
      test.final(test.at(number - 2), 0);
    }
    expect(test.head.lagMs(late)).toBeGreaterThan(10 * blockTimeMs);
    expect(test.numbers()).toEqual([69, 67]);
  });

  it('goes on with those that have what is final, while others catch up', () => {
    const test = pool(4);
    test.best(test.at(50), 0, 1);
    test.final(test.at(48), 0, 1);
    test.best(test.at(10), 2, 3);
    test.final(test.at(9), 2, 3);
    test.head.leave('1');
    test.head.leave('3');
    test.best(test.at(60), 0);
    test.final(test.at(58), 0);
    test.best(test.at(15), 2);
    expect(test.numbers()).toEqual([60, 58]);
  });

  it('ignores a block whose height does not follow from its parent', () => {
    const test = pool(1);
    test.best(test.at(10), 0);
    const parentHash = test.at(10).hash;
    test.head.report(test.state(0), { number: 99, hash: '0xlie', parentHash, header: '' }, true);
    expect(test.head.best?.number).toBe(10);
    expect(test.state(0).best?.number).toBe(10);
  });
});

describe('ChainHead, finalized', () => {
  it('needs two of three', () => {
    const test = pool(3);
    test.best(test.at(10), 0, 1, 2);
    test.final(test.at(10), 0, 1, 2);
    test.best(test.at(20), 0, 1, 2);
    test.final(test.at(15), 0);
    expect(test.head.finalized?.number).toBe(10);
    test.final(test.at(13), 1);
    expect(test.head.finalized?.number).toBe(13);
  });

  it('takes late and repeated notices for what they are', () => {
    const test = pool(2);
    test.best(test.at(8), 0, 1);
    test.best(test.at(20), 0, 1);
    for (const number of [10, 12, 11, 12, 9, 10]) test.final(test.at(number), 0, 1);
    expect(test.head.finalized?.number).toBe(12);
    expect(test.state(0).finalized?.number).toBe(12);
    const told = test.events.filter(([name]) => name === 'finalized');
    expect(told.map(([, block]) => (block as Block).number)).toEqual([10, 12]);
  });

  it('holds an upstream for forked that contradicts what is final, until it agrees again', () => {
    const test = pool(3);
    test.best(test.at(10), 0, 1, 2);
    test.best(test.at(20), 0, 1, 2);
    test.final(test.at(15), 0, 1);
    const other = test.branch(test.at(12), 6);
    test.best(other, 2);
    expect(test.state(2).forked).toBe(true);
    test.best(test.at(21), 2);
    expect(test.state(2).forked).toBe(false);
    test.final(test.ledger.fork(test.at(14)), 2);
    expect(test.state(2).forked).toBe(true);
    expect(test.head.best?.number).toBe(20);
    test.final(test.at(18), 2);
    expect(test.state(2).forked).toBe(false);
  });

  it('takes the chain of two against one that came first with a fork of its own', () => {
    const test = pool(1);
    const lie = test.branch(test.at(10), 12);
    test.best(test.at(10), 0);
    test.best(lie, 0);
    test.final(test.ledger.ancestor(lie, 20) as Block, 0);
    const held = test.head.finalized as BlockId;
    const two = [new UpstreamState(), new UpstreamState()];
    for (const [i, state] of two.entries()) {
      state.voting = true;
      test.head.join(`late ${i}`, state);
      for (let number = 11; number <= 21; number += 1) {
        test.head.report(state, test.at(number), number === 21);
      }
      test.head.reportFinalized(state, test.at(19));
    }
    expect(test.head.finalized).toEqual(test.at(19));
    expect(test.head.best).toEqual(test.at(21));
    expect(test.state(0).forked).toBe(true);
    expect(two.map((state) => state.forked)).toEqual([false, false]);
    const [violation] = test.events.filter(([name]) => name === 'finalityViolation');
    expect(violation?.[1]).toMatchObject({ held: { hash: held.hash }, taken: { number: 19 } });
    const heights = [held.hash, test.at(19).hash].map((hash) => test.head.finalHeights.get(hash));
    expect(heights).toEqual([undefined, 19]);
  });

  it('counts progress of the chain that was taken instead of a longer one', async () => {
    const test = pool(3);
    test.best(test.at(10), 0, 1, 2);
    test.final(test.at(8), 0, 1, 2);
    const lie = test.branch(test.at(8), 40);
    test.head.leave('1');
    test.head.leave('2');
    test.best(lie, 0);
    test.final(test.ledger.ancestor(lie, 30) as Block, 0);
    test.join(1);
    test.join(2);
    for (let number = 11; number < 30; number += 1) {
      test.best(test.at(number), 1, 2);
      test.final(test.at(number - 2), 1, 2);
      await test.clock.advance(blockTimeMs);
    }
    expect(test.numbers()).toEqual([29, 27]);
    expect(test.count('stalled')).toBe(0);
    test.best(test.at(20), 2);
    expect(test.head.lagMs(test.state(2))).toBe(9 * blockTimeMs);
  });

  it('lets go, once it has stalled, of what a liar far ahead called final', async () => {
    const test = pool(3);
    test.head.leave('1');
    test.head.leave('2');
    const liar = new FakeLedger('liar');
    liar.mine(5000);
    test.best(liar.head, 0);
    test.final(liar.ancestor(liar.head, 4998) as Block, 0);
    test.join(1);
    test.join(2);
    for (let number = 11; number < 40; number += 1) {
      liar.mine();
      test.head.report(test.state(0), liar.head, true);
      test.best(test.at(number), 1, 2);
      test.final(test.at(number - 2), 1, 2);
      await test.clock.advance(blockTimeMs);
    }
    expect(test.numbers()).toEqual([39, 37]);
    expect(test.count('finalityViolation')).toBe(1);
    expect(test.count('stalled')).toBe(1);
    expect(test.count('resumed')).toBe(1);
  });

  it.each([
    ['one, which has not told its best one yet', [0]],
    ['two, which have not told their best ones yet', [0, 1]],
  ])('keeps what is final, stalled or not, against an older word of %s', async (_who, back) => {
    const test = pool(3);
    test.best(test.at(12), 0, 1, 2);
    test.final(test.at(10), 0, 1, 2);
    for (const i of [0, 1, 2]) {
      test.state(i).voting = false;
      test.state(i).forgetHeads();
    }
    await test.clock.advance(60_000);
    expect(test.head.stalled).toBe(true);
    for (const i of back) {
      test.state(i).voting = true;
      test.final(test.at(8), i);
    }
    expect(test.numbers()).toEqual([12, 10]);
    test.best(test.at(13), ...back);
    expect(test.numbers()).toEqual([13, 10]);
    expect(test.count('finalityViolation')).toBe(0);
  });

  it('keeps what is final against one of three that falls short of it', async () => {
    const test = pool(3);
    test.best(test.at(12), 0, 1, 2);
    test.final(test.at(10), 0, 1, 2);
    for (const i of [0, 1, 2]) {
      test.state(i).voting = false;
      test.state(i).forgetHeads();
    }
    await test.clock.advance(60_000);
    test.state(0).voting = true;
    test.final(test.at(6), 0);
    test.best(test.at(8), 0);
    expect(test.head.finalized?.number).toBe(10);
    expect(test.count('finalityViolation')).toBe(0);
  });

  it.each([
    ['within the known history', 60, 58],
    ['longer than all that is kept', 5000, 4998],
  ])('follows a lone development node that began its chain anew, %s', async (_how, best, final) => {
    const test = pool(1);
    const old = new FakeLedger('old');
    old.mine(best);
    for (let number = Math.max(1, best - 300); number <= best; number += 1) {
      test.head.report(test.state(0), old.ancestor(old.head, number) as Block, true);
    }
    test.final(old.ancestor(old.head, final) as Block, 0);
    test.state(0).forgetHeads();
    test.head.reconsider();
    for (let number = 1; number < 20; number += 1) {
      test.best(test.at(number), 0);
      test.final(test.at(number - 1), 0);
      await test.clock.advance(blockTimeMs);
    }
    expect(test.numbers()).toEqual([19, 18]);
    expect(test.state(0).forked).toBe(false);
  });

  it('keeps what is final while the chain stands still', async () => {
    const test = pool(3);
    test.best(test.at(20), 0, 1, 2);
    test.final(test.at(18), 0, 1);
    test.final(test.at(17), 2);
    test.head.leave('1');
    await test.clock.advance(10 * 60_000);
    test.head.reconsider();
    expect(test.head.stalled).toBe(true);
    expect(test.numbers()).toEqual([20, 18]);
  });

  it('keeps what is final while nobody is there', async () => {
    const test = pool(2);
    test.best(test.at(20), 0, 1);
    test.final(test.at(18), 0, 1);
    for (const i of [0, 1]) {
      test.state(i).voting = false;
      test.state(i).forgetHeads();
    }
    await test.clock.advance(10 * 60_000);
    test.head.reconsider();
    expect(test.numbers()).toEqual([20, 18]);
  });
});

describe('ChainHead, over time', () => {
  it('raises the alarm once when no block comes, and tells when they come again', async () => {
    const test = pool(1);
    test.best(test.at(10), 0);
    await test.clock.advance(59_000);
    test.best(test.at(11), 0);
    await test.clock.advance(59_999);
    expect(test.count('stalled')).toBe(0);
    await test.clock.advance(600_000);
    expect(test.events.filter(([name]) => name === 'stalled')).toEqual([
      ['stalled', { best: test.at(11), forMs: 60_000 }],
    ]);
    test.best(test.at(12), 0);
    expect(test.count('resumed')).toBe(1);
    await test.clock.advance(60_000);
    expect(test.count('stalled')).toBe(2);
    test.head.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('keeps no more after a week than after an hour, with finality or without', async () => {
    for (const finalizes of [true, false]) {
      const clock = new FakeClock();
      const head = new ChainHead({ clock, blockTimeMs });
      const states = [new UpstreamState(), new UpstreamState()];
      for (const [i, state] of states.entries()) {
        state.voting = true;
        head.join(String(i), state);
      }
      const blocks = (7 * 24 * 3600 * 1000) / blockTimeMs;
      const hash = (number: number): string => `0x${number}`;
      const block = (number: number): Block => ({
        number,
        hash: hash(number),
        parentHash: hash(number - 1),
        header: '{}',
      });
      for (let number = 1; number <= blocks; number += 1) {
        for (const state of states) head.report(state, block(number), true);
        if (finalizes) for (const state of states) head.reportFinalized(state, block(number - 2));
      }
      expect(head.best?.number).toBe(blocks);
      expect(head.tree.size).toBeLessThanOrEqual(finalizes ? 260 : 4096);
      expect(states[0]?.possesses(hash(blocks - 5), head)).toBe('yes');
      // Heights of final blocks are known for longer than the blocks.
      const heights = [8000, 8200].map((ago) => head.finalHeights.get(hash(blocks - ago)));
      expect(heights).toEqual([finalizes ? blocks - 8000 : undefined, undefined]);
      head.close();
      expect(clock.pendingTimers).toBe(0);
    }
  });
});
