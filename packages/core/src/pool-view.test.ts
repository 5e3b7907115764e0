import { describe, expect, it } from 'vitest';
import type { Chain } from './chain/chain.ts';
import { errorReply } from './json-rpc/message.ts';
import { FakeNode, fakeChain, testBalancer } from './testing/index.ts';

const started = async (lists: readonly (readonly string[] | undefined)[]) => {
  const test = await testBalancer({ nodes: lists.length });
  for (const [i, list] of lists.entries()) (test.nodes[i] as FakeNode).methods = list;
  // Lists are read anew with every sixth probe.
  await test.clock.advance(60_001);
  return test;
};

describe('the methods of the pool', () => {
  it('are what its upstreams offer together, without what is denied', async () => {
    await using test = await started([['get', 'forbidden'], ['local', 'get'], undefined]);
    expect(await test.balancer.request('pool_methods')).toEqual(['get', 'local']);
    expect(test.nodes.flatMap(({ calls }) => calls).map(({ method }) => method)).not.toContain(
      'pool_methods',
    );
  });

  it('are not the same for callers who may use others', async () => {
    await using test = await started([['get', 'forbidden'], ['local']]);
    const view = test.balancer.withMethods({ enabled: ['forbidden'], disabled: ['get'] });
    expect(await view.request('pool_methods')).toEqual(['forbidden', 'local']);
  });

  it('are with those enabled for an upstream, and without those disabled for it', async () => {
    await using test = await started([['get'], ['local']]);
    const [, b] = test.nodes as [FakeNode, FakeNode];
    await test.balancer.removeUpstream('b');
    const methods = { enabled: ['header', 'forbidden'], disabled: ['local'] };
    test.balancer.addUpstream(b.upstream({ methods }));
    await test.clock.advance(1);
    expect(await test.balancer.request('pool_methods')).toEqual(['forbidden', 'get', 'header']);
  });

  it('are without one that an upstream is said to have, once it said that it has not', async () => {
    await using test = await testBalancer({ nodes: 0 });
    const node = new FakeNode('a', test.ledger);
    node.methods = ['get'];
    node.handle('header', () => errorReply({ code: -32601, message: 'Method not found' }));
    node.handle('watch_value', () => errorReply({ code: -32601, message: 'Method not found' }));
    const methods = { enabled: ['header', 'watch_value'] };
    test.balancer.addUpstream(node.upstream({ methods }));
    await test.clock.advance(1);
    const listed = (): Promise<unknown> => test.balancer.request('pool_methods');
    expect(await listed()).toEqual(['get', 'header', 'watch_value']);
    await expect(test.balancer.request('header')).rejects.toMatchObject({ code: -32601 });
    expect(await listed()).toEqual(['get', 'watch_value']);
    const handlers = { onSubscribed: () => {}, onItem: () => {}, onEnd: () => {} };
    const call = { method: 'watch_value', params: '["key"]' };
    expect(await test.balancer.subscribe(call, handlers)).toMatchObject({ kind: 'error' });
    expect(await listed()).toEqual(['get']);
    // It was given the method meanwhile: who asks for it finds out.
    node.handle('header', () => ({ kind: 'result', result: '1' }));
    expect(await test.balancer.request('header')).toBe(1);
    expect(await listed()).toEqual(['get', 'header']);
    // Another node may be at the end of a new connection.
    node.crash();
    await node.restart();
    await test.clock.advance(1_000);
    expect(await listed()).toEqual(['get', 'header', 'watch_value']);
  });

  it('are without those of an upstream that cannot serve', async () => {
    await using test = await started([['get'], ['local']]);
    test.nodes[1]?.crash();
    await test.clock.advance(1);
    expect(await test.balancer.request('pool_methods')).toEqual(['get']);
  });

  it('are without subscriptions that nobody could carry', async () => {
    const list = ['watch_value', 'watch_values', 'watch_events', 'follow_best', 'get'];
    await using test = await testBalancer({ nodes: [{ canSubscribe: false }] });
    (test.nodes[0] as FakeNode).methods = list;
    await test.clock.advance(60_001);
    // The value of one can be read.
    const served = ['follow_best', 'get', 'watch_values'];
    expect(await test.balancer.request('pool_methods')).toEqual(served);
  });

  it('are waited for while no upstream serves', async () => {
    await using test = await started([['get']]);
    const node = test.nodes[0] as FakeNode;
    node.crash();
    await test.clock.advance(1);
    const answer = test.balancer.request('pool_methods');
    await node.restart();
    await test.clock.advance(200);
    expect(await answer).toEqual(['get']);
  });
});

describe('what is asked of the pool', () => {
  it('is waited for though the only upstream, which cannot serve yet, does not list it', async () => {
    await using test = await started([['get']]);
    const node = test.nodes[0] as FakeNode;
    node.health = { status: 'unhealthy', reason: 'syncing' };
    await test.clock.advance(10_001);
    const answer = test.balancer.request('pool_methods', [], { deadlineMs: 20_000 });
    node.health = { status: 'healthy' };
    node.crash();
    await node.restart();
    await test.clock.advance(200);
    expect(await answer).toEqual(['get']);
  });
});

describe('the health of the pool', () => {
  it('is what each upstream that was probed said, and whether it serves', async () => {
    await using test = await testBalancer({ nodes: 3 });
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    a.health = { status: 'healthy', peers: 7, shouldHavePeers: true };
    b.health = { status: 'unhealthy', reason: 'syncing', peers: 9 };
    c.crash();
    await test.clock.advance(10_001);
    expect(await test.balancer.request('pool_health')).toEqual([
      { serving: true, report: a.health },
      { serving: false, report: b.health },
    ]);
  });

  it('is told though the session has seen a block that nobody has any more', async () => {
    await using test = await testBalancer({ nodes: 1 });
    const session = test.balancer.session();
    session.observe(1000);
    const answer = await test.balancer.request('pool_health', [], { session });
    expect(answer).toHaveLength(1);
  });

  it('is not told while nothing is known: the call fails as any other', async () => {
    await using test = await testBalancer({ nodes: [{ reachable: false }] });
    const answer = test.balancer.request('pool_health').catch((error: { code: string }) => error);
    await test.clock.advance(6_000);
    expect(await answer).toMatchObject({ code: 'no eligible upstream' });
  });

  it('ends the call when the chain cannot tell it after all', async () => {
    const chain = fakeChain();
    let asked = 0;
    const answer: Chain['answer'] = (method, params, view) => {
      if (method !== 'pool_health') return chain.answer?.(method, params, view);
      asked += 1;
      if (asked === 1) return undefined;
      throw new Error('cannot tell');
    };
    await using test = await testBalancer({ chain: { ...chain, answer } });
    await expect(test.balancer.request('pool_health')).rejects.toThrow('cannot tell');
  });
});
