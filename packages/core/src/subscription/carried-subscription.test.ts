import { describe, expect, it } from 'vitest';
import type { Subscription } from '../call.ts';
import type { Chain, SubscriptionTraits } from '../chain/chain.ts';
import type { BalancerError } from '../errors.ts';
import { errorReply } from '../json-rpc/message.ts';
import { FakeNode, fakeChain, type TestBalancer, testBalancer } from '../testing/index.ts';

/** A subscriber that notes what it hears. */
function subscriber(onItem: (item: string) => void = () => {}) {
  const heard: string[] = [];
  const ends: BalancerError[] = [];
  let subscription: Subscription | undefined;
  return {
    heard,
    ends,
    get subscription() {
      return subscription as Subscription;
    },
    handlers: {
      onSubscribed: (given: Subscription) => {
        subscription = given;
        heard.push('subscribed');
      },
      onItem: (item: string) => {
        heard.push(item);
        onItem(item);
      },
      onEnd: (error: BalancerError) => {
        ends.push(error);
      },
    },
  };
}

const watch = { method: 'watch_value', params: '[]' };
const submit = { method: 'submit_and_watch', params: '["tx"]' };

/** The node that carries the one subscription. */
function carrier(test: TestBalancer, method = watch.method): FakeNode {
  const carriers = test.nodes.filter((node) => node.subscriptions(method) > 0);
  expect(carriers).toHaveLength(1);
  return carriers[0] as FakeNode;
}

/** The fake chain with other traits of {@link watch}. */
function withTraits(others: Partial<Extract<SubscriptionTraits, { source: 'upstream' }>>): Chain {
  const chain = fakeChain();
  return {
    ...chain,
    traits: (method) => {
      const traits = chain.traits(method);
      if (method !== watch.method) return traits;
      return {
        ...traits,
        subscription: { ...traits.subscription, ...others } as SubscriptionTraits,
      };
    },
  };
}

const asked = (test: TestBalancer, method: string): number =>
  test.nodes.flatMap((node) => node.calls.filter((call) => call.method === method)).length;

const tooMany = errorReply({ code: 404, message: 'too many subscriptions' });

describe('a subscription that one upstream carries', () => {
  it('is complete with its last item, whatever becomes of the upstream', async () => {
    await using test = await testBalancer();
    const one = subscriber();
    await test.balancer.subscribe(submit, one.handlers);
    const node = carrier(test, submit.method);
    node.push(submit.method, 'ready');
    node.push(submit.method, 'done');
    node.push(submit.method, 'once more');
    node.crash();
    await test.clock.advance(10_000);
    expect(one.heard).toEqual(['subscribed', '"ready"', '"done"']);
    expect(one.ends).toEqual([]);
    expect(asked(test, submit.method)).toBe(1);
  });

  it('tells what was tried, and that a submission may have taken effect, when nobody accepts', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const one = subscriber();
    const failed = test.balancer.subscribe(submit, one.handlers).catch((error: unknown) => error);
    await test.clock.advance(0);
    const node = test.nodes.find(({ calls }) => calls.some((c) => c.method === submit.method));
    node?.crash('connection lost');
    await test.clock.advance(100);
    expect(await failed).toMatchObject({
      code: 'transport',
      message: expect.stringContaining('whether it took effect is not known'),
      attempts: [{ upstream: node?.id, outcome: 'connection lost' }],
    });
    expect(asked(test, submit.method)).toBe(1);
  });

  it('survives the death of its upstream without repeating itself', async () => {
    await using test = await testBalancer();
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    carrier(test).push(watch.method, 1);
    carrier(test).crash();
    await test.clock.advance(0);
    carrier(test).push(watch.method, 1);
    carrier(test).push(watch.method, 2);
    expect(one.heard).toEqual(['subscribed', '1', '2']);
    expect(one.ends).toEqual([]);
  });

  it('goes on elsewhere when its upstream drops it', async () => {
    await using test = await testBalancer();
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    const first = carrier(test);
    first.dropSubscriptions();
    await test.clock.advance(0);
    expect(carrier(test)).not.toBe(first);
  });

  it('is silent for as long as it likes, where its traits say nothing of that', async () => {
    await using test = await testBalancer();
    await test.balancer.subscribe(watch, subscriber().handlers);
    const first = carrier(test);
    await test.clock.advance(86_400_000);
    expect(carrier(test)).toBe(first);
  });

  it('goes on elsewhere when its upstream is silent for longer than its traits allow', async () => {
    await using test = await testBalancer({ chain: withTraits({ quietMs: 30_000 }) });
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    const first = carrier(test);
    await test.clock.advance(29_000);
    expect(carrier(test)).toBe(first);
    await test.clock.advance(2_000);
    const second = carrier(test);
    expect(second).not.toBe(first);
    // It begins to count anew there, and is more patient after an alarm for nothing.
    await test.clock.advance(55_000);
    expect(carrier(test)).toBe(second);
    await test.clock.advance(10_000);
    expect(carrier(test)).not.toBe(second);
    expect(one.heard).toEqual(['subscribed']);
  });

  it('is not begun again for ever over the same silence', async () => {
    const told = () => {
      const known = new Set<string>();
      return (item: string) => (known.size < known.add(item).size ? item : undefined);
    };
    await using test = await testBalancer({
      chain: withTraits({ quietMs: 30_000, reducer: told, isLast: (item) => item === '"done"' }),
    });
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    const first = carrier(test);
    first.push(watch.method, 'one');
    await test.clock.advance(31_000);
    const second = carrier(test);
    expect(second).not.toBe(first);
    // It begins with what was told already, and then takes as long as the one before would have.
    second.push(watch.method, 'one');
    await test.clock.advance(45_000);
    expect(carrier(test)).toBe(second);
    second.push(watch.method, 'two');
    second.push(watch.method, 'done');
    expect(one.heard).toEqual(['subscribed', '"one"', '"two"', '"done"']);
  });

  it('is not taken for silent while nobody carries it', async () => {
    await using test = await testBalancer({ chain: withTraits({ quietMs: 30_000 }) });
    await test.balancer.subscribe(watch, subscriber().handlers);
    for (const node of test.nodes) node.crash();
    await test.clock.advance(1_800_000);
    for (const node of test.nodes) void node.restart();
    await test.clock.advance(1_000);
    const first = carrier(test);
    await test.clock.advance(27_000);
    expect(carrier(test)).toBe(first);
    await test.clock.advance(3_000);
    expect(carrier(test)).not.toBe(first);
  });

  it('is not looked for any more when its client has left', async () => {
    await using test = await testBalancer({ chain: withTraits({ quietMs: 30_000 }) });
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    one.subscription.unsubscribe();
    await test.clock.advance(3_600_000);
    expect(asked(test, watch.method)).toBe(1);
  });

  it('waits for an upstream to come back, however long that takes', async () => {
    await using test = await testBalancer();
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    for (const node of test.nodes) node.crash();
    await test.clock.advance(3_600_000);
    expect(one.ends).toEqual([]);
    void test.nodes[2]?.restart();
    await test.clock.advance(1000);
    carrier(test).push(watch.method, 5);
    expect(one.heard).toEqual(['subscribed', '5']);
  });

  it('leaves an upstream that lags, and stays when there is no better one', async () => {
    await using test = await testBalancer();
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    const first = carrier(test);
    await test.mine(
      6,
      test.nodes.filter((node) => node !== first),
    );
    await test.clock.advance(0);
    const second = carrier(test);
    expect(second).not.toBe(first);
    for (const node of test.nodes) node.health = { status: 'unhealthy', reason: 'syncing' };
    await test.clock.advance(11_000);
    expect(test.balancer.available).toBe(false);
    carrier(test).push(watch.method, 7);
    expect(one.heard).toEqual(['subscribed', '7']);
  });

  it('leaves an upstream that is drained, and is not broken off by its removal', async () => {
    await using test = await testBalancer();
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    const first = carrier(test);
    test.balancer.drainUpstream(first.id);
    await test.clock.advance(0);
    expect(carrier(test)).not.toBe(first);
    expect(first.subscriptions(watch.method)).toBe(0);
    await test.balancer.removeUpstream(first.id);
    expect(one.ends).toEqual([]);
  });

  it('does not repeat an action: it ends, and says that the outcome is not known', async () => {
    await using test = await testBalancer();
    const one = subscriber();
    await test.balancer.subscribe(submit, one.handlers);
    const first = carrier(test, submit.method);
    test.balancer.drainUpstream(first.id);
    await test.clock.advance(0);
    expect(first.subscriptions(submit.method)).toBe(1);
    first.crash();
    await test.clock.advance(10_000);
    expect(one.ends.map(({ message }) => message)).toEqual([
      expect.stringContaining('what it did is not known'),
    ]);
    expect(asked(test, submit.method)).toBe(1);
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('does not repeat an action that was sent and not answered, but one that was not sent', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      node.handle(submit.method, () => {
        node.crash('connection lost');
        return errorReply({ code: 1, message: 'never heard' });
      });
    }
    const failed = test.balancer.subscribe(submit, subscriber().handlers).catch((e: unknown) => e);
    await test.clock.advance(40_000);
    expect(await failed).toMatchObject({
      code: 'transport',
      rawMessage: 'submit_and_watch: connection lost; whether it took effect is not known',
    });
    expect(asked(test, submit.method)).toBe(1);
    // Two are left; the one that had no room has done nothing.
    const [one, other] = test.nodes.filter(
      (node) => !node.calls.some((call) => call.method === submit.method),
    ) as [FakeNode, FakeNode];
    one.handle(submit.method, () => tooMany);
    other.handle(submit.method, () => ({ kind: 'result', result: 'true' }));
    const outcome = await test.balancer.subscribe(submit, subscriber().handlers);
    expect(outcome).toEqual({ kind: 'subscribed' });
  });

  it('gives the answer of the one upstream that finds fault with the request', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      node.handle(watch.method, () => errorReply({ code: -32602, message: 'bad params' }));
    }
    const one = subscriber();
    const outcome = await test.balancer.subscribe(watch, one.handlers);
    expect(outcome).toMatchObject({ kind: 'error', error: { code: -32602 } });
    expect(asked(test, watch.method)).toBe(1);
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('asks everybody when one has no room, and tells the reason when nobody has', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    for (const node of [a, b]) node.handle(watch.method, () => tooMany);
    const one = subscriber();
    expect(await test.balancer.subscribe(watch, one.handlers)).toEqual({ kind: 'subscribed' });
    expect(carrier(test)).toBe(c);
    c.handle(watch.method, () => tooMany);
    const two = subscriber();
    expect(await test.balancer.subscribe(watch, two.handlers)).toMatchObject({ kind: 'error' });
    expect(two.heard).toEqual([]);
  });

  it('ends when every upstream declines to take it up again', async () => {
    await using test = await testBalancer();
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    for (const node of test.nodes) node.handle(watch.method, () => tooMany);
    carrier(test).dropSubscriptions();
    await test.clock.advance(1000);
    expect(one.ends.map(({ message }) => message)).toEqual([
      expect.stringContaining('too many subscriptions'),
    ]);
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('says at once that nobody offers the method', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.methods = ['local'];
    await test.clock.advance(60_000);
    const outcome = await test.balancer.subscribe(watch, subscriber().handlers);
    expect(outcome).toMatchObject({ kind: 'error', error: { code: -32601 } });
    // One that was never reached is not waited for.
    const down = new FakeNode('down', test.ledger, { reachable: false });
    test.balancer.addUpstream(down.upstream());
    await test.clock.advance(5_000);
    expect(await test.balancer.subscribe(watch, subscriber().handlers)).toMatchObject({
      kind: 'error',
      error: { code: -32601, message: expect.stringContaining('1 of 4 never was') },
    });
  });

  it('goes elsewhere when an upstream hangs, within its deadline', async () => {
    await using test = await testBalancer({ policy: { attemptTimeoutMs: 2000 } });
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    a.hang();
    b.hang();
    const one = subscriber();
    const outcome = test.balancer.subscribe(watch, one.handlers);
    await test.clock.advance(5000);
    expect(await outcome).toEqual({ kind: 'subscribed' });
    // The late answers of the others leave nothing behind.
    a.thaw();
    b.thaw();
    await test.clock.advance(0);
    expect(carrier(test)).toBe(test.nodes[2]);
  });

  it('waits for another one, when the upstream that took long to accept is lost with nobody left', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const one = subscriber();
    const begun = test.balancer.subscribe(watch, one.handlers);
    await test.clock.advance(6_000);
    for (const node of test.nodes) node.crash('connection lost');
    await test.clock.advance(3_000);
    test.nodes[0]?.thaw();
    void test.nodes[0]?.restart();
    await test.clock.advance(5_000);
    await begun;
    expect(one.heard).toEqual(['subscribed']);
  });

  it('keeps the deadline however many upstreams hang', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const one = subscriber();
    const failed = test.balancer
      .subscribe(watch, one.handlers, { deadlineMs: 3000 })
      .catch((error: unknown) => error);
    await test.clock.advance(3000);
    expect(await failed).toMatchObject({ code: 'timeout' });
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('is given up at once by its signal, while it is asked for and while it waits', async () => {
    for (const trouble of ['hang', 'crash'] as const) {
      await using test = await testBalancer();
      for (const node of test.nodes) node[trouble]();
      const abort = new AbortController();
      const one = subscriber();
      const failed = test.balancer
        .subscribe(watch, one.handlers, { signal: abort.signal })
        .catch((error: unknown) => error);
      await test.clock.advance(10);
      abort.abort('enough');
      await test.clock.advance(0);
      expect(await failed).toMatchObject({ code: 'cancelled', cause: 'enough' });
      for (const node of test.nodes) {
        node.thaw();
        void node.restart();
      }
      await test.clock.advance(1000);
      expect(test.nodes.map((node) => node.subscriptions(watch.method))).toEqual([0, 0, 0]);
      expect(test.balancer.snapshot().subscriptions).toBe(0);
      await test.balancer.close();
      expect(test.clock.pendingTimers).toBe(0);
    }
  });

  it('does not end with the signal of its request once it was accepted', async () => {
    await using test = await testBalancer();
    const abort = new AbortController();
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers, { signal: abort.signal });
    abort.abort();
    carrier(test).push(watch.method, 1);
    expect(one.heard).toEqual(['subscribed', '1']);
  });

  it('delivers nothing after it was ended, at any moment', async () => {
    await using test = await testBalancer();
    const one = subscriber(() => one.subscription.unsubscribe());
    await test.balancer.subscribe(watch, one.handlers);
    const first = carrier(test);
    first.push(watch.method, 1);
    first.push(watch.method, 2);
    expect(one.heard).toEqual(['subscribed', '1']);
    expect(first.subscriptions(watch.method)).toBe(0);

    const two = subscriber();
    await test.balancer.subscribe(watch, {
      ...two.handlers,
      onSubscribed: (subscription) => subscription.unsubscribe(),
    });
    expect(test.nodes.map((node) => node.subscriptions(watch.method))).toEqual([0, 0, 0]);

    const three = subscriber();
    await test.balancer.subscribe(watch, three.handlers);
    for (const node of test.nodes) node.hang();
    carrier(test).dropSubscriptions();
    await test.clock.advance(10);
    three.subscription.unsubscribe();
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(1000);
    expect(test.nodes.map((node) => node.subscriptions(watch.method))).toEqual([0, 0, 0]);
    expect([two.ends, three.ends]).toEqual([[], []]);
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });

  it('asks only upstreams that have what the session has seen', async () => {
    await using test = await testBalancer();
    const session = test.balancer.session();
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers, { session });
    const first = carrier(test);
    const [ahead] = test.nodes.filter((node) => node !== first) as [FakeNode];
    await test.mine(1, [ahead]);
    await test.balancer.request('get', ['x'], { session });
    first.crash();
    await test.clock.advance(0);
    expect(carrier(test)).toBe(ahead);
  });

  it('goes elsewhere when its upstream sends what the chain does not know', async () => {
    await using test = await testBalancer({
      chain: withTraits({
        reducer: () => (item) => {
          if (item === '"nonsense"') throw new TypeError('no value');
          return item;
        },
      }),
    });
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    const first = carrier(test);
    first.push(watch.method, 'nonsense');
    await test.clock.advance(0);
    expect(carrier(test)).not.toBe(first);
    carrier(test).push(watch.method, 1);
    expect(one.heard).toEqual(['subscribed', '1']);
  });

  it.each(['while it is asked for', 'while it waits', 'while it is live', 'while it is lost'])(
    'ends with the balancer %s, and leaves no timer',
    async (moment) => {
      const test = await testBalancer();
      const one = subscriber();
      if (moment === 'while it is asked for') for (const node of test.nodes) node.hang();
      if (moment === 'while it waits') for (const node of test.nodes) node.crash();
      const outcome = test.balancer
        .subscribe(watch, one.handlers)
        .catch((error: BalancerError) => error.code);
      await test.clock.advance(10);
      if (moment === 'while it is lost') for (const node of test.nodes) node.crash();
      await test.clock.advance(10);
      await test.balancer.close();
      await test.clock.advance(0);
      expect(test.clock.pendingTimers).toBe(0);
      // Told once: by the call as long as there was no subscription.
      const live = moment === 'while it is live' || moment === 'while it is lost';
      expect(await outcome).toEqual(live ? { kind: 'subscribed' } : 'closed');
      expect(one.ends.map(({ code }) => code)).toEqual(live ? ['closed'] : []);
    },
  );

  it('has a bound, and makes room again', async () => {
    await using test = await testBalancer({ maxSubscriptions: 2 });
    const one = subscriber();
    await test.balancer.subscribe(watch, one.handlers);
    await test.balancer.subscribe({ method: 'follow_best', params: '[]' }, subscriber().handlers);
    const refused = test.balancer.subscribe(watch, subscriber().handlers);
    await expect(refused).rejects.toMatchObject({ code: 'overloaded' });
    one.subscription.unsubscribe();
    one.subscription.unsubscribe();
    expect(await test.balancer.subscribe(watch, subscriber().handlers)).toEqual({
      kind: 'subscribed',
    });
  });
});
