import { describe, expect, it, vi } from 'vitest';
import type { Chain } from './chain/chain.ts';
import type { BalancerError } from './errors.ts';
import { errorReply } from './json-rpc/message.ts';
import type { Candidate, Selector } from './selector/selector.ts';
import { type FakeNode, fakeChain, type TestBalancer, testBalancer } from './testing/index.ts';

/*
 * What functions of the application's throw costs one call or one subscription, and is told; an error
 * that nobody catches would fail the test run.
 */

/** A selector that takes the first, or throws while told to. */
class Broken implements Selector {
  readonly name = 'broken';
  isBroken = false;

  pick<C extends Candidate>(candidates: readonly C[]): C {
    if (this.isBroken) throw new Error('broken selector');
    return candidates[0] as C;
  }
}

async function withBroken(): Promise<TestBalancer & { readonly selector: Broken }> {
  const selector = new Broken();
  return Object.assign(await testBalancer({ selector }), { selector });
}

const caught = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error,
  );

describe('a selector that throws', () => {
  const agree = { kind: 'agree', width: 3, count: 2 } as const;

  it('ends the call that asked several', async () => {
    await using test = await withBroken();
    test.selector.isBroken = true;
    for (const strategy of [agree, { kind: 'broadcast', width: 2 } as const]) {
      const error = await caught(test.balancer.request('local', [], { strategy }));
      expect(error.message).toBe('broken selector');
    }
    expect(test.balancer.snapshot().calls).toEqual({ running: 0, waiting: 0 });
    test.selector.isBroken = false;
    expect(await test.balancer.request('local')).toBe('local by a');
  });

  it('ends the call that waits for more to ask', async () => {
    await using test = await withBroken();
    const [, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    b.crash();
    c.crash();
    const error = caught(test.balancer.request('local', [], { strategy: agree }));
    await test.clock.advance(150);
    test.selector.isBroken = true;
    await test.clock.advance(150);
    expect((await error).message).toBe('broken selector');
    expect(test.balancer.snapshot().calls).toEqual({ running: 0, waiting: 0 });
  });

  it('ends the call whose grace is over', async () => {
    await using test = await withBroken();
    const [a] = test.nodes as [FakeNode];
    a.hang();
    const error = caught(test.balancer.request('local', [], { strategy: agree }));
    await test.clock.advance(100);
    test.selector.isBroken = true;
    await test.clock.advance(2_000);
    expect((await error).message).toBe('broken selector');
    expect(test.balancer.snapshot().calls.running).toBe(0);
  });

  it.each([
    ['dies', (node: FakeNode) => node.crash()],
    ['is no longer good', (node: FakeNode) => (node.health = { status: 'unhealthy' })],
  ])('ends the subscriptions whose upstream %s', async (_, harm) => {
    await using test = await withBroken();
    const ends: string[] = [];
    const handlers = {
      onSubscribed: () => {},
      onItem: () => {},
      onEnd: ({ message }: BalancerError) => ends.push(message),
    };
    const own = { method: 'watch_value', params: '["k"]' };
    const shared = { method: 'watch_values', params: '[["k"]]' };
    for (const call of [own, shared]) await test.balancer.subscribe(call, handlers);
    const carrier = test.nodes.find((node) => node.subscriptions('watch_value') > 0) as FakeNode;
    test.selector.isBroken = true;
    harm(carrier);
    await test.clock.advance(20_000);
    await test.mine(1);
    expect(ends).toHaveLength(2);
    for (const message of ends) expect(message).toContain('broken selector');
    expect(test.balancer.snapshot().subscriptions).toBe(0);
  });
});

describe('functions that are told things, and throw', () => {
  const broken = (): never => {
    throw new Error('mine');
  };

  it('are told of as an event', async () => {
    await using test = await testBalancer();
    const { balancer } = test;
    const thrown: string[] = [];
    balancer.on('thrown', ({ where, error }) =>
      thrown.push(`${where}: ${(error as Error).message}`),
    );
    balancer.on('best', broken);
    await balancer.subscribe(
      { method: 'follow_best', params: '[]' },
      { onSubscribed: broken, onItem: broken, onEnd: broken },
    );
    balancer.dispatch({ method: 'local', params: '[]' }, { onAnswer: broken, onFailure: broken });
    await test.clock.advance(1);
    await test.mine(1);
    await balancer.close();
    expect(new Set(thrown)).toEqual(
      new Set([
        'a subscriber: mine',
        'the receiver of an answer: mine',
        "a listener of 'best': mine",
      ]),
    );
    // Its id, the present head, the new one, and the end.
    expect(thrown.filter((each) => each.startsWith('a subscriber'))).toHaveLength(4);
  });

  it('show on the console while nobody listens, or the listener itself throws', async () => {
    const shown = vi.spyOn(console, 'error').mockImplementation(() => {});
    await using test = await testBalancer();
    test.balancer.on('best', broken);
    await test.mine(1);
    test.balancer.on('thrown', broken);
    await test.mine(1);
    const where = shown.mock.calls.map(([text]) => text);
    shown.mockRestore();
    expect(where).toEqual([
      "dshackle: a listener of 'best' threw:",
      "dshackle: a listener of 'thrown' threw:",
    ]);
  });
});

describe('a chain package that throws', () => {
  it('at a head ends the following of that upstream, which begins anew', async () => {
    const usual = fakeChain();
    let isBroken = true;
    const follow: Chain['heads']['follow'] = (client, observer) =>
      usual.heads.follow(
        client,
        isBroken
          ? {
              ...observer,
              onBlock: () => {
                throw new Error('unreadable head');
              },
            }
          : observer,
      );
    const chain = { ...usual, heads: { ...usual.heads, follow } };
    await using test = await testBalancer({ chain, nodes: 1 });
    await test.clock.advance(10);
    expect(test.balancer.snapshot().upstreams[0]?.detail).toContain('unreadable head');
    isBroken = false;
    await test.clock.advance(20_000);
    expect(test.balancer.head.best?.number).toBe(10);
  });

  it('at the list of methods leaves it as it was', async () => {
    const usual = fakeChain();
    const methods: Chain['probes']['methods'] = () => {
      throw new Error('no list');
    };
    const chain = { ...usual, probes: { ...usual.probes, methods } };
    await using test = await testBalancer({ chain, nodes: 1 });
    expect(await test.balancer.request('local')).toBe('local by a');
    (test.nodes[0] as FakeNode).handle('local', () => errorReply({ code: 1, message: 'no' }));
    expect(test.balancer.snapshot().upstreams[0]?.detail).toContain('no list');
  });
});
