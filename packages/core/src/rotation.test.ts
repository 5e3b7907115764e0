import { describe, expect, it } from 'vitest';
import { FakeNode, type TestBalancer, testBalancer } from './testing/index.ts';
import type { TransportFactory } from './transport/transport.ts';

const reasons = (test: TestBalancer): Record<string, string | undefined> =>
  Object.fromEntries(test.balancer.snapshot().upstreams.map(({ id, reason }) => [id, reason]));

/** A node of the test's ledger with what the test's own nodes have. */
function newcomer(test: TestBalancer, id: string): FakeNode {
  const node = new FakeNode(id, test.ledger);
  node.finalize(test.ledger.ancestor(test.ledger.head, 8));
  return node;
}

describe('upstreams that come and go', () => {
  it('are refused when their id is taken, and get an id when they have none', async () => {
    await using test = await testBalancer();
    expect(() => test.balancer.addUpstream(newcomer(test, 'a').upstream())).toThrow(
      'there is an upstream a already',
    );
    const { id: _id, ...nameless } = newcomer(test, '?').upstream();
    test.balancer.addUpstream({ ...nameless, id: 'upstream-1' });
    test.balancer.addUpstream(nameless);
    await test.clock.advance(1);
    expect(Object.keys(reasons(test))).toEqual(['a', 'b', 'c', 'upstream-1', 'upstream-2']);
  });

  it('can be removed twice at once, and replaced under the same id', async () => {
    await using test = await testBalancer();
    const [a] = test.nodes as [FakeNode];
    a.hang();
    const calls = Promise.all(
      Array.from({ length: 12 }, (_, i) => test.balancer.request('local', [i])),
    );
    await test.clock.advance(1);
    expect(test.balancer.snapshot().upstreams[0]?.pending).toBeGreaterThan(0);
    const first = test.balancer.removeUpstream('a', { drainMs: 100 });
    await test.clock.advance(25);
    const second = test.balancer.removeUpstream('a', { drainMs: 5000 });
    await test.clock.advance(80);
    expect(await first).toBe(true);
    // The second is still looking when another one takes the id.
    test.balancer.addUpstream(newcomer(test, 'a').upstream());
    await test.clock.advance(10_000);
    expect(await second).toBe(true);
    expect(reasons(test)).toStrictEqual({ b: undefined, c: undefined, a: undefined });
    await calls;
    expect(await test.balancer.removeUpstream('nobody')).toBe(false);
    expect(test.balancer.drainUpstream('nobody')).toBe(false);
  });

  it('are forgotten altogether: nothing grows with those that were there', async () => {
    const test = await testBalancer();
    const timers = test.clock.pendingTimers;
    for (let i = 0; i < 100; i += 1) {
      test.balancer.addUpstream(newcomer(test, `n${i}`).upstream());
      await test.clock.advance(1);
      await test.balancer.removeUpstream(`n${i}`);
    }
    expect(test.balancer.snapshot().upstreams).toHaveLength(3);
    expect(test.clock.pendingTimers).toBe(timers);
    await test.balancer.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('may be closed with the balancer while they are being removed, or are starting', async () => {
    const test = await testBalancer();
    for (const node of test.nodes) node.hang();
    const call = test.balancer.request('local').catch((error: { code: string }) => error.code);
    await test.clock.advance(1);
    const removed = Promise.all(['a', 'b', 'c'].map((id) => test.balancer.removeUpstream(id)));
    const starting = newcomer(test, 'starting');
    starting.hang();
    test.balancer.addUpstream(starting.upstream());
    await test.clock.advance(1);
    await test.balancer.close();
    expect(await call).toBe('closed');
    await removed;
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
    expect(() => test.balancer.addUpstream('http://localhost:1')).toThrow('closed');
  });

  it('do not hold up the start when they hang at any stage of it', async () => {
    for (const stage of ['hash_of', 'health', 'methods', 'heads', 'heads_now']) {
      await using test = await testBalancer({ nodes: 1 });
      const slow = newcomer(test, 'slow');
      const options = { canSubscribe: stage !== 'heads_now' };
      const node = new FakeNode('slow', test.ledger, options);
      let release = (): void => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const answer = slow.answer.bind(slow);
      node.handle(stage, async (params) => {
        await gate;
        return answer(stage, JSON.stringify(params));
      });
      test.balancer.addUpstream(node.upstream());
      await test.clock.advance(100);
      expect(reasons(test).a, stage).toBeUndefined();
      expect(reasons(test).slow, stage).toBeDefined();
      expect(await test.balancer.request('local')).toBe('local by a');
      // It answers late, and joins by itself.
      release();
      await test.clock.advance(20_000);
      expect(reasons(test).slow, stage).toBeUndefined();
    }
  });

  it('start all at once when they all were down, and are told of by one event', async () => {
    await using test = await testBalancer({ nodes: [1, 2, 3].map(() => ({ reachable: false })) });
    const told: boolean[] = [];
    test.balancer.onAvailability((available) => told.push(available));
    expect(test.balancer.available).toBe(false);
    const ready = test.balancer.ready();
    for (const node of test.nodes) void node.restart();
    await test.clock.advance(1);
    await ready;
    for (const node of test.nodes) node.crash();
    expect(told).toEqual([true, false]);
  });

  it('leave `ready` waiting no longer than its signal or the balancer live', async () => {
    const test = await testBalancer({ nodes: [{ reachable: false }] });
    const abort = new AbortController();
    const given = test.balancer.ready(abort.signal).catch((reason: unknown) => reason);
    const closed = test.balancer.ready().catch((error: { code: string }) => error.code);
    abort.abort('enough');
    expect(await given).toBe('enough');
    await test.balancer.close();
    expect(await closed).toBe('closed');
    await expect(test.balancer.ready()).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('promise 2, whatever happens', () => {
  it('answers a session only from upstreams that have what it has seen', async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    await using test = await testBalancer();
    const { balancer, clock, ledger, nodes } = test;
    const session = balancer.session();
    const pick = (): FakeNode => nodes[random(3)] as FakeNode;
    const down = new Set<FakeNode>();
    let answered = 0;
    for (let i = 0; i < 400; i += 1) {
      const node = pick();
      switch (random(6)) {
        case 0:
          ledger.mine();
          node.advance();
          break;
        case 1:
          node.advance();
          node.finalize(ledger.ancestor(ledger.head, ledger.head.number - 2));
          break;
        case 2:
          if (down.size === 0) {
            node.crash();
            down.add(node);
          }
          break;
        case 3:
          for (const each of down) void each.restart();
          down.clear();
          break;
        default: {
          const method = ['best_hash', 'get', 'local'][random(3)] as string;
          const seen = session.seen;
          const call = balancer.forward({ method, params: '["x"]' }, { session, deadlineMs: 400 });
          const settled = call.catch(() => undefined);
          await clock.advance(500);
          const answer = await settled;
          if (!answer) break;
          answered += 1;
          const by = nodes.find(({ id }) => id === answer.upstream);
          if (by) expect(by.best.number).toBeGreaterThanOrEqual(seen);
          else if (answer.reply.kind === 'result' && method === 'best_hash') {
            expect(Number(/0x(\d+)/.exec(answer.reply.result)?.[1])).toBeGreaterThanOrEqual(seen);
          }
        }
      }
      await clock.advance(random(200));
    }
    expect(answered).toBeGreaterThan(50);
  });
});

describe('a week', () => {
  it('leaves no more behind than an hour', { timeout: 120_000 }, async () => {
    const test = await testBalancer({ health: { probeIntervalMs: 600_000 } });
    const { balancer, clock, ledger, nodes } = test;
    let heard = 0;
    let finals = 0;
    let ends = 0;
    const handlers = { onSubscribed: () => {}, onEnd: () => (ends += 1) };
    await balancer.subscribe(
      { method: 'follow_best', params: '[]' },
      { ...handlers, onItem: () => (heard += 1) },
    );
    await balancer.subscribe(
      { method: 'follow_finalized', params: '[]' },
      { ...handlers, onItem: () => (finals += 1) },
    );
    await balancer.subscribe(
      { method: 'watch_value', params: '[]' },
      { ...handlers, onItem: () => {} },
    );
    const timers = clock.pendingTimers;
    const blocks = (7 * 24 * 3600) / 6;
    for (let i = 0; i < blocks; i += 1) {
      const block = ledger.mine();
      for (const node of nodes) {
        node.advance(block);
        node.finalize(ledger.ancestor(block, block.number - 2));
      }
      if (i % 500 === 0) {
        const node = nodes[(i / 500) % 3] as FakeNode;
        node.crash();
        void node.restart();
      }
      if (i % 20 === 0) {
        await balancer.request('get', [`key ${i}`], { session: balancer.session() });
        for (const node of nodes) node.calls.length = 0;
      }
      await clock.advance(6000);
    }
    expect([heard, finals, ends]).toEqual([blocks + 1, blocks + 1, 0]);
    const { head, subscriptions, calls, upstreams } = balancer.snapshot();
    expect(head).toMatchObject({ stalled: false, best: { number: blocks + 10 } });
    expect(head.knownBlocks).toBeLessThan(300);
    expect([subscriptions, calls]).toEqual([3, { running: 0, waiting: 0 }]);
    expect(upstreams.map(({ reason }) => reason)).toEqual([undefined, undefined, undefined]);
    expect(nodes.map((node) => node.subscriptions('heads'))).toEqual([1, 1, 1]);
    expect(nodes.reduce((sum, node) => sum + node.subscriptions('watch_value'), 0)).toBe(1);
    expect(clock.pendingTimers).toBeLessThanOrEqual(timers + 2);
    await balancer.close();
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('upstreams that wait to be connected to again', () => {
  it('are hurried when nobody is left, or somebody waits, and only then', async () => {
    await using test = await testBalancer({ nodes: 2 });
    const [a, b] = test.nodes as [FakeNode, FakeNode];
    let hurried = 0;
    const down = new FakeNode('down', test.ledger, { reachable: false });
    const { transport, ...options } = down.upstream();
    const counted: TransportFactory = (context) =>
      Object.assign((transport as TransportFactory)(context), { hurry: () => (hurried += 1) });
    test.balancer.addUpstream({ ...options, transport: counted });
    await test.clock.advance(1);
    // Both are asked at once: a call for which both were tried waits for nobody else.
    await test.balancer.request('local', [1], { strategy: { kind: 'broadcast', width: 5 } });
    a.crash();
    await test.balancer.request('local', [2]);
    expect(hurried).toBe(0);
    b.crash();
    expect(hurried).toBe(1);
    const answer = test.balancer.request('local', [3]);
    expect(hurried).toBeGreaterThan(1);
    const soFar = hurried;
    void b.restart();
    await test.clock.advance(1);
    await answer;
    const ofWaiting = hurried - soFar;
    expect(ofWaiting).toBeLessThan(10);
    test.balancer.drainUpstream('down');
    const beforeDrained = hurried;
    b.crash();
    expect(hurried).toBe(beforeDrained);
  });
});
