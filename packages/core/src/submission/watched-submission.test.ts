import { describe, expect, it } from 'vitest';
import type { Subscription } from '../call.ts';
import type { Block } from '../chain/chain.ts';
import type { BalancerError } from '../errors.ts';
import { errorReply, type Reply } from '../json-rpc/message.ts';
import { type FakeNode, result, type TestBalancer, testBalancer } from '../testing/index.ts';

const tx = 'alice/3';
const method = 'send_and_watch';
const watch = { method, params: `["${tx}"]` };
const known = errorReply({ code: 409, message: 'already imported' });
const invalid = errorReply({ code: 410, message: 'invalid' });
const rejected = errorReply({ code: 422, message: 'bad signature' });

/** A client that notes what it hears. */
function client() {
  const heard: string[] = [];
  const ends: BalancerError[] = [];
  const kept: { subscription?: Subscription } = {};
  return {
    heard,
    ends,
    kept,
    handlers: {
      onSubscribed: (subscription: Subscription) => {
        kept.subscription = subscription;
        heard.push('subscribed');
      },
      onItem: (item: string) => heard.push(JSON.parse(item)),
      onEnd: (error: BalancerError) => ends.push(error),
    },
  };
}

const asked = (test: TestBalancer, name: string): number =>
  test.nodes.flatMap((node) => node.calls.filter((call) => call.method === name)).length;

/** The node that carries the one watch. */
function carrier(test: TestBalancer): FakeNode {
  const node = test.nodes.find((each) => each.subscriptions(method) > 0);
  if (!node) throw new Error('nobody carries it');
  return node;
}

/** Mines one block on a parent, with these transactions. */
function block(test: TestBalancer, parent: Block, ...transactions: string[]): Block {
  const mined = test.ledger.fork(parent);
  test.ledger.include(mined, ...transactions);
  return mined;
}

/** Shows a block to nodes as their best one. */
async function show(test: TestBalancer, nodes: readonly FakeNode[], best: Block): Promise<void> {
  for (const node of nodes) node.advance(best);
  await test.clock.advance(10);
}

/** A watch whose upstream is gone, and those that are left. */
async function orphan(test: TestBalancer, params = `["${tx}"]`) {
  const one = client();
  await test.balancer.subscribe({ method, params }, one.handlers);
  const dead = carrier(test);
  dead.push(method, 'ready');
  const left = test.nodes.filter((node) => node !== dead);
  const die = async (): Promise<void> => {
    dead.crash();
    await test.clock.advance(10);
  };
  return { ...one, dead, left, die };
}

describe('a watched transaction', () => {
  it('goes to others as soon as one has taken it, and as often as the options say', async () => {
    for (const submitWidth of [undefined, 3, 1]) {
      await using test = await testBalancer(submitWidth ? { policy: { submitWidth } } : {});
      const { left, heard } = await orphan(test);
      await test.clock.advance(10);
      const isSpread = submitWidth !== 1;
      expect(left.map((node) => node.pool.has(tx))).toEqual([isSpread, isSpread]);
      expect(heard).toEqual(['subscribed', 'ready']);
    }
  });

  it('is none the worse for what the others answer, or for their silence', async () => {
    for (const reply of [known, invalid, rejected, undefined]) {
      await using test = await testBalancer();
      for (const node of test.nodes) node.handle('send', () => reply ?? new Promise(() => {}));
      const { left, dead, heard, ends, kept } = await orphan(test);
      await test.clock.advance(60_000);
      const included = block(test, test.ledger.head, tx);
      await show(test, [...left, dead], included);
      dead.push(method, `in ${included.hash}`);
      await test.clock.advance(10);
      expect(heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
      expect(ends).toEqual([]);
      kept.subscription?.unsubscribe();
    }
  });
});

describe('a watched transaction whose upstream dies', () => {
  it('goes on with what the chain says, and is watched nowhere else', async () => {
    await using test = await testBalancer();
    const { heard, ends, left, die } = await orphan(test);
    await die();
    const included = block(test, test.ledger.head, 'bob/1', tx);
    await show(test, left, included);
    expect(heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
    for (const node of left) node.finalize(included);
    await test.clock.advance(10);
    await show(test, left, block(test, included));
    expect(heard.slice(3)).toEqual([`final in ${included.hash}`]);
    expect(ends).toEqual([]);
    expect(asked(test, method)).toBe(1);
    expect(asked(test, 'transactions')).toBe(1);
  });

  it('begins as any other though it died before its first word', async () => {
    await using test = await testBalancer();
    const { heard, ends, handlers } = client();
    await test.balancer.subscribe(watch, handlers);
    const dead = carrier(test);
    dead.crash();
    await test.clock.advance(10);
    expect(heard).toEqual(['subscribed', 'ready']);
    const included = block(test, test.ledger.head, tx);
    await show(
      test,
      test.nodes.filter((node) => node !== dead),
      included,
    );
    expect(heard.slice(2)).toEqual([`in ${included.hash}`]);
    expect(ends).toEqual([]);
  });

  it('is given to another one, who may never have heard of it', async () => {
    await using test = await testBalancer({ policy: { submitWidth: 1 } });
    const { heard, ends, left, die } = await orphan(test);
    expect(left.map((node) => node.pool.has(tx))).toEqual([false, false]);
    await die();
    expect(left.filter((node) => node.pool.has(tx))).toHaveLength(1);
    // Once: not with each block.
    await show(test, left, block(test, test.ledger.head));
    expect(asked(test, 'send')).toBe(1);
    expect([heard.slice(2), ends]).toEqual([[], []]);
  });

  it('is none the worse for what the others answer', async () => {
    for (const reply of [known, invalid, rejected]) {
      await using test = await testBalancer();
      for (const node of test.nodes) node.handle('send', () => reply as Reply);
      const { heard, left, die } = await orphan(test);
      await die();
      const included = block(test, test.ledger.head, tx);
      await show(test, left, included);
      expect(heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
    }
  });

  it('hears of a block that came before the upstream died, and not of it twice', async () => {
    for (const isTold of [true, false]) {
      await using test = await testBalancer();
      const { heard, dead, left, die } = await orphan(test);
      const included = block(test, test.ledger.head, tx);
      await show(test, test.nodes, included);
      if (isTold) dead.push(method, `in ${included.hash}`);
      await die();
      for (const node of left) node.finalize(included);
      await test.clock.advance(10);
      expect(heard.slice(2)).toEqual([`in ${included.hash}`, `final in ${included.hash}`]);
    }
  });

  it('hears that its block was left, and of the one that has it then', async () => {
    await using test = await testBalancer();
    const { heard, left, die } = await orphan(test);
    await die();
    const { head } = test.ledger;
    const first = block(test, head, tx);
    await show(test, left, first);
    const second = block(test, head);
    const third = block(test, second, tx);
    await show(test, left, third);
    for (const node of left) node.finalize(third);
    await test.clock.advance(10);
    expect(heard.slice(2)).toEqual([
      `in ${first.hash}`,
      `out of ${first.hash}`,
      `in ${third.hash}`,
      `final in ${third.hash}`,
    ]);
  });

  it('hears that a block is left of which the upstream alone knew', async () => {
    await using test = await testBalancer();
    const { heard, dead, left, die } = await orphan(test);
    dead.push(method, 'in 0xprivate');
    await die();
    await show(test, left, block(test, test.ledger.head));
    expect(heard.slice(2)).toEqual(['in 0xprivate']);
    const included = block(test, left[0]!.best, tx);
    await show(test, left, included);
    expect(heard.slice(3)).toEqual(['out of 0xprivate', `in ${included.hash}`]);
  });

  it('waits for the others where the upstream was ahead of them', async () => {
    await using test = await testBalancer();
    const { heard, dead, left, die } = await orphan(test);
    const included = block(test, test.ledger.head, tx);
    await show(test, [dead], included);
    dead.push(method, `in ${included.hash}`);
    await die();
    expect(heard.slice(2)).toEqual([`in ${included.hash}`]);
    await show(test, left, included);
    for (const node of left) node.finalize(included);
    await test.clock.advance(10);
    expect(heard.slice(3)).toEqual([`final in ${included.hash}`]);
  });

  it('is dropped when it has expired and the last block that could hold it is final', async () => {
    await using test = await testBalancer();
    const { heard, left, die } = await orphan(test, '["alice/3/12"]');
    await die();
    await test.mine(3, left);
    expect(heard.slice(2)).toEqual([]);
    await test.mine(1, left);
    expect(heard.slice(2)).toEqual(['dropped']);
    await test.mine(2, left);
    expect(heard).toHaveLength(3);
  });

  it('is dropped after 64 blocks when it does not expire, unless a pool still has it', async () => {
    await using test = await testBalancer();
    const { heard, left, die } = await orphan(test);
    await die();
    for (const node of left) node.pool.add(tx);
    await test.mine(70, left);
    expect(heard.slice(2)).toEqual([]);
    for (const node of left) node.pool.clear();
    await test.mine(70, left);
    expect(heard.slice(2)).toEqual(['dropped']);
  });

  it('is told as unknown when it passed through blocks that nobody has shown', async () => {
    await using test = await testBalancer();
    const { heard, ends, left, die } = await orphan(test, '["alice/3/12"]');
    await die();
    for (const node of left) node.handle('header', () => result(null));
    let far = test.ledger.head;
    for (let i = 0; i < 40; i += 1) far = block(test, far);
    for (const node of left) node.finalize(far);
    await show(test, left, far);
    await test.clock.advance(60_000);
    expect(heard.slice(2)).toEqual([]);
    expect(ends).toMatchObject([{ code: 'unknown outcome', hash: 'id of alice/3/12' }]);
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('searches a block again whose body nobody gave', async () => {
    await using test = await testBalancer();
    const { heard, left, die } = await orphan(test);
    await die();
    for (const node of left) node.handle('transactions', () => result(null));
    const included = block(test, test.ledger.head, tx);
    await show(test, left, included);
    await test.clock.advance(40_000);
    expect(heard.slice(2)).toEqual([]);
    for (const node of left) {
      node.handle('transactions', ([hash]) => result(test.ledger.transactions(String(hash))));
    }
    await test.clock.advance(1_000);
    await show(test, left, block(test, included));
    expect(heard.slice(2)).toEqual([`in ${included.hash}`]);
  });

  it('does not believe the upstream that it is in a block which does not hold it', async () => {
    await using test = await testBalancer();
    const { heard, dead, left, die } = await orphan(test);
    const empty = block(test, test.ledger.head, 'bob/1');
    await show(test, test.nodes, empty);
    dead.push(method, `in ${empty.hash}`);
    await die();
    expect(heard.slice(2)).toEqual([`in ${empty.hash}`, `out of ${empty.hash}`]);
    const included = block(test, empty, tx);
    await show(test, left, included);
    expect(heard.slice(4)).toEqual([`in ${included.hash}`]);
  });

  it('ends as unknown when a block could never be searched', async () => {
    await using test = await testBalancer();
    const { heard, ends, left, die } = await orphan(test, '["alice/3/12"]');
    await die();
    for (const node of left) node.handle('transactions', () => result(null));
    await test.mine(40, left);
    await test.clock.advance(1_000);
    expect(heard.slice(2)).toEqual([]);
    expect(ends).toMatchObject([{ code: 'unknown outcome' }]);
  });

  it('shares one body a block with all others that are watched', async () => {
    await using test = await testBalancer();
    const clients = [];
    for (let i = 0; i < 5; i += 1) {
      const one = client();
      await test.balancer.subscribe({ method, params: `["alice/${i}"]` }, one.handlers);
      clients.push(one);
    }
    for (const node of test.nodes) node.dropSubscriptions();
    // Heads are subscribed to anew.
    await test.clock.advance(10_000);
    const included = block(test, test.ledger.head, ...clients.map((_, i) => `alice/${i}`));
    await show(test, test.nodes, included);
    for (const { heard } of clients) {
      expect(heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
    }
    expect(asked(test, 'transactions')).toBe(1);
  });

  it('goes on when its upstream is removed, and ends when the client ends it', async () => {
    await using test = await testBalancer();
    const { heard, dead, left, kept } = await orphan(test);
    await test.balancer.removeUpstream(dead.id);
    const included = block(test, test.ledger.head, tx);
    await show(test, left, included);
    expect(heard.slice(2)).toEqual([`in ${included.hash}`]);
    kept.subscription?.unsubscribe();
    for (const node of left) node.finalize(included);
    await test.clock.advance(10);
    expect(heard).toHaveLength(3);
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('leaves nothing behind when the engine is closed', async () => {
    const test = await testBalancer();
    const { ends, die } = await orphan(test);
    await die();
    await test.balancer.close();
    expect(ends).toMatchObject([{ code: 'closed' }]);
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
  });
});

describe('a watched transaction that its upstream declines', () => {
  it('is watched here when another takes it: the first may be on a fork', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.handle(method, () => invalid as Reply);
    const one = client();
    const outcome = test.balancer.subscribe(watch, one.handlers);
    await test.clock.advance(10);
    expect(await outcome).toEqual({ kind: 'subscribed' });
    const included = block(test, test.ledger.head, tx);
    await show(test, test.nodes, included);
    expect(one.heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
  });

  it('is declined at once, in its words, when the others do so too', async () => {
    for (const reply of [invalid, known, rejected]) {
      await using test = await testBalancer();
      for (const node of test.nodes) {
        node.handle(method, () => reply as Reply);
        node.handle('send', () => reply as Reply);
      }
      const outcome = test.balancer.subscribe(watch, client().handlers);
      await test.clock.advance(10);
      expect(await outcome).toEqual(reply);
    }
  });
});

describe('an upstream that has forgotten the watch', () => {
  it('counts as lost after 16 blocks without a word', async () => {
    await using test = await testBalancer();
    const { heard, left, dead } = await orphan(test);
    const included = block(test, test.ledger.head, tx);
    await show(test, test.nodes, included);
    let best = included;
    for (let mined = 1; mined < 16; mined += 1) {
      expect(heard.slice(2)).toEqual([]);
      best = block(test, best);
      await show(test, test.nodes, best);
    }
    expect(heard.slice(2)).toEqual([`in ${included.hash}`]);
    // It is given to the others, and no longer carried.
    expect(left.some((node) => node.pool.has(tx))).toBe(true);
    expect(dead.subscriptions(method)).toBe(0);
    for (const node of test.nodes) node.finalize(included);
    await test.clock.advance(10);
    expect(heard.slice(3)).toEqual([`final in ${included.hash}`]);
  });

  it('is one that says nothing, not one that says little', async () => {
    await using test = await testBalancer({ policy: { submitWidth: 1 } });
    const { dead } = await orphan(test);
    for (let word = 0; word < 3; word += 1) {
      await test.mine(15);
      dead.push(method, 'ready');
      await test.clock.advance(0);
    }
    expect(dead.subscriptions(method)).toBe(1);
    expect(asked(test, 'send')).toBe(0);
  });

  it('is not waited for once the client has left', async () => {
    await using test = await testBalancer({ policy: { submitWidth: 1 } });
    const { kept } = await orphan(test);
    kept.subscription?.unsubscribe();
    await test.mine(20);
    expect(asked(test, 'send')).toBe(0);
  });
});

describe('the last word of the upstream that carries it', () => {
  it('is not told when it gives up what others take', async () => {
    await using test = await testBalancer();
    const { heard, dead, left } = await orphan(test);
    dead.push(method, 'dropped');
    await test.clock.advance(10);
    expect(left.every((node) => node.pool.has(tx))).toBe(true);
    const included = block(test, test.ledger.head, tx);
    await show(test, test.nodes, included);
    for (const node of test.nodes) node.finalize(included);
    await test.clock.advance(10);
    expect(heard.slice(2)).toEqual([`in ${included.hash}`, `final in ${included.hash}`]);
  });

  it('is told when others do not take it either', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.handle('send', () => rejected as Reply);
    const { heard, dead } = await orphan(test);
    dead.push(method, 'dropped');
    await test.clock.advance(10);
    expect(heard.slice(2)).toEqual(['dropped']);
  });

  it('is told when nobody else can be asked', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.handle('send', () => new Promise<Reply>(() => {}));
    const { heard, dead } = await orphan(test);
    dead.push(method, 'dropped');
    await test.clock.advance(31_000);
    expect(heard.slice(2)).toEqual(['dropped']);
  });

  it('is not told when the client has left', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.handle('send', () => new Promise<Reply>(() => {}));
    const { heard, dead, kept } = await orphan(test);
    dead.push(method, 'dropped');
    await test.clock.advance(10);
    kept.subscription?.unsubscribe();
    await test.clock.advance(31_000);
    expect(heard.slice(2)).toEqual([]);
    expect(test.balancer.snapshot()).toMatchObject({ subscriptions: 0, calls: { running: 0 } });
  });

  it('that it is final is believed once the pool says so', async () => {
    await using test = await testBalancer();
    const { heard, dead } = await orphan(test);
    const included = block(test, test.ledger.head, tx);
    await show(test, test.nodes, included);
    dead.push(method, `in ${included.hash}`);
    dead.push(method, `final in ${included.hash}`);
    await test.clock.advance(10);
    expect(heard.slice(2)).toEqual([`in ${included.hash}`]);
    for (const node of test.nodes) node.finalize(included);
    await test.clock.advance(10);
    expect(heard.slice(3)).toEqual([`final in ${included.hash}`]);
  });

  it('that it is final in a block which does not hold it is not believed', async () => {
    await using test = await testBalancer();
    const { heard, dead } = await orphan(test);
    const empty = block(test, test.ledger.head);
    await show(test, test.nodes, empty);
    dead.push(method, `final in ${empty.hash}`);
    for (const node of test.nodes) node.finalize(empty);
    await test.clock.advance(10);
    const included = block(test, empty, tx);
    await show(test, test.nodes, included);
    expect(heard.slice(2)).toEqual([`in ${included.hash}`]);
  });
});

describe('a watched transaction that was sent and not answered', () => {
  /** The first that is asked dies with it, perhaps after it told the others. */
  const dies = (test: TestBalancer, takes: boolean, by = [method]): void => {
    for (const node of test.nodes) {
      for (const each of by) {
        node.handle(each, () => {
          for (const other of test.nodes) if (takes) other.pool.add(tx);
          node.crash('connection lost');
          return result('never heard');
        });
      }
    }
  };

  it('is given to another at once, and watched here', async () => {
    await using test = await testBalancer();
    dies(test, false);
    const one = client();
    const outcome = test.balancer.subscribe(watch, one.handlers);
    await test.clock.advance(10);
    expect(await outcome).toEqual({ kind: 'subscribed' });
    expect(asked(test, method)).toBe(1);
    expect(test.nodes.filter((node) => node.pool.has(tx))).toHaveLength(2);
    const included = block(test, test.ledger.head, tx);
    await show(test, test.nodes, included);
    expect(one.heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
  });

  it('is declined when nobody else takes it', async () => {
    await using test = await testBalancer();
    dies(test, false);
    for (const node of test.nodes) node.handle('send', () => rejected as Reply);
    const one = client();
    const outcome = test.balancer.subscribe(watch, one.handlers);
    await test.clock.advance(10);
    expect(await outcome).toEqual(rejected);
    expect(one.heard).toEqual([]);
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('is watched here when a pool has it', async () => {
    await using test = await testBalancer();
    dies(test, true);
    const one = client();
    const outcome = test.balancer.subscribe(watch, one.handlers);
    await test.clock.advance(100);
    expect(await outcome).toEqual({ kind: 'subscribed' });
    expect(asked(test, method)).toBe(1);
    const included = block(test, test.ledger.head, tx);
    await show(test, test.nodes, included);
    expect(one.heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
  });

  it('ends as unknown, with its hash, when nobody knows of it before the deadline', async () => {
    await using test = await testBalancer();
    dies(test, false, [method, 'send']);
    const one = client();
    const outcome = test.balancer.subscribe(watch, one.handlers).catch((error: unknown) => error);
    await test.clock.advance(31_000);
    expect(await outcome).toMatchObject({
      code: 'unknown outcome',
      hash: 'id of alice/3',
    });
    expect(one.heard).toEqual([]);
    expect(asked(test, method)).toBe(1);
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('is watched here when the client sends it again and it is known, or included', async () => {
    for (const reply of [known, invalid]) {
      await using test = await testBalancer();
      dies(test, false, [method, 'send']);
      const first = test.balancer.subscribe(watch, client().handlers).catch(() => 'unknown');
      await test.clock.advance(31_000);
      expect(await first).toBe('unknown');
      for (const node of test.nodes) {
        node.handle(method, () => reply as Reply);
        void node.restart();
      }
      await test.clock.advance(1_000);
      const included = block(test, test.ledger.head, tx);
      await show(test, test.nodes, included);
      const one = client();
      const again = test.balancer.subscribe(watch, one.handlers);
      await test.clock.advance(1_000);
      expect(await again).toEqual({ kind: 'subscribed' });
      await test.clock.advance(100);
      expect(one.heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
    }
  });

  it('is watched from where it is when an upstream knows it since we sent it', async () => {
    await using test = await testBalancer();
    await test.balancer.request('send', [tx]);
    const included = block(test, test.ledger.head, tx);
    await show(test, test.nodes, included);
    for (const node of test.nodes) node.handle(method, () => known);
    const one = client();
    expect(await test.balancer.subscribe(watch, one.handlers)).toEqual({ kind: 'subscribed' });
    await test.clock.advance(100);
    expect(one.heard).toEqual(['subscribed', 'ready', `in ${included.hash}`]);
  });

  it('is known as the upstream says when it was not sent before', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.handle(method, () => known);
    expect(await test.balancer.subscribe(watch, client().handlers)).toEqual(known);
  });

  it('is given up when the client leaves', async () => {
    await using test = await testBalancer();
    dies(test, false, [method, 'send']);
    const abort = new AbortController();
    const outcome = test.balancer
      .subscribe(watch, client().handlers, { signal: abort.signal })
      .catch((error: unknown) => error);
    await test.clock.advance(100);
    abort.abort('enough');
    await test.clock.advance(0);
    expect(await outcome).toMatchObject({ code: 'cancelled', cause: 'enough' });
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('counts in the nonces of its session once it is accepted', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.handle('nonce', () => result(3));
    const session = test.balancer.session();
    await test.balancer.subscribe(watch, client().handlers, { session });
    expect(await test.balancer.request('nonce', ['alice'], { session })).toBe(4);
  });
});

describe('what is told of a block', () => {
  /** A session that watches a transaction at one node and a value at a slower one. */
  async function twoSources() {
    const test = await testBalancer();
    const session = test.balancer.session();
    const values = { method: 'watch_values', params: '[["nonce"]]' };
    const heard: string[] = [];
    const hear = (item: string): void => {
      heard.push(
        item.includes('block') ? `nonce ${JSON.parse(item).values.nonce}` : JSON.parse(item),
      );
    };
    const handlers = { onSubscribed: () => {}, onItem: hear, onEnd: () => {} };
    await test.balancer.subscribe(values, handlers, { session });
    await test.clock.advance(10);
    const slow = test.nodes.find((node) => node.subscriptions('watch_values') > 0) as FakeNode;
    slow.handle(method, () => errorReply({ code: -32_601, message: 'not here' }));
    await test.balancer.subscribe(watch, handlers, { session });
    const fast = carrier(test);
    const others = test.nodes.filter((node) => node !== slow);
    const included = block(test, test.ledger.head, tx);
    test.ledger.write(included, { nonce: 4 });
    heard.length = 0;
    return { test, session, slow, fast, others, included, heard };
  }

  it('comes after the values that hold there, whoever carries them', async () => {
    const { test, session, slow, fast, others, included, heard } = await twoSources();
    await show(test, others, included);
    fast.push(method, `in ${included.hash}`);
    fast.push(method, 'other');
    await test.clock.advance(10);
    expect(heard).toEqual(['nonce 4', `in ${included.hash}`, 'other']);
    expect(session.seen).toBe(included.number);
    // Once is enough, and its own word comes too late.
    for (const node of others) node.finalize(included);
    slow.advance(included);
    fast.push(method, `final in ${included.hash}`);
    await test.clock.advance(10);
    expect(heard.slice(3)).toEqual([`final in ${included.hash}`]);
    expect(asked(test, 'values_at')).toBe(1);
    await test.balancer.close();
  });

  it('waits for nobody when the values cannot be read, and for nothing when the client leaves', async () => {
    const { test, fast, others, included, heard } = await twoSources();
    for (const node of test.nodes) {
      node.handle('values_at', () => errorReply({ code: 1, message: 'broken' }));
    }
    await show(test, others, included);
    fast.push(method, `in ${included.hash}`);
    await test.clock.advance(60_000);
    expect(heard).toEqual([`in ${included.hash}`]);
    await test.balancer.close();
    expect(test.clock.pendingTimers).toBe(0);
  });
});
