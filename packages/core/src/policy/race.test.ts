import { describe, expect, it } from 'vitest';
import type { Answer } from '../call.ts';
import type { BalancerError } from '../errors.ts';
import { errorReply } from '../json-rpc/message.ts';
import { FakeNode, result, type TestBalancer, testBalancer } from '../testing/index.ts';

const asked = (nodes: readonly FakeNode[], method: string): number =>
  nodes.flatMap((node) => node.calls.filter((call) => call.method === method)).length;
const caught = (promise: Promise<unknown>): Promise<BalancerError> =>
  promise.then(
    () => expect.unreachable(),
    (error: BalancerError) => error,
  );
const fails = (code: number) => () => errorReply({ code, message: `error ${code}` });

/** Who answers each of so many calls. */
async function answerers(test: TestBalancer, calls = 12): Promise<string> {
  const seen = new Set<string>();
  for (let i = 0; i < calls; i += 1) {
    seen.add(String(await test.balancer.request('local', [i])).split(' ')[2] as string);
  }
  return [...seen].sort().join('');
}

async function expectNothingLeft(test: TestBalancer): Promise<void> {
  expect(test.balancer.snapshot().calls).toEqual({ running: 0, waiting: 0 });
  await test.balancer.close();
  await test.clock.advance(0);
  expect(test.clock.pendingTimers).toBe(0);
}

describe('one call, when an upstream hangs', () => {
  it('is answered by another after the usual time, and the late answer changes nothing', async () => {
    const test = await testBalancer();
    for (const hung of test.nodes) {
      hung.hang();
      const answers = Promise.all([1, 2, 3, 4].map((i) => test.balancer.request('local', [i])));
      await test.clock.advance(1000);
      for (const answer of await answers) expect(answer).not.toContain(`by ${hung.id}`);
      hung.thaw();
      await test.clock.advance(60_000);
    }
    await expectNothingLeft(test);
  });

  it('is answered by one that reaches its block later than the usual time', async () => {
    const test = await testBalancer();
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    await test.mine(1, [a]);
    a.hang();
    const answer = test.balancer.request('get', ['k', '0x11-a']);
    await test.clock.advance(2000);
    b.advance();
    await test.clock.advance(300);
    expect(await answer).toBe('k@0x11-a by b');
    a.thaw();
    await expectNothingLeft(test);
  });

  it('is not held up for long where all others lack what was asked for', async () => {
    const test = await testBalancer();
    const [a] = test.nodes as [FakeNode];
    for (const node of test.nodes) node.handle('header', () => result(null));
    a.hang();
    const answers = Promise.all(
      Array.from({ length: 6 }, (_, i) => test.balancer.request('header', [`0xunheard${i}`])),
    );
    await test.clock.advance(4_000);
    expect(await answers).toEqual(Array(6).fill(null));
    expect(a.calls.some(({ method }) => method === 'header')).toBe(true);
    a.thaw();
    await test.clock.advance(60_000);
    await expectNothingLeft(test);
  });

  it('waits for the attempt to end where hedges are switched off', async () => {
    await using test = await testBalancer({
      policy: { hedge: { maxHedges: 0 }, attemptTimeoutMs: 2000 },
      nodes: 2,
    });
    for (const node of test.nodes) node.hang();
    const answer = test.balancer.request('local');
    await test.clock.advance(1900);
    expect(asked(test.nodes, 'local')).toBe(1);
    await test.clock.advance(200);
    expect(asked(test.nodes, 'local')).toBe(2);
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(0);
    expect(await answer).toMatch(/local by/);
  });

  it('is never hedged when it must not be repeated', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const error = caught(test.balancer.request('submit', ['tx'], { deadlineMs: 5000 }));
    await test.clock.advance(6000);
    expect((await error).code).toBe('timeout');
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(60_000);
    expect(asked(test.nodes, 'submit')).toBe(1);
  });

  it('has its deadline, told with all that was tried', async () => {
    const test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const error = caught(test.balancer.request('local'));
    await test.clock.advance(29_999);
    expect(test.balancer.snapshot().calls.running).toBe(1);
    await test.clock.advance(500);
    const { code, attempts } = await error;
    expect(code).toBe('timeout');
    // One and two hedges; after ten seconds each of them failed.
    expect(attempts.length).toBeGreaterThanOrEqual(3);
    expect(attempts.every(({ outcome }) => outcome.includes('no answer'))).toBe(true);
    await expectNothingLeft(test);
  });

  it('ends at once with its signal, before it began, while it runs and while it waits', async () => {
    const test = await testBalancer();
    const before = test.balancer.request('local', [], { signal: AbortSignal.abort('enough') });
    expect(await caught(before)).toMatchObject({ code: 'cancelled', cause: 'enough' });
    for (const trouble of ['hang', 'crash'] as const) {
      for (const node of test.nodes) node[trouble]();
      const abort = new AbortController();
      const error = caught(test.balancer.request('local', [], { signal: abort.signal }));
      await test.clock.advance(10);
      abort.abort('enough');
      expect(await error).toMatchObject({ code: 'cancelled', cause: 'enough' });
    }
    await expectNothingLeft(test);
  });
});

describe('one call, when an upstream fails', () => {
  it('goes on to the next, whatever the failure, as long as one is well', async () => {
    await using test = await testBalancer();
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    a.handle('local', fails(500));
    b.handle('local', () => {
      throw new Error('broken');
    });
    for (let i = 0; i < 20; i += 1) {
      expect(await test.balancer.request('local', [i])).toBe('local by c');
    }
  });

  it('is repeated on an upstream that is removed during the call', async () => {
    const test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const answer = test.balancer.request('local');
    await test.clock.advance(0);
    const first = test.nodes.find((node) => asked([node], 'local') > 0) as FakeNode;
    const removed = test.balancer.removeUpstream(first.id, { drainMs: 100 });
    for (const node of test.nodes) if (node !== first) node.thaw();
    await test.clock.advance(200);
    expect(await removed).toBe(true);
    await test.clock.advance(1000);
    expect(await answer).not.toContain(`by ${first.id}`);
    await expectNothingLeft(test);
  });

  it('lets what runs on a drained upstream finish there, and sends it nothing new', async () => {
    await using test = await testBalancer();
    const [a] = test.nodes as [FakeNode];
    for (const node of test.nodes) node.hang();
    const calls = Array.from({ length: 12 }, (_, i) => test.balancer.request('submit', [i]));
    await test.clock.advance(0);
    const before = asked([a], 'submit');
    expect(before).toBeGreaterThan(0);
    const removed = test.balancer.removeUpstream('a');
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(100);
    const answers = await Promise.all(calls);
    expect(answers.filter((answer) => answer === 'submit by a')).toHaveLength(before);
    expect(await removed).toBe(true);
    expect(await answerers(test)).toBe('bc');
  });

  it('gives up after so many attempts, with the last failure', async () => {
    await using test = await testBalancer({ nodes: 5, policy: { maxAttempts: 2 } });
    for (const node of test.nodes) node.handle('local', fails(500));
    const error = await caught(test.balancer.request('local'));
    expect(error).toMatchObject({ code: 'transport', origin: 'upstream' });
    expect(error.attempts).toHaveLength(2);
  });

  it('asks everybody again after a pause while all fail', async () => {
    await using test = await testBalancer();
    let broken = true;
    for (const node of test.nodes) {
      node.handle('local', () => (broken ? fails(500)() : result('well')));
    }
    const answer = test.balancer.request('local');
    await test.clock.advance(10);
    expect(asked(test.nodes, 'local')).toBe(3);
    broken = false;
    await test.clock.advance(100);
    expect(await answer).toBe('well');
  });

  it('does not turn a total outage into a storm', async () => {
    const test = await testBalancer({ policy: { retryBudget: { ratio: 0.2, minPerSecond: 1 } } });
    for (const node of test.nodes) node.handle('local', fails(500));
    const codes = new Map<string, number>();
    const calls = Array.from({ length: 500 }, () =>
      caught(test.balancer.request('local')).then(({ code }) => {
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }),
    );
    await test.clock.advance(60_000);
    await Promise.all(calls);
    // Each once, each one failover, and a fifth on top with the reserve of ten.
    expect(asked(test.nodes, 'local')).toBeLessThanOrEqual(500 * 2 + 500 * 0.2 + 70);
    expect(codes.get('retry budget exhausted')).toBeGreaterThan(300);
    await expectNothingLeft(test);
  });

  it('keeps the first word of what is missing, although others fail', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    a.handle('header', () => result(null));
    b.handle('header', fails(500));
    c.handle('header', fails(500));
    expect(await test.balancer.request('header', [test.ledger.head.hash])).toBeNull();
  });
});

describe('one call, when an upstream is rate limited', () => {
  it('goes elsewhere, and leaves the upstream alone until its time is over', async () => {
    await using test = await testBalancer();
    const [a] = test.nodes as [FakeNode];
    a.handle('local', fails(429));
    expect(await answerers(test)).toBe('bc');
    const before = asked([a], 'local');
    expect(before).toBe(1);
    await test.clock.advance(4900);
    expect(await answerers(test)).toBe('bc');
    expect(asked([a], 'local')).toBe(before);
    a.handle('local', () => result('local by a'));
    await test.clock.advance(200);
    expect(await answerers(test, 40)).toBe('abc');
    // Nothing was the upstream's failure.
    expect(test.balancer.snapshot().upstreams[0]).toMatchObject({ failed: 0, breaker: 'closed' });
  });

  it('sends a submission elsewhere, for it was declined', async () => {
    await using test = await testBalancer();
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    for (const node of [a, b]) node.handle('submit', fails(429));
    for (let i = 0; i < 5; i += 1) {
      expect(await test.balancer.request('submit', [i])).toBe('submit by c');
    }
  });

  it('waits for the end of the rest when everybody rests', async () => {
    await using test = await testBalancer({ health: { coolDownMs: 1000 } });
    let limited = true;
    for (const node of test.nodes) {
      node.handle('local', () => (limited ? fails(429)() : result('served')));
    }
    const answer = test.balancer.request('local');
    await test.clock.advance(500);
    limited = false;
    await test.clock.advance(700);
    expect(await answer).toBe('served');
    expect(asked(test.nodes, 'local')).toBe(4);
  });
});

describe('one call, and who may answer it', () => {
  it('goes to the one upstream that offers the method', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.methods = ['other'];
    (test.nodes[1] as FakeNode).methods = ['local'];
    await test.clock.advance(60_000);
    expect(await answerers(test)).toBe('b');
  });

  it('is told at once that nobody offers the method', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.methods = ['other'];
    await test.clock.advance(60_000);
    const { reply, upstream } = await test.balancer.forward({ method: 'local', params: '[]' });
    expect(reply).toMatchObject({ kind: 'error', error: { code: -32601 } });
    expect(upstream).toBeUndefined();
  });

  it('is told so at once also while one of those without it is down', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.methods = ['other'];
    await test.clock.advance(60_000);
    test.nodes[0]?.crash();
    const { reply } = await test.balancer.forward({ method: 'local', params: '[]' });
    expect(reply).toMatchObject({ kind: 'error', error: { code: -32601 } });
  });

  it('waits for one that was never reached only while that is new, then is told that nobody has it', async () => {
    await using test = await testBalancer({ nodes: 1 });
    (test.nodes[0] as FakeNode).methods = ['other'];
    await test.clock.advance(60_000);
    const late = new FakeNode('late', test.ledger, { reachable: false });
    test.balancer.addUpstream(late.upstream());
    await test.clock.advance(2_000);
    let early: Answer | undefined;
    void test.balancer
      .forward({ method: 'local', params: '[]' })
      .then((answer) => (early = answer));
    await test.clock.advance(2_900);
    expect(early).toBeUndefined();
    await test.clock.advance(200);
    const reply = {
      kind: 'error',
      error: {
        code: -32601,
        message: 'Method not found at any upstream that was reached; 1 of 2 never was',
      },
    };
    expect(early).toMatchObject({ reply });
    expect(test.balancer.snapshot().upstreams[1]?.reason).toBe('never reached');
    // Without a wait, from now on.
    expect(await test.balancer.forward({ method: 'local', params: '[]' })).toMatchObject({ reply });
    // One that was reached and tells no list may have it.
    await late.restart();
    await test.clock.advance(1);
    expect(await test.balancer.request('local')).toBe('local by late');
    late.crash();
    const error = caught(test.balancer.request('local'));
    await test.clock.advance(5_100);
    expect(await error).toMatchObject({ code: 'no eligible upstream' });
    expect(test.balancer.snapshot().upstreams[1]?.reason).toBe('disconnected');
  });

  it('goes to one that is reached while it waits', async () => {
    await using test = await testBalancer({ nodes: 1 });
    (test.nodes[0] as FakeNode).methods = ['other'];
    await test.clock.advance(60_000);
    const late = new FakeNode('late', test.ledger, { reachable: false });
    test.balancer.addUpstream(late.upstream());
    const answer = test.balancer.request('local');
    await test.clock.advance(4_000);
    await late.restart();
    await test.clock.advance(200);
    expect(await answer).toBe('local by late');
  });

  it('waits for those that were never reached while nobody is known to lack the method', async () => {
    await using test = await testBalancer({ nodes: [{ reachable: false }] });
    await test.clock.advance(60_000);
    const answer = test.balancer.request('local');
    await test.clock.advance(4_000);
    await test.nodes[0]?.restart();
    await test.clock.advance(200);
    expect(await answer).toBe('local by a');
  });

  it('is told at once that no upstream carries its labels', async () => {
    await using test = await testBalancer();
    const labels = { archive: 'yes' };
    const error = await caught(test.balancer.request('local', [], { labels }));
    expect(error.message).toContain('3 of 3 labels do not match');
    test.balancer.addUpstream(new FakeNode('d', test.ledger).upstream({ labels }));
    await test.clock.advance(1);
    expect(await test.balancer.request('local', [], { labels })).toBe('local by d');
  });

  it('goes down the roles as they fail, and back up as they return', async () => {
    await using test = await testBalancer({ nodes: 0 });
    const [one, two, three] = (['primary', 'secondary', 'fallback'] as const).map((role, i) => {
      const node = new FakeNode('xyz'[i] as string, test.ledger);
      node.finalize(test.ledger.ancestor(test.ledger.head, 8));
      test.balancer.addUpstream(node.upstream({ role }));
      return node;
    }) as [FakeNode, FakeNode, FakeNode];
    await test.clock.advance(1);
    expect(await answerers(test)).toBe('x');
    one.crash();
    expect(await answerers(test)).toBe('y');
    two.crash();
    expect(await answerers(test)).toBe('z');
    three.crash();
    expect(test.balancer.available).toBe(false);
    for (const node of [three, two, one]) {
      void node.restart();
      await test.clock.advance(1);
      expect(await answerers(test)).toBe(node.id);
    }
  });

  it('goes to a lower role when the upper one hangs', async () => {
    await using test = await testBalancer({ nodes: 0 });
    const nodes = (['primary', 'fallback'] as const).map((role) => {
      const node = new FakeNode(role, test.ledger);
      test.balancer.addUpstream(node.upstream({ role }));
      return node;
    });
    await test.clock.advance(1);
    nodes[0]?.hang();
    const answer = test.balancer.request('local');
    await test.clock.advance(1000);
    expect(await answer).toBe('local by fallback');
  });

  it('uses upstreams whose circuits are open rather than none', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.handle('local', fails(500));
    for (let i = 0; i < 10; i += 1) {
      const error = caught(test.balancer.request('local', [i], { deadlineMs: 50 }));
      await test.clock.advance(60);
      await error;
    }
    const open = test.balancer.snapshot().upstreams.filter(({ breaker }) => breaker === 'open');
    expect(open).toHaveLength(3);
    for (const node of test.nodes) node.handle('local', () => result('well'));
    expect(await test.balancer.request('local')).toBe('well');
  });
});

describe('one call, and its bounds', () => {
  it('is refused when too many wait already', async () => {
    const test = await testBalancer({ policy: { maxWaiting: 2 } });
    for (const node of test.nodes) node.crash();
    const errors = [1, 2, 3].map((i) => caught(test.balancer.request('local', [i])));
    expect((await (errors[2] as Promise<BalancerError>)).code).toBe('overloaded');
    expect(test.balancer.snapshot().calls.waiting).toBe(2);
    await test.clock.advance(6000);
    for (const error of errors.slice(0, 2)) expect((await error).code).toBe('no eligible upstream');
    await expectNothingLeft(test);
  });

  it('waits not at all where that is switched off, and with an empty pool as elsewhere', async () => {
    await using test = await testBalancer({ nodes: 0, policy: { upstreamWaitMs: 0 } });
    const error = await caught(test.balancer.request('local'));
    expect(error.message).toBe('[no eligible upstream] the pool is empty');
  });

  it('leaves nothing behind, however many there were', async () => {
    const test = await testBalancer();
    const before = test.clock.pendingTimers;
    for (let i = 0; i < 1000; i += 1) {
      await test.balancer.request('local', [i]);
      await test.balancer.request('get', [`key ${i}`], { deadlineMs: 1000 + i });
    }
    // The deadlines of all calls share one timer.
    expect(test.clock.pendingTimers).toBeLessThanOrEqual(before + 1);
    await test.clock.advance(40_000);
    expect(test.clock.pendingTimers).toBeLessThanOrEqual(before);
    await expectNothingLeft(test);
  });

  it('does not send a submission whose time was over while it stood in line', async () => {
    await using test = await testBalancer({ nodes: 0 });
    const node = new FakeNode('narrow', test.ledger);
    test.balancer.addUpstream(node.upstream({ limits: { concurrency: 1 } }));
    await test.clock.advance(1);
    node.handle('local', () => new Promise(() => {}));
    void caught(test.balancer.request('local', [], { deadlineMs: 9000 }));
    const error = caught(test.balancer.request('submit', ['tx'], { deadlineMs: 1000 }));
    await test.clock.advance(1100);
    expect((await error).code).toBe('timeout');
    await test.clock.advance(20_000);
    expect(asked([node], 'submit')).toBe(0);
  });

  it.each(['runs', 'waits for an upstream', 'pauses between rounds'])(
    'ends with the balancer while it %s',
    async (moment) => {
      const test = await testBalancer();
      for (const node of test.nodes) {
        if (moment === 'runs') node.hang();
        else if (moment === 'waits for an upstream') node.crash();
        else node.handle('local', fails(500));
      }
      const error = caught(test.balancer.request('local'));
      await test.clock.advance(5);
      await test.balancer.close();
      expect((await error).code).toBe('closed');
      await expect(test.balancer.request('local')).rejects.toMatchObject({ code: 'closed' });
      await test.clock.advance(0);
      expect(test.clock.pendingTimers).toBe(0);
    },
  );

  it('may finish while the balancer drains', async () => {
    const test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const answer = test.balancer.request('local');
    await test.clock.advance(10);
    const closed = test.balancer.close({ drainMs: 5000 });
    await expect(test.balancer.request('local')).rejects.toMatchObject({ code: 'closed' });
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(10);
    expect(await answer).toMatch(/local by/);
    await closed;
    expect(test.clock.pendingTimers).toBe(0);
  });
});
