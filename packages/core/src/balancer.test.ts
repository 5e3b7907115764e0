import { describe, expect, it, vi } from 'vitest';
import { createBalancer } from './balancer.ts';
import type { CallOptions } from './call.ts';
import { errorReply } from './json-rpc/message.ts';
import type { Selector } from './selector/selector.ts';
import {
  FakeClock,
  FakeLedger,
  FakeNode,
  fakeChain,
  result,
  seededRandom,
  testBalancer,
} from './testing/index.ts';
import type { TransportFactory } from './transport/transport.ts';

describe('a balancer over healthy upstreams', () => {
  it('becomes available, agrees on the head, and answers', async () => {
    await using test = await testBalancer();
    const { balancer, ledger } = test;
    expect(balancer.available).toBe(true);
    expect(balancer.head.best).toEqual({ number: 10, hash: ledger.head.hash });
    expect(balancer.head.finalized?.number).toBe(8);
    expect(await balancer.request('local')).toMatch(/local by [abc]/);
  });

  it('dispatches a call to a receiver, which hears whatever comes of it', async () => {
    await using test = await testBalancer();
    const { balancer, clock } = test;
    const dispatch = (method: string, params = '[]', options?: CallOptions): Promise<unknown> =>
      new Promise((resolve) => {
        balancer.dispatch({ method, params }, { onAnswer: resolve, onFailure: resolve }, options);
      });
    expect(await dispatch('local')).toMatchObject({ reply: { kind: 'result' }, attempts: [{}] });
    expect(balancer.snapshot().calls.running).toBe(0);
    // What cannot even begin is told the same way.
    expect(await dispatch('local', '[')).toBeInstanceOf(SyntaxError);
    expect(await dispatch('local', '[]', { signal: AbortSignal.abort() })).toMatchObject({
      code: 'cancelled',
    });
    for (const node of test.nodes) node.hang();
    const late = dispatch('local', '[]', { deadlineMs: 100 });
    const left = dispatch('local');
    await clock.advance(1_000);
    expect(await late).toMatchObject({ code: 'timeout' });
    expect(balancer.snapshot().calls.running).toBe(1);
    await balancer.close();
    expect(await left).toMatchObject({ code: 'closed' });
    expect(await dispatch('local')).toMatchObject({ code: 'closed' });
    expect(balancer.snapshot().calls.running).toBe(0);
  });

  it('lives through a selector that throws, at first or later', async () => {
    let picks = 0;
    const selector: Selector = {
      name: 'broken',
      pick: (candidates) => {
        picks += 1;
        if (picks === 2) throw new Error('cannot choose');
        return candidates[0]!;
      },
    };
    await using test = await testBalancer({ selector });
    for (const node of test.nodes) {
      node.handle('local', () => errorReply({ code: 500, message: 'out of order' }));
    }
    await expect(test.balancer.forward({ method: 'local', params: '[]' })).rejects.toThrow(
      'cannot choose',
    );
    picks = 1;
    await expect(test.balancer.forward({ method: 'local', params: '[]' })).rejects.toThrow(
      'cannot choose',
    );
    expect(test.balancer.snapshot().calls.running).toBe(0);
  });

  it.each([
    ['a hedge', true],
    ['a call that waited', false],
  ])('ends with its error a call whose selector throws at %s', async (_what, hedges) => {
    let isBroken = false;
    const selector: Selector = {
      name: 'broken',
      pick: (candidates) => {
        if (isBroken) throw new Error('cannot choose');
        return candidates[0]!;
      },
    };
    await using test = await testBalancer({ selector, nodes: 2 });
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    if (hedges) a.hang();
    else for (const node of [a, b]) node.crash();
    await test.clock.advance(1);
    const surfaced: unknown[] = [];
    const enqueue = vi
      .spyOn(globalThis, 'queueMicrotask')
      .mockImplementation((task) => void surfaced.push(task));
    const calls = [1, 2].map(() =>
      test.balancer.forward({ method: 'local', params: '[]' }).catch((error: Error) => error),
    );
    isBroken = true;
    if (!hedges) void a.restart();
    await test.clock.advance(3_000);
    enqueue.mockRestore();
    expect(surfaced).toEqual([]);
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ message: 'cannot choose' });
    }
    expect(test.balancer.snapshot().calls).toEqual({ running: 0, waiting: 0 });
  });

  it('closes without leaving a timer', async () => {
    const test = await testBalancer();
    await test.balancer.request('local');
    await test.balancer.close();
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('fills in the block a call left out, and routes to who has it', async () => {
    await using test = await testBalancer();
    const { balancer, nodes } = test;
    const [a] = nodes;
    await test.mine(1, [a!]);
    expect(balancer.head.best?.number).toBe(11);
    for (let i = 0; i < 10; i += 1) {
      expect(await balancer.request('get', [`key${i}`])).toBe(`key${i}@0x11-a by a`);
    }
  });
});

describe('promise 1, failover', () => {
  it('hides the crash of an upstream from calls in flight', async () => {
    await using test = await testBalancer();
    const { balancer, nodes, clock } = test;
    const [a, b, c] = nodes as [FakeNode, FakeNode, FakeNode];
    for (const node of nodes) node.hang();
    const calls = Promise.all(Array.from({ length: 20 }, () => balancer.request('local')));
    await clock.advance(0);
    a.crash();
    b.thaw();
    c.thaw();
    await clock.advance(2000);
    for (const answer of await calls) expect(answer).toMatch(/local by [bc]/);
  });

  it('asks another upstream when one hangs', async () => {
    await using test = await testBalancer();
    const { balancer, nodes, clock } = test;
    nodes[0]!.hang();
    const calls = Promise.all(Array.from({ length: 12 }, () => balancer.request('local')));
    await clock.advance(1500);
    for (const answer of await calls) expect(answer).toMatch(/local by [bc]/);
  });

  it('goes over to a fallback when every primary fails, however many they are', async () => {
    const clock = new FakeClock();
    const ledger = new FakeLedger();
    ledger.mine(10);
    const broken = ['p1', 'p2', 'p3', 'p4', 'p5'].map((id) => new FakeNode(id, ledger));
    for (const node of broken) {
      node.handle('local', () => errorReply({ code: 500, message: 'database is locked' }));
    }
    const good = new FakeNode('good', ledger);
    await using balancer = createBalancer({
      chain: fakeChain(),
      clock,
      random: seededRandom(1),
      upstreams: [...broken.map((node) => node.upstream()), good.upstream({ role: 'fallback' })],
    });
    await clock.advance(10);
    const answers: unknown[] = [];
    for (let i = 0; i < 300; i += 1) {
      void balancer.request('local', [i]).then(
        (answer) => answers.push(answer),
        (error: Error) => answers.push(error.message),
      );
      await clock.advance(20);
    }
    await clock.advance(5000);
    expect(answers.filter((answer) => answer !== 'local by good')).toEqual([]);
    expect(answers).toHaveLength(300);
  });

  it('returns a correct negative answer unchanged, without asking anybody else', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) {
      node.handle('local', () => ({
        kind: 'error',
        error: { code: 3, message: 'execution reverted' },
        raw: '{"code":3,"message":"execution reverted"}',
      }));
    }
    const answer = await test.balancer.forward({ method: 'local', params: '[]' });
    expect(answer.reply).toMatchObject({ kind: 'error', error: { code: 3 } });
    expect(
      test.nodes.flatMap((node) => node.calls.filter((c) => c.method === 'local')),
    ).toHaveLength(1);
  });

  it('asks everybody before it believes that something is missing', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    a.handle('header', () => result(null));
    b.handle('header', () => result(null));
    const hash = test.ledger.head.hash;
    expect(await test.balancer.request('header', [hash])).toMatchObject({ hash });
    c.handle('header', () => result(null));
    expect(await test.balancer.request('header', [hash])).toBeNull();
  });

  it('waits for an upstream while all of them reconnect', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.crash();
    expect(test.balancer.available).toBe(false);
    const call = test.balancer.request('local');
    await test.clock.advance(1000);
    await test.nodes[1]!.restart();
    await test.clock.advance(1000);
    expect(await call).toBe('local by b');
  });

  it('says why nobody may serve once the wait is over', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.crash();
    const call = test.balancer.request('local').catch((error: unknown) => error);
    await test.clock.advance(6000);
    expect(String(await call)).toContain('[no eligible upstream] 3 of 3 disconnected');
  });

  it('never repeats a submission whose outcome is unknown', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const call = test.balancer.request('submit', ['tx']).catch((error: unknown) => error);
    await test.clock.advance(0);
    const asked = test.nodes.filter((node) => node.calls.some((c) => c.method === 'submit'));
    expect(asked).toHaveLength(1);
    asked[0]!.crash('connection lost');
    await test.clock.advance(10_000);
    expect(String(await call)).toContain('connection lost; whether it took effect is not known');
    expect(test.nodes.filter((node) => node.calls.some((c) => c.method === 'submit'))).toHaveLength(
      1,
    );
  });
});

describe('promise 2, monotonic reads', () => {
  it('answers a session only from upstreams that have what it has seen', async () => {
    await using test = await testBalancer();
    const session = test.balancer.session();
    const [a] = test.nodes;
    await test.mine(1, [a!]);
    await test.balancer.request('get', ['x'], { session });
    expect(session.seen).toBe(11);
    for (let i = 0; i < 10; i += 1) {
      expect(await test.balancer.request('local', [i], { session })).toBe('local by a');
    }
  });

  it('waits for another upstream to catch up when the one that led is gone', async () => {
    await using test = await testBalancer();
    const session = test.balancer.session();
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    await test.mine(1, [a]);
    expect(await test.balancer.request('best_hash', [], { session })).toBe('0x11-a');
    a.crash();
    const call = test.balancer.request('get', ['x'], { session });
    await test.clock.advance(500);
    b.advance();
    await test.clock.advance(500);
    expect(await call).toBe('x@0x11-a by b');
  });
});

describe('promise 3, whole subscriptions', () => {
  it('delivers every block once and in order while upstreams come and go', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    const heads: number[] = [];
    const finals: number[] = [];
    const ends: string[] = [];
    for (const [method, list] of [
      ['follow_best', heads],
      ['follow_finalized', finals],
    ] as const) {
      await test.balancer.subscribe(
        { method, params: '[]' },
        {
          onSubscribed: () => {},
          onItem: (item) => list.push((JSON.parse(item) as { number: number }).number),
          onEnd: (error) => ends.push(error.code),
        },
      );
    }
    await test.mine(3, [a, b]);
    a.crash();
    await test.mine(3, [b]);
    b.crash();
    await test.clock.advance(100);
    // c hears of six blocks only by the newest: the rest is fetched.
    c.advance();
    c.finalize(test.ledger.ancestor(test.ledger.head, 14));
    await test.clock.advance(100);
    await a.restart();
    await test.clock.advance(100);
    await test.mine(2, [a, c]);
    expect(heads).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18]);
    expect(ends).toEqual([]);
    expect(finals).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 16]);
  });
});

describe('promise 6, right chain', () => {
  it('never serves from a node of another chain, at start or after a reconnect', async () => {
    await using test = await testBalancer();
    const other = new FakeLedger('other');
    other.mine(20);
    const [a] = test.nodes as [FakeNode];
    const stranger = new FakeNode('stranger', other);
    const refused: string[] = [];
    test.balancer.on('unreachable', ({ upstream, reason }) =>
      refused.push(`${upstream}: ${reason}`),
    );
    test.balancer.addUpstream(stranger.upstream());
    a.crash();
    await a.restart(other);
    await test.clock.advance(1000);
    for (let i = 0; i < 20; i += 1) {
      expect(await test.balancer.request('local', [i])).toMatch(/local by [bc]/);
    }
    expect(refused).toContain('stranger: wrong chain: expected genesis 0x0-a, found 0x0-other');
    const reasons = test.balancer.snapshot().upstreams.map(({ id, reason }) => [id, reason]);
    expect(Object.fromEntries(reasons)).toMatchObject({
      a: 'failed the identity check',
      stranger: 'failed the identity check',
    });
    expect(test.balancer.snapshot().upstreams[0]?.detail).toContain('wrong chain');
    await a.restart(test.ledger);
    await test.clock.advance(60_000);
    expect(test.balancer.snapshot().upstreams[0]?.reason).toBeUndefined();
    a.crash();
    expect(test.balancer.snapshot().upstreams[0]?.reason).toBe('disconnected');
  });

  it('takes a lagging upstream out and brings it back by itself', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    await test.mine(6, [a, b]);
    const reason = (): unknown => test.balancer.snapshot().upstreams[2]?.reason;
    expect(reason()).toBe('lagging');
    c.advance();
    await test.clock.advance(0);
    expect(reason()).toBeUndefined();
  });

  it('keeps the finalized head where others confirm it, whatever one upstream claims', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    let lie = test.ledger.head;
    for (let i = 0; i < 20; i += 1) {
      lie = test.ledger.fork(lie);
      a.advance(lie);
      a.finalize(lie);
      await test.clock.advance(0);
    }
    expect(test.balancer.head.finalized?.number).toBe(8);
    expect(test.balancer.head.best?.number).toBeLessThanOrEqual(13);
    await test.mine(6, [b, c]);
    expect(test.balancer.head.finalized?.number).toBe(14);
    expect(test.balancer.snapshot().upstreams[0]?.reason).toBe('forked');
    expect(test.balancer.head.best?.hash).toBe(test.ledger.head.hash);
  });

  it('takes a syncing upstream out within one probe', async () => {
    await using test = await testBalancer();
    test.nodes[0]!.health = { status: 'unhealthy', reason: 'syncing' };
    await test.clock.advance(10_100);
    expect(test.balancer.snapshot().upstreams[0]).toMatchObject({
      reason: 'unhealthy',
      detail: 'syncing',
    });
  });
});

describe('promise 9, graceful', () => {
  it('lets calls in flight finish while it drains, and refuses new ones', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const call = test.balancer.request('local');
    await test.clock.advance(10);
    const closing = test.balancer.close({ drainMs: 5000 });
    await expect(test.balancer.request('local')).rejects.toThrow('[closed]');
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(10);
    expect(await call).toMatch(/local by [abc]/);
    await closing;
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('ends calls that hang, pause or wait when the drain is over', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    a.hang();
    b.crash();
    c.crash();
    const hung = test.balancer.request('local').catch((error: Error) => error.message);
    await test.clock.advance(10);
    a.crash();
    const waiting = test.balancer.request('local').catch((error: Error) => error.message);
    const nonce = test.balancer.request('nonce').catch((error: Error) => error.message);
    await test.clock.advance(10);
    const closing = test.balancer.close({ drainMs: 100 });
    await test.clock.advance(200);
    await closing;
    expect(await Promise.all([hung, waiting, nonce])).toEqual(
      Array(3).fill('[closed] the balancer is closed'),
    );
    expect(test.clock.pendingTimers).toBe(0);
  });
});

describe('a receiver that acts as soon as it hears', () => {
  it('is refused what it asks for while the balancer closes', async () => {
    const test = await testBalancer();
    const { balancer, clock } = test;
    for (const node of test.nodes) node.hang();
    const call = { method: 'local', params: '[]' };
    const heard: unknown[] = [];
    const onAnswer = (): void => expect.unreachable();
    balancer.dispatch(call, {
      onAnswer,
      onFailure: (first) => {
        heard.push(first);
        balancer.dispatch(call, { onAnswer, onFailure: (second) => heard.push(second) });
      },
    });
    await balancer.close();
    await clock.advance(60_000);
    expect(heard).toMatchObject([{ code: 'closed' }, { code: 'closed' }]);
    expect(balancer.snapshot().calls).toEqual({ running: 0, waiting: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it('may close the balancer with its answer', async () => {
    const test = await testBalancer();
    const { balancer, clock } = test;
    const heard: unknown[] = [];
    const dispatch = (onAnswer: () => void): void =>
      balancer.dispatch(
        { method: 'local', params: '[]' },
        { onAnswer, onFailure: (error) => heard.push(error) },
      );
    dispatch(() => {
      void balancer.close();
      dispatch(() => expect.unreachable());
    });
    await clock.advance(60_000);
    expect(heard).toMatchObject([{ code: 'closed' }]);
    expect(balancer.snapshot().calls).toEqual({ running: 0, waiting: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('an upstream that is reached in two ways', () => {
  it('serves and follows by what is left, and never leaves rotation when a way comes back', async () => {
    const clock = new FakeClock();
    const ledger = new FakeLedger();
    ledger.mine(10);
    const ws = new FakeNode('ws', ledger);
    const http = new FakeNode('http', ledger, { canSubscribe: false });
    await using balancer = createBalancer({
      chain: fakeChain(),
      clock,
      random: seededRandom(1),
      upstreams: [
        {
          id: 'node',
          transport: [ws, http].map((way) => way.upstream().transport as TransportFactory),
        },
      ],
    });
    const serving: boolean[] = [];
    balancer.on('upstream', (event) => serving.push(event.serving));
    await clock.advance(10);
    expect(await balancer.request('local')).toBe('local by ws');
    ws.crash();
    await clock.advance(10);
    expect(await balancer.request('local')).toBe('local by http');
    for (const way of [ws, http]) way.advance(ledger.mine());
    await clock.advance(10_000);
    expect(balancer.head.best?.number).toBe(12);
    await ws.restart();
    await clock.advance(10_000);
    expect(await balancer.request('local')).toBe('local by ws');
    ws.advance(ledger.mine());
    await clock.advance(0);
    expect(balancer.head.best?.number).toBe(13);
    expect(serving).toEqual([true]);
  });
});

describe('promise 7, private ids', () => {
  it('never lets a subscription through as a call, which would show the upstream’s own id', async () => {
    await using test = await testBalancer();
    for (const method of ['watch_value', 'submit_and_watch', 'follow_best']) {
      await expect(test.balancer.request(method)).rejects.toThrow('[invalid request]');
    }
    const asked = test.nodes.flatMap((node) => node.calls.map((call) => call.method));
    expect(asked).not.toContain('watch_value');
  });
});
