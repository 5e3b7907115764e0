import { describe, expect, it } from 'vitest';
import type { Chain, Strategy } from '../chain/chain.ts';
import type { BalancerError } from '../errors.ts';
import { errorReply } from '../json-rpc/message.ts';
import { type FakeNode, fakeChain, result, testBalancer } from '../testing/index.ts';

const caught = (promise: Promise<unknown>): Promise<BalancerError> =>
  promise.then(
    () => expect.unreachable(),
    (error: BalancerError) => error,
  );

/** The fake chain, where bodies are also those of the best block. */
function bodiesOfBest(strategy: Strategy = { kind: 'one' }): Chain {
  const chain = fakeChain();
  return {
    ...chain,
    traits: (method) => {
      const traits = chain.traits(method);
      return method === 'body' ? { ...traits, at: 0, strategy } : traits;
    },
  };
}

const isBody = ({ method }: { readonly method: string }): boolean => method === 'body';

/** Two blocks beyond what the others have, known to `a` alone. */
async function ahead(strategy?: Strategy) {
  const test = await testBalancer({ chain: bodiesOfBest(strategy) });
  const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
  await test.mine(2, [a]);
  for (const node of [a, b, c]) {
    node.handle('body', ([hash]) => result(`${String(hash)} of ${node.id}`));
  }
  return { test, a, b, c };
}

describe('the best block of a call', () => {
  it('is another one when the only upstream that has it lacks it after all', async () => {
    const { test, a } = await ahead();
    await using _ = test;
    a.handle('body', () => result(null));
    expect(await test.balancer.request('body', [])).toMatch(/^0x10-a of [bc]$/);
    expect(a.calls.filter(({ method }) => method === 'body')).toHaveLength(2);
  });

  it('is another one when the only upstream that has it dies over the call', async () => {
    const { test, a } = await ahead();
    await using _ = test;
    a.handle('body', () => {
      a.crash();
      return result('never heard');
    });
    const answer = test.balancer.request('body', []);
    await test.clock.advance(100);
    expect(await answer).toMatch(/^0x10-a of [bc]$/);
  });

  it('is waited for where the session has seen it', async () => {
    const { test, a, b } = await ahead();
    await using _ = test;
    a.handle('body', () => result(null));
    const session = test.balancer.session();
    session.observe(12);
    const answer = test.balancer.request('body', [], { session });
    await test.clock.advance(30);
    b.advance();
    await test.clock.advance(300);
    expect(await answer).toBe('0x12-a of b');
  });

  it('is never told as missing: nobody has it, says the error', async () => {
    await using test = await testBalancer({ chain: bodiesOfBest() });
    for (const node of test.nodes) node.handle('body', () => result(null));
    const answer = caught(test.balancer.request('body', []));
    await test.clock.advance(10_000);
    expect(await answer).toMatchObject({
      code: 'no eligible upstream',
      message: expect.stringContaining('body: nobody has the best block now'),
    });
    expect((await answer).attempts).toHaveLength(6);
    // What the caller names itself may well be missing.
    expect(await test.balancer.request('body', ['0x3-a'])).toBeNull();
  });

  it('changes for nobody who named it', async () => {
    const { test, a } = await ahead();
    await using _ = test;
    a.hang();
    const best = test.balancer.request('body', []);
    const alike = test.balancer.request('body', []);
    const named = caught(test.balancer.request('body', ['0x12-a']));
    await test.clock.advance(5);
    a.crash();
    await test.clock.advance(10_000);
    expect(await best).toMatch(/^0x10-a of [bc]$/);
    expect(await alike).toBe(await best);
    expect(await named).toMatchObject({ code: 'no eligible upstream' });
  });

  it('has been seen by the session once it was told, whichever it is by then', async () => {
    const { test, a } = await ahead();
    await using _ = test;
    a.hang();
    const session = test.balancer.session();
    const answers = Promise.all([
      test.balancer.request('body', [], { session }),
      test.balancer.request('body', [], { session }),
    ]);
    await test.clock.advance(5);
    a.crash();
    await test.clock.advance(200);
    await answers;
    expect(session.seen).toBe(10);
    expect(await test.balancer.request('body', [], { session })).toMatch(/^0x10-a/);
  });

  it('is one of an upstream that rests no more', async () => {
    await using test = await testBalancer({ nodes: 2, chain: bodiesOfBest() });
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    await test.mine(2, [a]);
    const resting = () => test.balancer.snapshot().upstreams[1]?.reason === 'cooling down';
    b.handle('body', () => errorReply({ code: 429, message: 'slow down' }));
    while (!resting()) await test.balancer.request('body', ['0x9-a']).catch(() => {});
    b.handle('body', ([hash]) => result(`${String(hash)} of b`));
    a.hang();
    await test.clock.advance(2_000);
    const answer = test.balancer.request('body', []);
    await test.clock.advance(5);
    a.crash();
    await test.clock.advance(4_000);
    expect(await answer).toBe('0x10-a of b');
  });

  it('is one that as many have as must agree, also when one of them dies', async () => {
    const chain = bodiesOfBest({ kind: 'agree', width: 3, count: 2 });
    await using test = await testBalancer({ chain });
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    await test.mine(2, [a, b]);
    for (const node of test.nodes) node.handle('body', ([hash]) => result(String(hash)));
    a.handle('body', () => {
      a.crash();
      return result('never heard');
    });
    const answer = test.balancer.request('body', []);
    await test.clock.advance(1_000);
    expect(await answer).toBe('0x10-a');
  });

  it('costs no more than failures may when it is missed and others fail', async () => {
    const chain = bodiesOfBest({ kind: 'maximum', width: 3 });
    const retryBudget = { ratio: 0, minPerSecond: 0 };
    await using test = await testBalancer({ chain, policy: { retryBudget } });
    test.nodes.forEach((node, i) => {
      const code = i === 0 ? 404 : 500;
      node.handle('body', () => errorReply({ code, message: 'no' }));
    });
    const answer = caught(test.balancer.request('body', []));
    await test.clock.advance(5_000);
    expect(await answer).toMatchObject({ code: 'retry budget exhausted' });
    expect(test.nodes.flatMap(({ calls }) => calls).filter(isBody)).toHaveLength(3);
  });

  describe.each<Strategy>([
    { kind: 'maximum', width: 3 },
    { kind: 'agree', width: 3, count: 1 },
    { kind: 'agree', width: 3, count: 2 },
    { kind: 'broadcast', width: 3 },
  ])('asked of several, $kind of $count', (strategy) => {
    const lacksIt = () => errorReply({ code: 404, message: 'unknown block' });

    it('is another one when those that had it lack it after all', async () => {
      const { test, a, b, c } = await ahead(strategy);
      await using _ = test;
      for (const node of [a, b, c]) {
        node.handle('body', ([hash]) => {
          return node === a ? lacksIt() : result(String(hash));
        });
      }
      const answer = test.balancer.request('body', []);
      await test.clock.advance(5_000);
      expect(await answer).toBe('0x10-a');
    });

    it('is told in the words of the upstreams where nobody has any', async () => {
      const { test, a, b, c } = await ahead(strategy);
      await using _ = test;
      for (const node of [a, b, c]) node.handle('body', lacksIt);
      const answer = caught(test.balancer.request('body', []));
      await test.clock.advance(10_000);
      expect(await answer).toMatchObject({ code: 404 });
    });

    it('is never told as missing', async () => {
      const { test, a, b, c } = await ahead(strategy);
      await using _ = test;
      for (const node of [a, b, c]) node.handle('body', () => result(null));
      const answer = caught(test.balancer.request('body', []));
      await test.clock.advance(10_000);
      expect(await answer).toMatchObject({
        code: 'no eligible upstream',
        message: expect.stringContaining('body: nobody has the best block now'),
      });
    });
  });

  it('is told in the words of the upstreams where they gave an error', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      node.handle('get', () => errorReply({ code: 404, message: 'unknown block' }));
    }
    const answer = caught(test.balancer.request('get', ['k']));
    await test.clock.advance(10_000);
    expect(await answer).toMatchObject({ code: 404 });
  });
});
