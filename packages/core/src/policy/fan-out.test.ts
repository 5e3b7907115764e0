import { describe, expect, it, vi } from 'vitest';
import type { BalancerError } from '../errors.ts';
import { errorReply, type Reply } from '../json-rpc/message.ts';
import { FakeNode, result, testBalancer } from '../testing/index.ts';

const says = (node: FakeNode | undefined, method: string, reply: Reply): void =>
  node?.handle(method, () => reply);
const asked = (nodes: readonly FakeNode[], method: string): number =>
  nodes.flatMap((node) => node.calls.filter((call) => call.method === method)).length;
const refusal = (code: number): Reply => errorReply({ code, message: `error ${code}` });
const caught = (promise: Promise<unknown>): Promise<BalancerError> =>
  promise.then(
    () => expect.unreachable(),
    (error: BalancerError) => error,
  );
const spread = { method: 'spread', params: '["tx"]' };

describe('the strategy broadcast', () => {
  it('sends to as many as it is wide, and takes the first acceptance', async () => {
    await using test = await testBalancer({ nodes: 5 });
    for (const node of test.nodes) says(node, 'spread', refusal(1010));
    says(test.nodes[3], 'spread', result('accepted'));
    says(test.nodes[4], 'spread', result('accepted'));
    const { reply } = await test.balancer.forward(spread);
    expect(asked(test.nodes, 'spread')).toBe(3);
    expect(reply.kind).toBe(
      test.nodes.slice(3).some((n) => asked([n], 'spread')) ? 'result' : 'error',
    );
  });

  it('accepts although one crashes, one fails and one hangs', async () => {
    await using test = await testBalancer({ nodes: 4 });
    const [a, b, c, d] = test.nodes as [FakeNode, FakeNode, FakeNode, FakeNode];
    a.handle('spread', () => {
      a.crash();
      return result('lost');
    });
    says(b, 'spread', refusal(500));
    c.handle('spread', () => new Promise(() => {}));
    says(d, 'spread', result('accepted'));
    const answer = test.balancer.forward(spread);
    await test.clock.advance(10);
    expect(await answer).toMatchObject({ upstream: 'd', reply: { result: '"accepted"' } });
  });

  it('asks others in the place of those that failed', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, 'spread', refusal(500));
    const last = new FakeNode('last', test.ledger);
    test.balancer.addUpstream(last.upstream({ role: 'fallback' }));
    await test.clock.advance(1);
    expect(await test.balancer.request('spread', ['tx'])).toBe('spread by last');
  });

  it('tells a rejection, and not that somebody was out of order or had no time', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes;
    says(a, 'spread', refusal(429));
    says(b, 'spread', refusal(500));
    says(c, 'spread', refusal(1010));
    const { reply } = await test.balancer.forward(spread);
    expect(reply).toMatchObject({ kind: 'error', error: { code: 1010 } });
  });

  it('tells what an upstream said of its failure when there is nothing better', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, 'spread', refusal(500));
    const { reply } = await test.balancer.forward(spread);
    expect(reply).toMatchObject({ kind: 'error', error: { code: 500 } });
  });

  it('does not keep a rejection back for an upstream that hangs', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes;
    says(a, 'spread', refusal(1010));
    says(b, 'spread', refusal(1010));
    c?.handle('spread', () => new Promise(() => {}));
    const answer = test.balancer.forward(spread);
    await test.clock.advance(4_900);
    says(c, 'spread', result('late'));
    await test.clock.advance(300);
    expect((await answer).reply).toMatchObject({ error: { code: 1010 } });
  });

  it('says that it does not know when every connection broke', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      node.handle('spread', () => {
        node.crash();
        return result('lost');
      });
    }
    const error = await caught(test.balancer.forward(spread));
    expect(error).toMatchObject({ code: 'transport' });
    expect(error.attempts).toHaveLength(3);
    await test.clock.advance(60_000);
    expect(asked(test.nodes, 'spread')).toBe(3);
  });

  it('waits for an upstream when there is none', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.crash();
    const answer = test.balancer.request('spread', ['tx']);
    await test.clock.advance(1000);
    void test.nodes[1]?.restart();
    await test.clock.advance(1000);
    expect(await answer).toBe('spread by b');
  });
});

describe('the strategy maximum', () => {
  it('takes the largest of three, and does not wait long for one that hangs', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes;
    says(a, 'nonce', result(4));
    says(b, 'nonce', result(7));
    says(c, 'nonce', result(5));
    expect(await test.balancer.request('nonce')).toBe(7);
    b?.handle('nonce', () => new Promise(() => {}));
    const answer = test.balancer.request('nonce');
    await test.clock.advance(1_100);
    expect(await answer).toBe(5);
  });

  it('asks again after a pause when all failed', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, 'nonce', refusal(500));
    const answer = test.balancer.request('nonce');
    await test.clock.advance(1);
    expect(asked(test.nodes, 'nonce')).toBe(3);
    test.nodes.forEach((node, i) => {
      says(node, 'nonce', result(i));
    });
    await test.clock.advance(100);
    expect(await answer).toBe(2);
    expect(asked(test.nodes, 'nonce')).toBe(6);
  });

  it('waits for an upstream when it lost all while it asked', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      node.handle('nonce', () => {
        node.crash();
        return result('lost');
      });
    }
    const answer = test.balancer.request('nonce');
    await test.clock.advance(2_000);
    says(test.nodes[1], 'nonce', result(7));
    void test.nodes[1]?.restart();
    await test.clock.advance(1_000);
    expect(await answer).toBe(7);
  });

  it('goes on no further than attempts and retry budget allow', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, 'nonce', refusal(500));
    const error = caught(test.balancer.request('nonce'));
    await test.clock.advance(5_000);
    expect(await error).toMatchObject({ code: 'transport', origin: 'upstream' });
    expect(asked(test.nodes, 'nonce')).toBe(6);
    const retryBudget = { ratio: 0, minPerSecond: 0 };
    await using poor = await testBalancer({ policy: { retryBudget } });
    for (const node of poor.nodes) says(node, 'nonce', refusal(500));
    const refused = await caught(poor.balancer.request('nonce'));
    expect(refused.code).toBe('retry budget exhausted');
    expect(refused.attempts).toHaveLength(3);
  });

  it('leaves nothing behind when it is given up, or closed, while it pauses', async () => {
    const test = await testBalancer();
    for (const node of test.nodes) says(node, 'nonce', refusal(500));
    const abort = new AbortController();
    const given = caught(test.balancer.request('nonce', [], { signal: abort.signal }));
    const closed = caught(test.balancer.request('nonce'));
    await test.clock.advance(1);
    abort.abort();
    expect((await given).code).toBe('cancelled');
    await test.balancer.close();
    expect((await closed).code).toBe('closed');
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('fails at the deadline when all hang, and leaves no timer', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const error = caught(test.balancer.request('nonce', [], { deadlineMs: 3000 }));
    await test.clock.advance(3_100);
    expect((await error).code).toBe('timeout');
    for (const node of test.nodes) node.thaw();
    await test.balancer.close();
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('listens to a signal once, however many calls it is given with', async () => {
    await using test = await testBalancer({ nodes: 3 });
    for (const node of test.nodes) says(node, 'nonce', result(1));
    const { signal } = new AbortController();
    const listen = vi.spyOn(signal, 'addEventListener');
    const calls = Array.from({ length: 20 }, (_, i) =>
      test.balancer.request('nonce', [`account ${i}`], { signal }),
    );
    await test.clock.advance(10);
    expect(await Promise.all(calls)).toEqual(calls.map(() => 1));
    expect(listen).toHaveBeenCalledTimes(1);
  });

  it('ends with its signal, before and during the call', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const abort = new AbortController();
    const error = caught(test.balancer.request('nonce', [], { signal: abort.signal }));
    await test.clock.advance(10);
    abort.abort('enough');
    expect(await error).toMatchObject({ code: 'cancelled', cause: 'enough' });
    const again = caught(test.balancer.request('nonce', [], { signal: abort.signal }));
    expect((await again).code).toBe('cancelled');
    expect(test.balancer.snapshot().calls.running).toBe(0);
  });
});

describe('the strategy agree', () => {
  const two = { strategy: { kind: 'agree', count: 2, width: 3 } } as const;

  it('asks no more than must agree, as long as they do', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, 'local', result('same'));
    expect(await test.balancer.request('local', [], two)).toBe('same');
    expect(asked(test.nodes, 'local')).toBe(2);
  });

  it('lets two honest upstreams outvote a liar, whichever it is', async () => {
    for (const liar of [0, 1, 2]) {
      await using test = await testBalancer();
      test.nodes.forEach((node, i) => {
        says(node, 'local', result(i === liar ? 'lie' : 'truth'));
      });
      expect(await test.balancer.request('local', [], two)).toBe('truth');
    }
  });

  it('gives no answer when no two agree', async () => {
    await using test = await testBalancer();
    test.nodes.forEach((node, i) => {
      says(node, 'local', result(i));
    });
    const error = await caught(test.balancer.request('local', [], two));
    expect(error).toMatchObject({ code: 'transport', origin: 'upstream' });
    expect(error.attempts).toHaveLength(3);
  });

  it('does not take two failures for an agreement', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes.slice(0, 2)) says(node, 'local', refusal(429));
    says(test.nodes[2], 'local', result('truth'));
    const error = caught(test.balancer.request('local', [], two));
    await test.clock.advance(6_000);
    const { code, attempts } = await error;
    expect(code).toBe('transport');
    expect(attempts).toHaveLength(6);
  });

  it('asks nobody in the pause before all are asked again', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    const block = test.ledger.mine();
    for (const node of [a, b]) node.advance(block);
    await test.clock.advance(1);
    for (const node of test.nodes) {
      node.handle('get', () => {
        const wait = asked(test.nodes, 'get') > 2 ? 1 : 995;
        return new Promise((resolve) => test.clock.setTimeout(() => resolve(refusal(500)), wait));
      });
    }
    const answer = caught(test.balancer.request('get', ['k', block.hash], two));
    await test.clock.advance(997);
    c.advance(block);
    // Slower ones would be waited for no longer now.
    await test.clock.advance(15);
    expect(test.nodes.map((node) => asked([node], 'get'))).toEqual([1, 1, 0]);
    await test.clock.advance(10_000);
    expect(await answer).toMatchObject({ code: 'transport' });
    expect(asked(test.nodes, 'get')).toBe((await answer).attempts.length);
  });

  it('asks those that failed once more, and lets them agree', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, 'local', refusal(500));
    const answer = test.balancer.request('local', [], two);
    await test.clock.advance(1);
    for (const node of test.nodes) says(node, 'local', result('recovered'));
    await test.clock.advance(100);
    expect(await answer).toBe('recovered');
  });

  it('asks another one when one of the first hangs', async () => {
    for (const hung of [0, 1, 2]) {
      await using test = await testBalancer();
      for (const node of test.nodes) says(node, 'local', result('same'));
      test.nodes[hung]?.hang();
      const answer = test.balancer.request('local', [], two);
      await test.clock.advance(1_100);
      expect(await answer).toBe('same');
    }
  });

  it('never makes do with one upstream, but waits for a second', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      says(node, 'local', result('same'));
      node.crash();
    }
    void test.nodes[0]?.restart();
    await test.clock.advance(10);
    const alone = caught(test.balancer.request('local', [], two));
    await test.clock.advance(5_200);
    expect((await alone).message).toMatch(/2 must agree: .*2 of 3 disconnected/);
    expect(asked(test.nodes, 'local')).toBe(0);
    const answer = test.balancer.request('local', [], two);
    await test.clock.advance(1000);
    void test.nodes[1]?.restart();
    await test.clock.advance(1000);
    expect(await answer).toBe('same');
  });

  it('leaves nothing behind when it is given up, or closed, while it waits', async () => {
    const test = await testBalancer();
    for (const node of test.nodes) node.crash();
    const abort = new AbortController();
    const given = caught(test.balancer.request('local', [], { ...two, signal: abort.signal }));
    const closed = caught(test.balancer.request('local', [], two));
    await test.clock.advance(10);
    abort.abort();
    expect((await given).code).toBe('cancelled');
    await test.balancer.close();
    expect((await closed).code).toBe('closed');
    expect(test.clock.pendingTimers).toBe(0);
  });
});

describe('every strategy', () => {
  it('tells of each attempt', async () => {
    await using test = await testBalancer();
    const told: string[] = [];
    test.balancer.on('attempt', ({ method, outcome }) => told.push(`${method} ${outcome}`));
    for (const method of ['local', 'nonce', 'spread']) await test.balancer.request(method);
    await test.clock.advance(0);
    expect(told.sort()).toEqual([
      'local answer',
      ...Array(3).fill('nonce answer'),
      ...Array(3).fill('spread answer'),
    ]);
  });
});

it('tells at once that nobody has a method on which several were to agree', async () => {
  await using test = await testBalancer();
  for (const node of test.nodes) node.methods = ['other'];
  await test.clock.advance(60_000);
  const strategy = { kind: 'agree', width: 3, count: 2 } as const;
  const { reply } = await test.balancer.forward({ method: 'local', params: '[]' }, { strategy });
  expect(reply).toMatchObject({ kind: 'error', error: { code: -32601 } });
});
