import { describe, expect, it } from 'vitest';
import type { Block, HeadObserver } from '../chain/chain.ts';
import { FakeClock, FakeLedger, fakeChain } from '../testing/index.ts';
import { UpstreamState } from '../upstream/state.ts';
import { ChainHead } from './chain-head.ts';
import { HeadTracker, type HeadTrackerOptions } from './head-tracker.ts';

/** One upstream whose head source does what the test says. */
function tracked(options: Partial<HeadTrackerOptions> = {}) {
  const clock = new FakeClock();
  const ledger = new FakeLedger();
  ledger.mine(1000);
  const at = (number: number): Block => ledger.ancestor(ledger.head, number) as Block;
  const head = new ChainHead({ clock, blockTimeMs: 6000 });
  const state = new UpstreamState();
  state.voting = true;
  head.join('a', state);
  const told: number[] = [];
  head.events.on('block', (block) => told.push(block.number));
  const script = {
    observers: [] as HeadObserver[],
    unfollowed: 0,
    polls: 0,
    fetches: [] as string[],
    follow: async (): Promise<void> => {},
    poll: async () => ({ best: at(10), finalized: at(8) }),
    fetch: async (hash: string): Promise<Block | undefined> => ledger.get(hash),
  };
  const troubles: string[] = [];
  const client = { canSubscribe: true } as HeadTrackerOptions['client'];
  const tracker = new HeadTracker({
    chain: {
      ...fakeChain(),
      heads: {
        follow: async (_client, observer) => {
          script.observers.push(observer);
          await script.follow();
          return () => {
            script.unfollowed += 1;
          };
        },
        poll: async () => {
          script.polls += 1;
          return script.poll();
        },
        fetch: async (_client, hash) => {
          script.fetches.push(hash);
          return script.fetch(hash);
        },
      },
    },
    client,
    state,
    head,
    clock,
    onTrouble: (reason) => troubles.push(reason),
    ...options,
  });
  return {
    at,
    clock,
    client: client as { canSubscribe: boolean },
    head,
    ledger,
    script,
    state,
    told,
    tracker,
    troubles,
    observer: (): HeadObserver => script.observers.at(-1) as HeadObserver,
    /** Runs, and has told best 10 and then finalized 8, as nodes do; 9 was fetched. */
    async started() {
      void tracker.run();
      await clock.advance(0);
      this.observer().onBlock(at(10), true);
      this.observer().onFinalized(at(8));
      await clock.advance(0);
    },
  };
}

describe('HeadTracker', () => {
  it('asks for nothing below the first finalized block', async () => {
    const test = tracked();
    await test.started();
    expect(test.script.fetches).toEqual([test.at(9).hash]);
    expect(test.head.best?.number).toBe(10);
    expect(test.head.finalized?.number).toBe(8);
  });

  it('connects the first best block to the finalized one, so that both may jump', async () => {
    const test = tracked();
    await test.started();
    expect(test.head.tree.path(test.at(8).hash, test.at(10).hash)?.applied).toHaveLength(2);
    test.observer().onBlock(test.at(11), true);
    test.observer().onFinalized(test.at(11));
    await test.clock.advance(0);
    expect(test.head.finalized?.number).toBe(11);
    const path = test.head.tree.path(test.at(8).hash, test.at(11).hash);
    expect(path?.applied.map(({ number }) => number)).toEqual([9, 10, 11]);
  });

  it('fetches what it missed and tells it parents first', async () => {
    const test = tracked();
    await test.started();
    test.observer().onBlock(test.at(15), true);
    await test.clock.advance(0);
    expect(test.told.slice(2)).toEqual([9, 11, 12, 13, 14, 15]);
  });

  it('keeps the order of what comes while it fetches', async () => {
    const test = tracked();
    await test.started();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    test.script.fetch = async (hash) => {
      await gate;
      return test.ledger.get(hash);
    };
    test.observer().onBlock(test.at(12), true);
    test.observer().onBlock(test.at(13), true);
    test.observer().onFinalized(test.at(12));
    test.observer().onBlock(test.at(14), true);
    await test.clock.advance(0);
    expect(test.head.best?.number).toBe(10);
    release();
    await test.clock.advance(0);
    expect(test.head.best?.number).toBe(14);
    expect(test.head.finalized?.number).toBe(12);
    expect(test.told).toEqual([10, 8, 9, 11, 12, 13, 14]);
  });

  it('goes on where a failed backfill stopped', async () => {
    const test = tracked();
    await test.started();
    let answers = 3;
    test.script.fetch = async (hash) => {
      answers -= 1;
      if (answers < 0) throw new Error('hung');
      return test.ledger.get(hash);
    };
    test.observer().onBlock(test.at(20), true);
    await test.clock.advance(0);
    expect(test.troubles).toEqual(['hung']);
    expect(test.head.best?.number).toBe(10);
    answers = 100;
    test.script.fetches.length = 0;
    test.observer().onBlock(test.at(21), true);
    await test.clock.advance(0);
    expect(test.head.best?.number).toBe(21);
    // 19, 18 and 17 are there already.
    expect(test.script.fetches).toHaveLength(7);
    expect(test.head.tree.path(test.at(8).hash, test.at(21).hash)?.applied).toHaveLength(13);
  });

  it('leaves a hole that is too wide, and does not try it again', async () => {
    const test = tracked({ maxBackfill: 16 });
    await test.started();
    test.script.fetches.length = 0;
    test.observer().onBlock(test.at(500), true);
    await test.clock.advance(0);
    expect(test.head.best?.number).toBe(500);
    expect(test.script.fetches).toHaveLength(16);
    test.observer().onBlock(test.at(501), true);
    test.observer().onFinalized(test.at(500));
    await test.clock.advance(0);
    expect(test.head.finalized?.number).toBe(500);
    expect(test.script.fetches).toHaveLength(16);
  });

  it('takes a block whose parent the upstream does not give', async () => {
    const test = tracked();
    await test.started();
    test.script.fetches.length = 0;
    test.script.fetch = async () => undefined;
    test.observer().onBlock(test.at(20), true);
    await test.clock.advance(999);
    expect(test.head.best?.number).toBe(10);
    await test.clock.advance(1);
    expect(test.head.best?.number).toBe(20);
    expect(test.script.fetches).toHaveLength(3);
  });

  it('asks again for a parent that the upstream lacks for a moment', async () => {
    const test = tracked();
    await test.started();
    let lacking = 2;
    test.script.fetch = async (hash) => {
      lacking -= 1;
      return lacking >= 0 ? undefined : test.ledger.get(hash);
    };
    test.observer().onBlock(test.at(12), true);
    await test.clock.advance(1000);
    expect(test.told).toEqual([10, 8, 9, 11, 12]);
  });

  it('is not led on by a parent that is no lower than its child', async () => {
    const test = tracked();
    await test.started();
    const liar: Block = { number: 12, hash: '0xliar', parentHash: '0xliar2', header: '{}' };
    test.script.fetches.length = 0;
    test.script.fetch = async (hash) => ({ ...liar, hash, parentHash: `${hash}2` });
    test.observer().onBlock(liar, true);
    await test.clock.advance(0);
    expect(test.script.fetches).toHaveLength(1);
  });

  it('follows again after the subscription ended, with a pause', async () => {
    const test = tracked();
    await test.started();
    test.observer().onEnd('dropped');
    await test.clock.advance(0);
    expect(test.troubles).toEqual(['dropped']);
    expect(test.script.unfollowed).toBe(1);
    expect(test.script.observers).toHaveLength(1);
    await test.clock.advance(3000);
    expect(test.script.observers).toHaveLength(2);
  });

  it('takes a silent subscription down and makes it again', async () => {
    const test = tracked();
    await test.started();
    await test.clock.advance(29_000);
    expect(test.script.unfollowed).toBe(0);
    await test.clock.advance(1_000);
    expect([test.script.unfollowed, test.troubles]).toEqual([1, ['no new head for 30000 ms']]);
    await test.clock.advance(3_000);
    expect(test.script.observers).toHaveLength(2);
  });

  it('makes it again when only the best heads fell silent', async () => {
    const test = tracked();
    await test.started();
    for (let number = 11; number < 16; number += 1) {
      test.observer().onBlock(test.at(number), false);
      test.observer().onFinalized(test.at(number - 2));
      await test.clock.advance(6000);
    }
    expect(test.troubles).toEqual(['no new head for 30000 ms']);
  });

  it.each([
    { what: 'again', says: 12, troubles: ['its finalized heads fell silent'] },
    { what: 'no more when finality stands still', says: 8, troubles: [] },
  ])('is made $what when only the finalized heads fell silent', async ({ says, troubles }) => {
    const test = tracked();
    await test.started();
    test.script.poll = async () => ({ best: test.at(30), finalized: test.at(says) });
    for (let number = 11; number < 34; number += 1) {
      test.observer().onBlock(test.at(number), true);
      await test.clock.advance(6000);
    }
    expect(test.script.polls).toBe(1);
    expect(test.troubles).toEqual(troubles);
  });

  it('goes on when an upstream with silent finality cannot be asked', async () => {
    const test = tracked();
    await test.started();
    test.script.poll = async () => {
      throw new Error('no answer');
    };
    for (let number = 11; number < 34; number += 1) {
      test.observer().onBlock(test.at(number), true);
      await test.clock.advance(6000);
    }
    expect(test.troubles).toEqual(['no answer']);
    expect(test.script.unfollowed).toBe(0);
  });

  it('does not listen to a subscription it has given up', async () => {
    const test = tracked();
    await test.started();
    const old = test.observer();
    old.onEnd('dropped');
    old.onBlock(test.at(11), true);
    old.onFinalized(test.at(11));
    await test.clock.advance(0);
    expect(test.head.best?.number).toBe(10);
    expect(test.head.finalized?.number).toBe(8);
  });

  it('does not listen to a subscription that half failed to start', async () => {
    const test = tracked();
    test.script.follow = async () => {
      throw new Error('the second subscription failed');
    };
    void test.tracker.run();
    await test.clock.advance(0);
    expect(test.troubles).toEqual(['the second subscription failed']);
    test.observer().onBlock(test.at(11), true);
    await test.clock.advance(0);
    expect(test.head.best).toBeUndefined();
  });

  it('polls an upstream without subscriptions, and subscribes as soon as it can', async () => {
    const test = tracked();
    test.client.canSubscribe = false;
    void test.tracker.run();
    await test.clock.advance(0);
    expect([test.head.best?.number, test.head.finalized?.number]).toEqual([10, 8]);
    test.script.poll = async () => ({ best: test.at(14), finalized: test.at(13) });
    await test.clock.advance(3000);
    expect([test.head.best?.number, test.head.finalized?.number]).toEqual([14, 13]);
    expect(test.head.tree.path(test.at(8).hash, test.at(14).hash)?.applied).toHaveLength(6);
    test.script.poll = async () => {
      throw new Error('refused');
    };
    await test.clock.advance(3000);
    expect(test.troubles).toEqual(['refused']);
    test.client.canSubscribe = true;
    await test.clock.advance(3000);
    expect(test.script.observers).toHaveLength(1);
    expect(test.script.polls).toBe(3);
  });

  it('polls sooner while somebody waits, at most twice a second', async () => {
    const test = tracked({ client: { canSubscribe: false } as HeadTrackerOptions['client'] });
    void test.tracker.run();
    await test.clock.advance(0);
    for (let i = 0; i < 21; i += 1) {
      test.tracker.hurry();
      await test.clock.advance(100);
    }
    expect(test.script.polls).toBe(5);
    test.tracker.stop();
    test.tracker.hurry();
    await test.clock.advance(10_000);
    expect(test.script.polls).toBe(5);
  });

  it('tries a subscription that fails no sooner for that', async () => {
    const test = tracked();
    test.script.follow = () => Promise.reject(new Error('refused'));
    void test.tracker.run();
    for (let i = 0; i < 20; i += 1) {
      test.tracker.hurry();
      await test.clock.advance(100);
    }
    expect(test.script.observers).toHaveLength(1);
    test.tracker.stop();
  });

  it('starts again when more heads come than it can connect', async () => {
    const test = tracked();
    await test.started();
    test.script.fetch = () => new Promise(() => {});
    for (let i = 0; i < 1100; i += 1) test.observer().onBlock(test.at(20), true);
    await test.clock.advance(0);
    expect(test.troubles).toEqual(['too many heads at once']);
    expect(test.script.unfollowed).toBe(1);
  });

  it.each([
    ['while it follows', async () => {}],
    ['while it starts to follow', async () => new Promise<void>(() => {})],
  ])('leaves no timer when stopped %s', async (_when, follow) => {
    const test = tracked();
    test.script.follow = follow;
    void test.tracker.run();
    await test.clock.advance(0);
    test.tracker.stop();
    test.head.close();
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('ends a subscription that was accepted after it stopped, and tells nothing any more', async () => {
    const test = tracked();
    let accept = (): void => {};
    test.script.follow = () =>
      new Promise((resolve) => {
        accept = resolve;
      });
    void test.tracker.run();
    await test.clock.advance(0);
    test.tracker.stop();
    test.observer().onBlock(test.at(10), true);
    accept();
    await test.clock.advance(0);
    expect(test.script.unfollowed).toBe(1);
    expect(test.head.best).toBeUndefined();
  });

  it('tells nothing of a backfill that ends after it stopped', async () => {
    const test = tracked();
    await test.started();
    let release = (): void => {};
    test.script.fetch = (hash) =>
      new Promise((resolve) => {
        release = () => resolve(test.ledger.get(hash));
      });
    test.observer().onBlock(test.at(12), true);
    await test.clock.advance(0);
    test.tracker.stop();
    release();
    await test.clock.advance(0);
    expect(test.told).toEqual([10, 8, 9]);
  });
});
