import { describe, expect, it } from 'vitest';
import { errorReply, type Reply } from '../json-rpc/message.ts';
import { FakeNode, result, testBalancer } from '../testing/index.ts';

/* Failures that may be the call's own fault: nodes say 'internal error' of either. */

const internalError: Reply = errorReply({ code: 501, message: 'internal error' });
const stumbles = (node: FakeNode | undefined, method = 'get'): void =>
  node?.handle(method, () => internalError);
const bad = { method: 'get', params: '["bad"]' };
const asked = (nodes: readonly FakeNode[], method = 'get'): number =>
  nodes.flatMap((node) => node.calls.filter((call) => call.method === method)).length;

type Test = Awaited<ReturnType<typeof testBalancer>>;
const breakers = ({ balancer }: Test) =>
  balancer.snapshot().upstreams.map(({ breaker }) => breaker);
const failed = ({ balancer }: Test) => balancer.snapshot().upstreams.map((each) => each.failed);

describe('a call that every upstream stumbles over', () => {
  it('gets their own answer, and opens no circuit however often it is made', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) stumbles(node);
    for (let i = 0; i < 100; i += 1) {
      expect(await test.balancer.forward(bad)).toMatchObject({ reply: internalError });
    }
    expect(breakers(test)).toEqual(['closed', 'closed', 'closed']);
    expect(failed(test)).toEqual([0, 0, 0]);
    expect(await test.balancer.request('other')).toMatch(/^other by/);
  });

  it('goes to two of them, and to more only as far as the retry budget allows', async () => {
    await using test = await testBalancer({
      nodes: 6,
      policy: { retryBudget: { ratio: 0, minPerSecond: 1 } },
    });
    for (const node of test.nodes) stumbles(node);
    for (let i = 0; i < 20; i += 1) await test.balancer.forward(bad);
    // Each goes to two; and the budget, that of the seconds past, is for all together.
    const before = asked(test.nodes);
    for (let i = 0; i < 20; i += 1) await test.balancer.forward(bad);
    expect(asked(test.nodes) - before).toBe(40);
    expect(before).toBeLessThan(80);
  });

  it('gets the answer of the only upstream at once', async () => {
    await using test = await testBalancer({ nodes: 1 });
    stumbles(test.nodes[0]);
    for (let i = 0; i < 20; i += 1) {
      expect(await test.balancer.forward(bad)).toMatchObject({ reply: internalError });
    }
    expect(asked(test.nodes)).toBe(20);
    expect(breakers(test)).toEqual(['closed']);
  });

  it('opens none either where several are asked at once', async () => {
    await using test = await testBalancer({ nodes: 6 });
    for (const node of test.nodes) stumbles(node, 'highest');
    for (let i = 0; i < 30; i += 1) {
      const strategy = { kind: 'maximum', width: 3 } as const;
      const { reply } = await test.balancer.forward(
        { method: 'highest', params: '[]' },
        { strategy },
      );
      expect(reply).toEqual(internalError);
    }
    expect(failed(test)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(asked(test.nodes, 'highest')).toBeLessThanOrEqual(30 * 4);
  });

  it('keeps its only voice where it must not be repeated, and nobody is blamed', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) stumbles(node, 'send_once');
    const once = { method: 'send_once', params: '[]' };
    for (let i = 0; i < 30; i += 1) await test.balancer.forward(once).catch(() => {});
    expect(failed(test)).toEqual([0, 0, 0]);
  });
});

describe('an upstream that alone stumbles', () => {
  it('is blamed for it, and its circuit opens, while the others answer', async () => {
    await using test = await testBalancer({ nodes: 1 });
    const last = new FakeNode('last', test.ledger);
    test.balancer.addUpstream(last.upstream({ role: 'fallback' }));
    await test.clock.advance(1);
    stumbles(test.nodes[0]);
    for (let i = 0; i < 40; i += 1) {
      expect(await test.balancer.request('get', ['good'])).toContain('by last');
    }
    expect(failed(test)).toEqual([5, 0]);
    expect(breakers(test)).toEqual(['open', 'closed']);
  });

  it('is blamed also where several are asked at once', async () => {
    await using test = await testBalancer({ nodes: 2 });
    stumbles(test.nodes[0], 'highest');
    test.nodes[1]?.handle('highest', () => result(7));
    const strategy = { kind: 'maximum', width: 2 } as const;
    for (let i = 0; i < 10; i += 1) {
      const { reply } = await test.balancer.forward(
        { method: 'highest', params: '[]' },
        { strategy },
      );
      expect(reply).toEqual(result(7));
    }
    expect(breakers(test)).toEqual(['open', 'closed']);
  });

  it('is not blamed when another one finds the mistake in the call', async () => {
    await using test = await testBalancer({ nodes: 2 });
    stumbles(test.nodes[0]);
    const mistake = errorReply({ code: -32602, message: 'Invalid params' });
    test.nodes[1]?.handle('get', () => mistake);
    for (let i = 0; i < 40; i += 1) {
      expect(await test.balancer.forward(bad)).toMatchObject({ reply: mistake });
    }
    expect(failed(test)).toEqual([0, 0]);
  });

  it('does not keep the caller from an upstream that failed only for a moment', async () => {
    await using test = await testBalancer({ nodes: 2 });
    stumbles(test.nodes[0]);
    let isFirst = true;
    test.nodes[1]?.handle('get', () => {
      const reply = isFirst ? errorReply({ code: 500, message: 'broken' }) : result('fine');
      isFirst = false;
      return reply;
    });
    const answer = test.balancer.request('get', ['good']);
    await test.clock.advance(1_000);
    expect(await answer).toBe('fine');
  });

  it('is not kept out for good by a trial of which nobody knows what to think', async () => {
    await using test = await testBalancer({
      nodes: 1,
      health: { breaker: { consecutiveFailures: 1 } },
    });
    const [node] = test.nodes;
    node?.handle('get', () => errorReply({ code: 500, message: 'broken' }));
    const first = test.balancer.forward(bad, { deadlineMs: 100 }).catch(() => {});
    await test.clock.advance(200);
    await first;
    expect(breakers(test)).toEqual(['open']);
    stumbles(node);
    await test.clock.advance(30_000);
    expect(await test.balancer.forward(bad)).toMatchObject({ reply: internalError });
    expect(breakers(test)).toEqual(['closed']);
  });
});
