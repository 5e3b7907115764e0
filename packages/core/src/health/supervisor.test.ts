import { describe, expect, it } from 'vitest';
import type { Chain } from '../chain/chain.ts';
import { errorReply } from '../json-rpc/message.ts';
import {
  FakeLedger,
  type FakeNode,
  fakeChain,
  type TestBalancer,
  testBalancer,
} from '../testing/index.ts';

const of = (test: TestBalancer, id: string) =>
  test.balancer.snapshot().upstreams.find((upstream) => upstream.id === id);
const probes = (node: FakeNode, method = 'health'): number =>
  node.calls.filter((call) => call.method === method).length;

describe('an upstream under supervision', () => {
  it('leaves when it says that it is unfit, and comes back when it is fit', async () => {
    await using test = await testBalancer();
    const [a] = test.nodes as [FakeNode];
    a.health = { status: 'unhealthy', reason: 'syncing' };
    await test.clock.advance(10_000);
    expect(of(test, 'a')).toMatchObject({ reason: 'unhealthy', detail: 'syncing' });
    a.health = { status: 'degraded', reason: 'one peer' };
    await test.clock.advance(10_000);
    expect(of(test, 'a')?.reason).toBeUndefined();
  });

  it('tells each reason why it cannot be reached once, until it was reached', async () => {
    await using test = await testBalancer({ nodes: 2 });
    const [a] = test.nodes as [FakeNode];
    const reasons: string[] = [];
    test.balancer.on('unreachable', ({ upstream, reason }) => {
      if (upstream === 'a') reasons.push(reason);
    });
    for (const reason of ['refused', 'timed out', 'refused', 'timed out']) a.crash(reason);
    expect(reasons).toEqual(['refused', 'timed out']);
    expect(of(test, 'a')?.detail).toBe('timed out');
    await a.restart();
    a.crash('refused');
    expect(reasons).toEqual(['refused', 'timed out', 'refused']);
  });

  it('remembers no more than so many reasons why it cannot be reached', async () => {
    await using test = await testBalancer({ nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    const reasons: string[] = [];
    test.balancer.on('unreachable', ({ reason }) => reasons.push(reason));
    for (let i = 0; i < 17; i += 1) a.crash(`reason ${i}`);
    a.crash('reason 16');
    a.crash('reason 0');
    expect(reasons).toHaveLength(18);
  });

  it('is not judged by one probe that failed, but by two', async () => {
    await using test = await testBalancer();
    const [a] = test.nodes as [FakeNode];
    a.handle('health', () => errorReply({ code: 500, message: 'broken' }));
    await test.clock.advance(10_000);
    expect(of(test, 'a')?.reason).toBeUndefined();
    await test.clock.advance(10_000);
    expect(of(test, 'a')).toMatchObject({ reason: 'unhealthy' });
    expect(of(test, 'a')?.detail).toContain('broken');
  });

  it('is found out when it hangs, with no more probes at once than one', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    a.hang();
    const before = probes(a);
    for (let i = 0; i < 6; i += 1) {
      await test.clock.advance(6000);
      await test.mine(1, [b, c]);
    }
    expect(of(test, 'a')?.reason).toBeDefined();
    expect(probes(a) - before).toBeLessThanOrEqual(3);
    a.thaw();
    a.advance();
    await test.clock.advance(20_000);
    expect(of(test, 'a')?.reason).toBeUndefined();
  });

  it('is asked for its methods at the start, then every sixth probe, and on a new connection', async () => {
    await using test = await testBalancer({ nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    expect(probes(a, 'methods')).toBe(1);
    await test.clock.advance(59_000);
    expect([probes(a), probes(a, 'methods')]).toEqual([6, 1]);
    await test.clock.advance(2000);
    expect([probes(a), probes(a, 'methods')]).toEqual([7, 2]);
    a.crash();
    await a.restart();
    await test.clock.advance(0);
    expect(probes(a, 'methods')).toBe(3);
  });

  it('is asked what it is, and need not say', async () => {
    const usual = fakeChain();
    const asks = (version: () => Promise<string | undefined>): Chain => ({
      ...usual,
      probes: { ...usual.probes, version },
    });
    const versionOf = async (version: () => Promise<string | undefined>) => {
      await using test = await testBalancer({ nodes: 1, chain: asks(version) });
      const [{ version: told, reason } = {}] = test.balancer.snapshot().upstreams;
      expect(reason).toBeUndefined();
      return told;
    };
    expect(await versionOf(async () => 'node/1.2')).toBe('node/1.2');
    expect(await versionOf(async () => undefined)).toBeUndefined();
    expect(await versionOf(() => Promise.reject(new Error('hidden')))).toBeUndefined();
    expect(await versionOf(() => new Promise(() => {}))).toBeUndefined();
    expect((await versionOf(async () => 'x'.repeat(10_000)))?.length).toBe(200);
  });

  it('is asked how many blocks it takes, now and then, and forgets it with its connection', async () => {
    const usual = fakeChain();
    let answer: () => Promise<number | undefined> = async () => 100;
    let asked = 0;
    const widestRange = () => {
      asked += 1;
      return answer();
    };
    const chain: Chain = { ...usual, probes: { ...usual.probes, widestRange } };
    await using test = await testBalancer({
      nodes: 1,
      chain,
    });
    const [a] = test.nodes as [FakeNode];
    const known = () => of(test, 'a')?.widestRange;
    expect([known(), asked]).toEqual([100, 1]);
    await test.clock.advance(599_000);
    expect(asked).toBe(1);
    // One that cannot say is as before, and asked again.
    answer = () => Promise.reject(new Error('busy'));
    await test.clock.advance(2_000);
    expect([known(), asked]).toEqual([100, 2]);
    answer = async () => undefined;
    await test.clock.advance(60_000);
    expect([known(), asked]).toEqual([undefined, 3]);
    let tell: (blocks: number) => void = () => {};
    answer = () => new Promise((resolve) => (tell = resolve));
    a.crash();
    await a.restart();
    await test.clock.advance(0);
    expect(asked).toBe(4);
    a.crash();
    tell(5);
    await test.clock.advance(0);
    expect(known()).toBeUndefined();
  });

  it('keeps the methods it told when it fails to tell them again', async () => {
    await using test = await testBalancer({ nodes: 1 });
    const [a] = test.nodes as [FakeNode];
    a.methods = ['local'];
    await test.clock.advance(60_000);
    a.handle('methods', () => {
      throw new Error('broken');
    });
    await test.clock.advance(60_000);
    expect(await test.balancer.request('local')).toBe('local by a');
    const { reply } = await test.balancer.forward({ method: 'other', params: '[]' });
    expect(reply.kind).toBe('error');
  });

  it('starts from nothing on a new connection: another node may be at its end', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    await test.mine(3);
    const fork = test.ledger.fork(test.ledger.ancestor(test.ledger.head, 3) as never);
    a.crash();
    expect(of(test, 'a')).toMatchObject({ reason: 'disconnected', best: undefined });
    // Of the same chain, but far behind.
    const young = new FakeLedger();
    young.mine(4);
    await a.restart(young);
    await test.clock.advance(1);
    expect(of(test, 'a')).toMatchObject({ reason: 'lagging', best: { number: 4 } });
    expect(fork.number).toBe(4);
    for (const node of [b, c]) expect(of(test, node.id)?.reason).toBeUndefined();
  });

  it('comes back by itself after its subscriptions were forgotten, dropped or never made', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    for (const harm of ['forgetSubscriptions', 'dropSubscriptions'] as const) {
      a[harm]();
      for (let i = 0; i < 7; i += 1) {
        await test.mine(1, [b, c]);
        a.advance();
        await test.clock.advance(6000);
      }
      expect(of(test, 'a')).toMatchObject({ reason: undefined, lagBlocks: 0 });
      expect([a.subscriptions('heads'), a.subscriptions('finalized_heads')]).toEqual([1, 1]);
    }
  });

  it('serves by polling when it cannot subscribe', async () => {
    await using test = await testBalancer({ nodes: [{ canSubscribe: false }] });
    const [a] = test.nodes as [FakeNode];
    expect(await test.balancer.request('best_hash')).toBe('0x10-a');
    test.ledger.mine(2);
    a.advance();
    await test.clock.advance(3000);
    expect(await test.balancer.request('best_hash')).toBe('0x12-a');
  });

  it('is out of rotation on a fork that others have passed by with finality, and back after', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    let fork = test.ledger.head;
    for (let i = 0; i < 4; i += 1) {
      fork = test.ledger.fork(fork);
      a.advance(fork);
      await test.mine(1, [b, c]);
    }
    expect(of(test, 'a')?.reason).toBe('forked');
    a.advance(test.ledger.head);
    await test.clock.advance(0);
    expect(of(test, 'a')?.reason).toBeUndefined();
  });

  it('leaves nothing behind when it is closed at any moment of its start', async () => {
    for (const stage of ['hash_of', 'health', 'methods', 'heads', 'finalized_heads', 'header']) {
      const test = await testBalancer({ nodes: [{ reachable: false }] });
      const [a] = test.nodes as [FakeNode];
      a.handle(stage, () => new Promise(() => {}));
      void a.restart();
      await test.clock.advance(10);
      await test.balancer.close();
      await test.clock.advance(0);
      expect(test.clock.pendingTimers, stage).toBe(0);
      expect([a.subscriptions('heads'), a.subscriptions('finalized_heads')], stage).toEqual([0, 0]);
    }
  });
});
