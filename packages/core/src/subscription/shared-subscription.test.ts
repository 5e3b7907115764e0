import { describe, expect, it } from 'vitest';
import type { Call, CallOptions, Subscription } from '../call.ts';
import type { Chain, SharePlan } from '../chain/chain.ts';
import type { BalancerError } from '../errors.ts';
import { errorReply } from '../json-rpc/message.ts';
import {
  type FakeNode,
  fakeChain,
  result,
  type TestBalancer,
  testBalancer,
} from '../testing/index.ts';

const values = (...keys: readonly string[]): Call => ({
  method: 'watch_values',
  params: JSON.stringify([keys]),
});
const events: Call = { method: 'watch_events', params: '[]' };

/** A client that notes what it hears; items with their block's height in place of its hash. */
class Client {
  readonly heard: string[] = [];
  readonly ends: BalancerError[] = [];
  #subscription: Subscription | undefined;
  onItem: () => void = () => {};

  async subscribe(test: TestBalancer, call: Call, options?: CallOptions): Promise<this> {
    await test.balancer.subscribe(call, this.handlers, options);
    await test.clock.advance(0);
    return this;
  }

  readonly handlers = {
    onSubscribed: (subscription: Subscription) => {
      this.#subscription = subscription;
      this.heard.push('subscribed');
    },
    onItem: (item: string) => {
      this.heard.push(short(item));
      this.onItem();
    },
    onEnd: (error: BalancerError) => {
      this.ends.push(error);
    },
  };

  leave(): void {
    this.#subscription?.unsubscribe();
  }
}

function short(item: string): string {
  const value = JSON.parse(item) as { block?: string; values?: object };
  if (value?.block === undefined) return item;
  const said = Object.entries(value.values ?? {}).map(([key, each]) => `${key}=${each}`);
  return `${value.block.slice(2).split('-')[0]}: ${said.sort().join(' ')}`;
}

const client = (test: TestBalancer, call: Call, options?: CallOptions): Promise<Client> =>
  new Client().subscribe(test, call, options);

const asked = (test: TestBalancer, method: string): number =>
  test.nodes.flatMap((node) => node.calls.filter((call) => call.method === method)).length;

const live = (test: TestBalancer, method: string): number =>
  test.nodes.reduce((sum, node) => sum + node.subscriptions(method), 0);

/** The one node that carries it. */
function carrier(test: TestBalancer, method: string): FakeNode {
  const carriers = test.nodes.filter((node) => node.subscriptions(method) > 0);
  expect(carriers).toHaveLength(1);
  return carriers[0] as FakeNode;
}

/** Mines a block that writes these values; shows it to these nodes. */
async function write(
  test: TestBalancer,
  written: Readonly<Record<string, unknown>>,
  to: readonly FakeNode[] = test.nodes,
): Promise<void> {
  const block = test.ledger.mine();
  test.ledger.write(block, written);
  for (const node of to) {
    node.advance(block);
    node.finalize(test.ledger.ancestor(block, block.number - 2));
  }
  await test.clock.advance(0);
}

/** The fake chain, which makes no sense of what upstreams notify. */
function withoutSense(): Chain {
  const chain = fakeChain();
  return {
    ...chain,
    traits: (method) => {
      const { subscription, ...traits } = chain.traits(method);
      if (subscription?.source !== 'upstream' || !subscription.share) return chain.traits(method);
      const share = (params: readonly unknown[]): SharePlan | undefined => {
        const plan = subscription.share?.(params);
        const blockOf = (): never => {
          throw new Error('no sense');
        };
        return plan?.present && { ...plan, present: { ...plan.present, blockOf } };
      };
      return { ...traits, subscription: { ...subscription, share } };
    },
  };
}

/** Nothing is left of any subscription, here and upstream. */
async function expectNothingLeft(test: TestBalancer): Promise<void> {
  await test.clock.advance(0);
  expect([live(test, 'watch_values'), live(test, 'watch_events')]).toEqual([0, 0]);
  expect(test.balancer.snapshot().subscriptions).toBe(0);
  await test.balancer.close();
  expect(test.clock.pendingTimers).toBe(0);
}

describe('a subscription that clients share', () => {
  it('costs one upstream subscription for a thousand clients', async () => {
    await using test = await testBalancer();
    const clients = Array.from({ length: 1000 }, () => new Client());
    await Promise.all(clients.map((each) => test.balancer.subscribe(values('a'), each.handlers)));
    await write(test, { a: 1 });
    expect(live(test, 'watch_values')).toBe(1);
    expect(asked(test, 'watch_values')).toBe(1);
    expect(asked(test, 'values_at')).toBe(0);
    for (const { heard } of clients) expect(heard).toEqual(['subscribed', '10: a=null', '11: a=1']);
    for (const each of clients) each.leave();
    await expectNothingLeft(test);
  });

  it('is one for params that mean the same, and another for others', async () => {
    await using test = await testBalancer();
    await client(test, values('a', 'b'));
    await client(test, values('b', 'a', 'b'));
    expect(live(test, 'watch_values')).toBe(1);
    const other = await client(test, values('a'));
    expect(live(test, 'watch_values')).toBe(2);
    await write(test, { b: 1 });
    expect(other.heard).toEqual(['subscribed', '10: a=null']);
  });

  it('is another one for callers that ask for other upstreams', async () => {
    await using test = await testBalancer();
    const { nodes, balancer } = test;
    balancer.addUpstream({ ...(nodes[0] as FakeNode).upstream(), id: 'z', labels: { zone: 'z' } });
    await test.clock.advance(1);
    await client(test, values('a'));
    await client(test, values('a'), { labels: { zone: 'z' } });
    await client(test, values('a'), { labels: { zone: 'z' } });
    expect(asked(test, 'watch_values')).toBe(2);
  });

  it('is not shared with params that the chain does not know', async () => {
    await using test = await testBalancer();
    const odd = { method: 'watch_values', params: '["a"]' };
    for (const node of test.nodes) {
      node.handle('watch_values', () => errorReply({ code: -32602, message: 'keys!' }));
    }
    const one = new Client();
    const outcome = await test.balancer.subscribe(odd, one.handlers);
    expect(outcome).toMatchObject({ kind: 'error', error: { code: -32602 } });
    await expectNothingLeft(test);
  });

  it('gives each client an id of its own, and ends with the last of them', async () => {
    await using test = await testBalancer();
    const ids: string[] = [];
    const subscribe = () =>
      test.balancer.subscribe(values('a'), {
        ...new Client().handlers,
        onSubscribed: ({ id }) => ids.push(id),
      });
    await subscribe();
    await subscribe();
    expect(new Set(ids).size).toBe(2);
    expect(test.balancer.snapshot().subscriptions).toBe(2);
    const one = await client(test, values('b'));
    const two = await client(test, values('b'));
    one.leave();
    one.leave();
    await write(test, { b: 1 });
    expect(one.heard).toEqual(['subscribed', '10: b=null']);
    expect(two.heard).toEqual(['subscribed', '10: b=null', '11: b=1']);
    two.leave();
    expect(live(test, 'watch_values')).toBe(1);
    expect(test.balancer.snapshot().subscriptions).toBe(2);
  });

  it('can be made again at once by a client that was its last', async () => {
    await using test = await testBalancer();
    const one = await client(test, values('a'));
    one.leave();
    const two = await client(test, values('a'));
    await write(test, { a: 1 });
    expect(two.heard).toEqual(['subscribed', '10: a=null', '11: a=1']);
    expect(live(test, 'watch_values')).toBe(1);
  });

  it('counts each client against the bound', async () => {
    await using test = await testBalancer({ maxSubscriptions: 2 });
    const one = await client(test, values('a'));
    await client(test, values('a'));
    await expect(client(test, values('a'))).rejects.toMatchObject({ code: 'overloaded' });
    one.leave();
    await client(test, values('a'));
  });

  it('tells everybody the error with which it is declined', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      node.handle('watch_values', () => errorReply({ code: -32602, message: 'keys!' }));
    }
    const subscribe = () => test.balancer.subscribe(values('a'), new Client().handlers);
    const outcomes = await Promise.all([subscribe(), subscribe()]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ kind: 'error', error: { code: -32602 } });
    }
    expect(asked(test, 'watch_values')).toBe(1);
    await expectNothingLeft(test);
  });

  it('fails for everybody when no upstream takes it in time', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const codes = [1, 2].map(() =>
      test.balancer
        .subscribe(events, new Client().handlers)
        .catch((error: BalancerError) => error.code),
    );
    await test.clock.advance(60_000);
    expect(await Promise.all(codes)).toEqual(['timeout', 'timeout']);
    for (const node of test.nodes) node.thaw();
    await expectNothingLeft(test);
  });

  it('is waited for by each client as long as that one likes', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const abort = new AbortController();
    const code = (options: CallOptions) =>
      test.balancer
        .subscribe(values('a'), new Client().handlers, options)
        .catch((error: BalancerError) => error.code);
    const [hurried, given, last] = [
      code({ deadlineMs: 1000 }),
      code({ signal: abort.signal }),
      test.balancer.subscribe(values('a'), new Client().handlers),
    ];
    await test.clock.advance(1100);
    expect(await hurried).toBe('timeout');
    abort.abort();
    expect(await given).toBe('cancelled');
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(0);
    expect(await last).toEqual({ kind: 'subscribed' });
    expect(test.balancer.snapshot().subscriptions).toBe(1);
    abort.abort();
    expect(await code({ signal: abort.signal })).toBe('cancelled');
  });

  it('is given up with the last client that waits for it', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const abort = new AbortController();
    const failed = test.balancer
      .subscribe(values('a'), new Client().handlers, { signal: abort.signal })
      .catch((error: BalancerError) => error.code);
    await test.clock.advance(10);
    abort.abort();
    expect(await failed).toBe('cancelled');
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(1000);
    await expectNothingLeft(test);
  });

  it.each(['when it hears its id', 'when it hears its first item'])(
    'lets a client leave %s, and the others stay',
    async (moment) => {
      await using test = await testBalancer();
      const one = new Client();
      if (moment === 'when it hears its first item') one.onItem = () => one.leave();
      const [other] = await Promise.all([
        client(test, values('a')),
        test.balancer.subscribe(values('a'), {
          ...one.handlers,
          onSubscribed: (subscription) => {
            one.handlers.onSubscribed(subscription);
            if (moment === 'when it hears its id') subscription.unsubscribe();
          },
        }),
      ]);
      await write(test, { a: 1 });
      expect(one.heard.length).toBe(moment === 'when it hears its id' ? 1 : 2);
      expect(other.heard).toEqual(['subscribed', '10: a=null', '11: a=1']);
      other.leave();
      await expectNothingLeft(test);
    },
  );

  it('tells the others when one of them throws', async () => {
    await using test = await testBalancer();
    const thrown: unknown[] = [];
    test.balancer.on('thrown', (event) => thrown.push(event));
    await test.balancer.subscribe(values('a'), {
      ...new Client().handlers,
      onItem: () => {
        throw new Error('of its own');
      },
    });
    const other = await client(test, values('a'));
    expect(other.heard).toEqual(['subscribed', '10: a=null']);
    expect(thrown).toHaveLength(1);
  });

  it.each(['while it is asked for', 'while it is live', 'while it is lost'])(
    'ends with the balancer %s, and leaves no timer',
    async (moment) => {
      const test = await testBalancer();
      if (moment === 'while it is asked for') for (const node of test.nodes) node.hang();
      const clients = [new Client(), new Client()];
      const outcomes = clients.map((each) =>
        test.balancer
          .subscribe(values('a'), each.handlers)
          .catch((error: BalancerError) => error.code),
      );
      await test.clock.advance(10);
      if (moment === 'while it is lost') for (const node of test.nodes) node.crash();
      await test.clock.advance(10);
      await test.balancer.close();
      await test.clock.advance(0);
      expect(test.clock.pendingTimers).toBe(0);
      const isLive = moment !== 'while it is asked for';
      expect(await Promise.all(outcomes)).toEqual(
        isLive ? [{ kind: 'subscribed' }, { kind: 'subscribed' }] : ['closed', 'closed'],
      );
      for (const { ends } of clients) {
        expect(ends.map(({ code }) => code)).toEqual(isLive ? ['closed'] : []);
      }
    },
  );
});

describe('a late subscriber', () => {
  it('hears the whole value first, and then what changes', async () => {
    await using test = await testBalancer();
    await client(test, values('a', 'b'));
    await write(test, { a: 1 });
    const late = await client(test, values('b', 'a'));
    expect(late.heard).toEqual(['subscribed', '11: a=1 b=null']);
    await write(test, { b: 2 });
    expect(late.heard).toEqual(['subscribed', '11: a=1 b=null', '12: b=2']);
    expect(asked(test, 'values_at')).toBe(0);
  });

  it('waits for the first item when that has not come yet', async () => {
    await using test = await testBalancer();
    const [one, two] = [new Client(), new Client()];
    const begun = test.balancer.subscribe(values('a'), {
      ...one.handlers,
      onSubscribed: (subscription) => {
        one.handlers.onSubscribed(subscription);
        void test.balancer.subscribe(values('a'), two.handlers);
      },
    });
    await begun;
    await test.clock.advance(0);
    expect(one.heard).toEqual(['subscribed', '10: a=null']);
    expect(two.heard).toEqual(['subscribed', '10: a=null']);
  });

  it('hears a value as new as the newest block that its session has seen', async () => {
    await using test = await testBalancer();
    await client(test, values('a'));
    const slow = carrier(test, 'watch_values');
    const quick = test.nodes.filter((node) => node !== slow);
    await write(test, { a: 1 }, quick);
    const session = test.balancer.session();
    expect(await test.balancer.request('best_hash', [], { session })).toBe(test.ledger.head.hash);
    const late = await client(test, values('a'), { session });
    expect(late.heard).toEqual(['subscribed', '11: a=1']);
    // What the slow one tells now is known.
    slow.advance();
    await test.clock.advance(0);
    expect(late.heard).toEqual(['subscribed', '11: a=1']);
    expect(asked(test, 'values_at')).toBe(1);
  });

  it('costs one reading a block, however many come and whatever they have seen', async () => {
    await using test = await testBalancer();
    const first = await client(test, values('a'));
    await test.mine(3);
    const clients = [1, 2, 3, 4].map(() => {
      const session = test.balancer.session();
      session.observe(13);
      return { session, each: new Client() };
    });
    await Promise.all(
      clients.map(({ session, each }) =>
        test.balancer.subscribe(values('a'), each.handlers, { session }),
      ),
    );
    await test.clock.advance(0);
    for (const { each } of clients) expect(each.heard).toEqual(['subscribed', '13: a=null']);
    expect(asked(test, 'values_at')).toBe(1);
    expect(first.heard).toEqual(['subscribed', '10: a=null']);
  });

  it('waits while nobody has the block that its session has seen', async () => {
    await using test = await testBalancer();
    await client(test, values('a'));
    const session = test.balancer.session();
    session.observe(12);
    const late = await client(test, values('a'), { session });
    expect(late.heard).toEqual(['subscribed']);
    await write(test, { b: 1 });
    expect(late.heard).toEqual(['subscribed']);
    await write(test, { b: 2 });
    expect(late.heard).toEqual(['subscribed', '12: a=null']);
  });

  it('has seen the blocks of which it was told', async () => {
    await using test = await testBalancer();
    const session = test.balancer.session();
    await client(test, values('a'), { session });
    expect(session.seen).toBe(10);
    await write(test, { a: 1 });
    expect(session.seen).toBe(11);
  });

  it('hears only the events that are still to come', async () => {
    await using test = await testBalancer();
    const one = await client(test, events);
    carrier(test, 'watch_events').push('watch_events', 1);
    const late = await client(test, events);
    carrier(test, 'watch_events').push('watch_events', 2);
    expect(one.heard).toEqual(['subscribed', '1', '2']);
    expect(late.heard).toEqual(['subscribed', '2']);
    expect(asked(test, 'watch_events')).toBe(1);
  });
});

describe('when its upstream is lost', () => {
  it.each(['crash', 'dropSubscriptions'] as const)(
    'it goes on elsewhere after a %s, and tells only what changed meanwhile',
    async (trouble) => {
      await using test = await testBalancer();
      const clients = [await client(test, values('a', 'b')), await client(test, values('a', 'b'))];
      await write(test, { a: 1, b: 1 });
      const lost = carrier(test, 'watch_values');
      await write(
        test,
        { a: 2 },
        test.nodes.filter((node) => node !== lost),
      );
      lost[trouble]();
      await test.clock.advance(1000);
      expect(carrier(test, 'watch_values')).not.toBe(lost);
      await write(test, { b: 3 });
      for (const { heard, ends } of clients) {
        expect(heard).toEqual([
          'subscribed',
          '10: a=null b=null',
          '11: a=1 b=1',
          '12: a=2',
          '13: b=3',
        ]);
        expect(ends).toEqual([]);
      }
    },
  );

  it('tells nothing of what an upstream says that is behind', async () => {
    await using test = await testBalancer();
    const one = await client(test, values('a'));
    const session = test.balancer.session();
    await write(test, { a: 1 });
    const slow = carrier(test, 'watch_values');
    const quick = test.nodes.filter((node) => node !== slow);
    await write(test, { a: 2 }, quick);
    await write(test, { a: 3 }, quick);
    session.observe(13);
    // Makes it read at 13, while its upstream is at 11.
    await client(test, values('a'), { session });
    slow.advance(test.ledger.ancestor(test.ledger.head, 12));
    slow.advance();
    await test.clock.advance(0);
    expect(one.heard).toEqual(['subscribed', '10: a=null', '11: a=1', '13: a=3']);
    await write(test, { a: 1 });
    expect(one.heard.at(-1)).toBe('14: a=1');
  });

  it('tells an event once, also when the next upstream tells it too', async () => {
    await using test = await testBalancer();
    const one = await client(test, events);
    const first = carrier(test, 'watch_events');
    first.push('watch_events', 1);
    first.push('watch_events', 2);
    first.crash();
    await test.clock.advance(0);
    const second = carrier(test, 'watch_events');
    for (const event of [2, 3]) second.push('watch_events', event);
    expect(one.heard).toEqual(['subscribed', '1', '2', '3']);
  });

  it('tells that a moved subscription moved', async () => {
    await using test = await testBalancer();
    const moves: unknown[] = [];
    test.balancer.on('resubscribed', (event) => moves.push(event));
    await client(test, values('a'));
    carrier(test, 'watch_values').crash();
    await test.clock.advance(0);
    const upstream = carrier(test, 'watch_values').id;
    expect(moves).toEqual([{ method: 'watch_values', upstream }]);
  });

  it('goes elsewhere when an upstream sends what the chain does not know', async () => {
    await using test = await testBalancer();
    const one = await client(test, values('a'));
    const first = carrier(test, 'watch_values');
    first.push('watch_values', null);
    await test.clock.advance(0);
    expect(carrier(test, 'watch_values')).not.toBe(first);
    await write(test, { a: 1 });
    expect(one.heard).toEqual(['subscribed', '10: a=null', '11: a=1']);
  });

  it('is read for a while when nobody sends what the chain knows', async () => {
    await using test = await testBalancer({ chain: withoutSense() });
    const one = await client(test, values('a'));
    expect(one.heard).toEqual(['subscribed', '10: a=null']);
    await write(test, { a: 1 });
    expect(one.heard).toEqual(['subscribed', '10: a=null', '11: a=1']);
    expect(live(test, 'watch_values')).toBe(0);
    expect(asked(test, 'watch_values')).toBeLessThan(10);
    expect(one.ends).toEqual([]);
  });

  it('ends for everybody when every upstream declines events', async () => {
    await using test = await testBalancer();
    const clients = [await client(test, events), await client(test, events)];
    for (const node of test.nodes) {
      node.handle('watch_events', () => errorReply({ code: 404, message: 'too many' }));
    }
    carrier(test, 'watch_events').dropSubscriptions();
    await test.clock.advance(1000);
    for (const { ends } of clients) {
      expect(ends.map(({ message }) => message)).toEqual([expect.stringContaining('too many')]);
    }
    await expectNothingLeft(test);
  });
});

describe('when its upstream falls silent', () => {
  /** So many blocks of six seconds, in which nothing is written that anybody watches. */
  async function pass(test: TestBalancer, blocks: number): Promise<void> {
    for (let i = 0; i < blocks; i += 1) {
      await test.clock.advance(6000);
      await test.mine();
    }
  }

  it('keeps it when there was nothing to tell', async () => {
    await using test = await testBalancer();
    const one = await client(test, values('a'));
    await pass(test, 35);
    expect(asked(test, 'watch_values')).toBe(1);
    expect(asked(test, 'values_at')).toBe(3);
    expect(one.heard).toEqual(['subscribed', '10: a=null']);
  });

  it('finds out what it did not tell, tells it, and goes elsewhere', async () => {
    await using test = await testBalancer();
    const one = await client(test, values('a'));
    const deaf = carrier(test, 'watch_values');
    deaf.forgetSubscriptions('watch_values');
    await write(test, { a: 1 });
    await pass(test, 11);
    expect(one.heard).toEqual(['subscribed', '10: a=null', '21: a=1']);
    expect(carrier(test, 'watch_values')).not.toBe(deaf);
    await write(test, { a: 2 });
    expect(one.heard.at(-1)).toBe('23: a=2');
  });

  it('goes elsewhere also when a late subscriber was told first', async () => {
    await using test = await testBalancer();
    await client(test, values('a'));
    const deaf = carrier(test, 'watch_values');
    deaf.forgetSubscriptions('watch_values');
    await write(test, { a: 1 });
    const session = test.balancer.session();
    session.observe(11);
    const late = await client(test, values('a'), { session });
    expect(late.heard).toEqual(['subscribed', '11: a=1']);
    await pass(test, 11);
    expect(carrier(test, 'watch_values')).not.toBe(deaf);
  });

  it('subscribes anew to be sure where the value cannot be read', async () => {
    await using test = await testBalancer();
    const one = await client(test, values('a'));
    carrier(test, 'watch_values').forgetSubscriptions('watch_values');
    for (const node of test.nodes) {
      node.handle('values_at', () => errorReply({ code: -32601, message: 'no such method' }));
    }
    await write(test, { a: 1 });
    await pass(test, 11);
    expect(one.heard).toEqual(['subscribed', '10: a=null', '21: a=1']);
  });

  it('comes back to the only upstream there is', async () => {
    await using test = await testBalancer({ nodes: 1 });
    const one = await client(test, values('a'));
    const [node] = test.nodes as [FakeNode];
    node.forgetSubscriptions('watch_values');
    await write(test, { a: 1 });
    await pass(test, 11);
    expect(one.heard).toEqual(['subscribed', '10: a=null', '21: a=1']);
    expect(node.subscriptions('watch_values')).toBe(1);
    await write(test, { a: 2 });
    expect(one.heard.at(-1)).toBe('23: a=2');
  });

  it('subscribes elsewhere to events after a silence that is longer than usual, ever more patient', async () => {
    await using test = await testBalancer();
    const one = await client(test, events);
    const deaf = carrier(test, 'watch_events');
    deaf.forgetSubscriptions('watch_events');
    await pass(test, 11);
    const second = carrier(test, 'watch_events');
    expect(second).not.toBe(deaf);
    second.push('watch_events', 1);
    expect(one.heard).toEqual(['subscribed', '1']);
    const before = asked(test, 'watch_events');
    await pass(test, 150);
    // After about 10, 30, 70 and 150 blocks.
    expect(asked(test, 'watch_events') - before).toBeLessThanOrEqual(4);
  });

  it('expects no news from a chain that stands still', async () => {
    await using test = await testBalancer();
    await client(test, events);
    await test.clock.advance(600_000);
    expect(asked(test, 'watch_events')).toBeLessThanOrEqual(2);
  });
});

describe('where no upstream can subscribe', () => {
  const overHttp = { canSubscribe: false };

  it('the value is read at each new block', async () => {
    await using test = await testBalancer({ nodes: [overHttp, overHttp] });
    const one = await client(test, values('a', 'b'));
    expect(one.heard).toEqual(['subscribed', '10: a=null b=null']);
    await write(test, { b: 1 });
    await test.clock.runUntil(() => one.heard.length === 3, 20_000);
    expect(one.heard.at(-1)).toBe('11: b=1');
    const late = await client(test, values('a', 'b'));
    expect(late.heard).toEqual(['subscribed', '11: a=null b=1']);
    await test.mine(3);
    await test.clock.advance(20_000);
    expect(one.heard).toHaveLength(3);
    one.leave();
    late.leave();
    await expectNothingLeft(test);
  });

  it('it waits for an upstream, as calls do', async () => {
    await using test = await testBalancer({ nodes: [{ ...overHttp, reachable: false }] });
    const one = new Client();
    const begun = test.balancer.subscribe(values('a'), one.handlers);
    await test.clock.advance(100);
    void test.nodes[0]?.restart();
    await test.clock.advance(1000);
    expect(await begun).toEqual({ kind: 'subscribed' });
    expect(one.heard).toEqual(['subscribed', '10: a=null']);
  });

  it('it fails as calls do when none comes', async () => {
    await using test = await testBalancer({ nodes: [{ ...overHttp, reachable: false }] });
    const failed = test.balancer
      .subscribe(values('a'), new Client().handlers)
      .catch((error: BalancerError) => error.code);
    await test.clock.advance(10_000);
    expect(await failed).toBe('no eligible upstream');
    await expectNothingLeft(test);
  });

  it('it is declined as the reading is', async () => {
    await using test = await testBalancer({ nodes: [overHttp] });
    test.nodes[0]?.handle('values_at', () => errorReply({ code: -32602, message: 'keys!' }));
    const outcome = await test.balancer.subscribe(values('a'), new Client().handlers);
    expect(outcome).toMatchObject({ kind: 'error', error: { code: -32602 } });
    await expectNothingLeft(test);
  });

  it('a failed reading is made up for at the next block', async () => {
    await using test = await testBalancer({ nodes: [overHttp] });
    const [node] = test.nodes as [FakeNode];
    const one = await client(test, values('a'));
    node.handle('values_at', () => errorReply({ code: 500, message: 'down' }));
    await write(test, { a: 1 });
    await test.clock.advance(40_000);
    expect(one.heard).toHaveLength(2);
    node.handle('values_at', () =>
      result({
        block: test.ledger.head.hash,
        values: { a: test.ledger.read(test.ledger.head, 'a') },
      }),
    );
    await test.mine();
    await test.clock.advance(40_000);
    expect(one.heard).toEqual(['subscribed', '10: a=null', '12: a=1']);
    expect(one.ends).toEqual([]);
  });

  it('an upstream that can takes over as soon as it comes, and is taken over from when it goes', async () => {
    await using test = await testBalancer({ nodes: [overHttp, { reachable: false }] });
    const [polled, carrying] = test.nodes as [FakeNode, FakeNode];
    const one = await client(test, values('a'));
    expect(polled.subscriptions('watch_values')).toBe(0);
    void carrying.restart();
    await test.clock.advance(1000);
    expect(carrying.subscriptions('watch_values')).toBe(1);
    await write(test, { a: 1 });
    expect(one.heard).toEqual(['subscribed', '10: a=null', '11: a=1']);
    carrying.crash();
    await write(test, { a: 2 }, [polled]);
    await test.clock.runUntil(() => one.heard.length === 4, 30_000);
    expect(one.heard.at(-1)).toBe('12: a=2');
    // It must not tell what was before.
    void carrying.restart();
    await test.clock.advance(1000);
    expect(carrying.subscriptions('watch_values')).toBe(0);
    await write(test, { a: 3 });
    await test.clock.advance(20_000);
    expect(carrying.subscriptions('watch_values')).toBe(1);
    await test.mine();
    expect(one.heard).toEqual(['subscribed', '10: a=null', '11: a=1', '12: a=2', '13: a=3']);
  });

  it('one whose subscriptions are all taken is read from', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      node.handle('watch_values', () =>
        errorReply({ code: 404, message: 'too many subscriptions' }),
      );
    }
    const one = await client(test, values('a'));
    await write(test, { a: 1 });
    expect(one.heard).toEqual(['subscribed', '10: a=null', '11: a=1']);
    // They are asked again, but not at each block.
    const before = asked(test, 'watch_values');
    for (let i = 0; i < 12; i += 1) {
      await test.clock.advance(6000);
      await test.mine();
    }
    expect(asked(test, 'watch_values') - before).toBeLessThanOrEqual(3);
    expect(asked(test, 'watch_values')).toBeGreaterThan(before);
  });

  it('events cannot be had', async () => {
    await using test = await testBalancer({ nodes: [overHttp] });
    const failed = test.balancer
      .subscribe(events, new Client().handlers)
      .catch((error: BalancerError) => error.code);
    await test.clock.advance(10_000);
    expect(await failed).toBe('no eligible upstream');
  });
});
