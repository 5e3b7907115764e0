import { describe, expect, it } from 'vitest';
import type { BalancerError } from '../errors.ts';
import { errorReply } from '../json-rpc/message.ts';
import { FakeNode, testBalancer } from '../testing/index.ts';

const asked = (nodes: readonly FakeNode[], method: string): number =>
  nodes.flatMap((node) => node.calls.filter((call) => call.method === method)).length;
const caught = (promise: Promise<unknown>): Promise<BalancerError> =>
  promise.then(
    () => expect.unreachable(),
    (error: BalancerError) => error,
  );
/** No hedges: they would be counted as calls. */
const policy = { hedge: { maxHedges: 0 } };

describe('coalescing', () => {
  it('asks once for what many ask at the same time', async () => {
    await using test = await testBalancer({ policy });
    for (const node of test.nodes) node.hang();
    const answers = Promise.all(
      Array.from({ length: 50 }, () => test.balancer.request('get', ['key'])),
    );
    await test.clock.advance(10);
    for (const node of test.nodes) node.thaw();
    expect(new Set(await answers).size).toBe(1);
    expect(asked(test.nodes, 'get')).toBe(1);
    await test.balancer.request('get', ['key']);
    expect(asked(test.nodes, 'get')).toBe(2);
  });

  it.each([
    ['facts of one node', 'local', {}],
    ['calls with labels', 'constant', { labels: { archive: 'yes' } }],
    ['calls with a strategy of their own', 'constant', { strategy: { kind: 'maximum', width: 1 } }],
    ['submissions', 'submit', {}],
  ] as const)('never shares %s', async (_what, method, options) => {
    await using test = await testBalancer({ policy, nodes: 0 });
    const ledgerNodes = ['one', 'two'].map((id) => new FakeNode(id, test.ledger));
    for (const node of ledgerNodes) {
      test.balancer.addUpstream(node.upstream({ labels: { archive: 'yes' } }));
    }
    await test.clock.advance(1);
    for (const node of ledgerNodes) node.hang();
    const answers = [1, 2, 3].map(() => test.balancer.request(method, [], options));
    await test.clock.advance(10);
    for (const node of ledgerNodes) node.thaw();
    await Promise.all(answers);
    expect(asked(ledgerNodes, method)).toBe(3);
  });

  it('does not share between sessions that have seen different blocks', async () => {
    await using test = await testBalancer({ policy });
    const [one, other] = [test.balancer.session(), test.balancer.session()];
    other.observe(10);
    for (const node of test.nodes) node.hang();
    const answers = [one, other].map((session) =>
      test.balancer.request('constant', [], { session }),
    );
    await test.clock.advance(10);
    for (const node of test.nodes) node.thaw();
    await Promise.all(answers);
    expect(asked(test.nodes, 'constant')).toBe(2);
  });

  it('lets one caller go at its deadline or signal, and the others have their answer', async () => {
    await using test = await testBalancer({ policy });
    for (const node of test.nodes) node.hang();
    const abort = new AbortController();
    const signal = abort.signal;
    // The impatient ones come first: the shared call must not be theirs.
    const hasty = caught(test.balancer.request('constant', [], { deadlineMs: 100 }));
    const given = caught(test.balancer.request('constant', [], { signal }));
    const patient = test.balancer.request('constant');
    await test.clock.advance(50);
    abort.abort('enough');
    await test.clock.advance(1000);
    expect(await hasty).toMatchObject({ code: 'timeout' });
    expect(await given).toMatchObject({ code: 'cancelled', cause: 'enough' });
    for (const node of test.nodes) node.thaw();
    expect(await patient).toMatch(/constant by/);
    expect(asked(test.nodes, 'constant')).toBe(1);
  });

  it('tells those who leave early what was tried so far, whoever started it', async () => {
    await using test = await testBalancer({ policy, nodes: 2 });
    let asked = 0;
    for (const node of test.nodes) {
      node.handle('constant', () => {
        asked += 1;
        return asked === 1
          ? errorReply({ code: 500, message: 'out of order' })
          : new Promise(() => {});
      });
    }
    const caller = new AbortController();
    const starts = caught(test.balancer.request('constant', [], { deadlineMs: 100 }));
    await test.clock.advance(10);
    const joins = caught(test.balancer.request('constant', [], { signal: caller.signal }));
    await test.clock.advance(200);
    caller.abort();
    for (const { attempts } of await Promise.all([starts, joins])) {
      expect(attempts).toMatchObject([{ outcome: 'out of order' }]);
    }
  });

  it('asks nobody for a caller that has given up before', async () => {
    await using test = await testBalancer({ policy });
    const error = caught(
      test.balancer.request('constant', [], { signal: AbortSignal.abort('enough') }),
    );
    expect(await error).toMatchObject({ code: 'cancelled', cause: 'enough' });
    expect(asked(test.nodes, 'constant')).toBe(0);
  });

  it('tells a failure to everybody who waits, and to nobody later', async () => {
    await using test = await testBalancer({ policy });
    for (const node of test.nodes) node.crash();
    const errors = Promise.all([1, 2].map(() => caught(test.balancer.request('constant'))));
    await test.clock.advance(6000);
    expect((await errors).map(({ code }) => code)).toEqual(Array(2).fill('no eligible upstream'));
    void test.nodes[0]?.restart();
    await test.clock.advance(10);
    expect(await test.balancer.request('constant')).toBe('constant by a');
  });

  it('answers everybody although the receiver of one throws', async () => {
    await using test = await testBalancer({ policy });
    for (const node of test.nodes) node.hang();
    const surfaced: unknown[] = [];
    test.balancer.on('thrown', ({ error }) => surfaced.push(error));
    const broken = (): never => {
      throw new Error('mine');
    };
    const call = { method: 'constant', params: '[]' };
    test.balancer.dispatch(call, { onAnswer: broken, onFailure: broken });
    const answer = test.balancer.request('constant');
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(10);
    expect(await answer).toMatch(/constant by/);
    expect(surfaced).toHaveLength(1);
  });

  it('gives up every caller of a signal although the receiver of one throws', async () => {
    await using test = await testBalancer({ policy });
    for (const node of test.nodes) node.hang();
    const surfaced: unknown[] = [];
    test.balancer.on('thrown', ({ error }) => surfaced.push(error));
    const broken = (): never => {
      throw new Error('mine');
    };
    const abort = new AbortController();
    const { signal } = abort;
    const given = caught(test.balancer.request('constant', [], { signal }));
    const call = { method: 'constant', params: '[]' };
    test.balancer.dispatch(call, { onAnswer: broken, onFailure: broken }, { signal });
    await test.clock.advance(10);
    abort.abort();
    expect(await given).toMatchObject({ code: 'cancelled' });
    expect(surfaced).toHaveLength(1);
  });

  it.each([Number.POSITIVE_INFINITY, Number.NaN])(
    'is not held up by a caller whose deadline is %d',
    async (deadlineMs) => {
      await using test = await testBalancer({ policy });
      const refused = caught(test.balancer.request('constant', [], { deadlineMs }));
      expect(await refused).toMatchObject({ code: 'invalid request' });
      expect(await test.balancer.request('constant')).toMatch(/constant by/);
    },
  );

  it('leaves no timer for callers with deadlines, answered or closed', async () => {
    const test = await testBalancer({ policy });
    await test.balancer.request('constant', [], { deadlineMs: 10_000 });
    for (const node of test.nodes) node.hang();
    const error = caught(test.balancer.request('constant', [], { deadlineMs: 10_000 }));
    await test.clock.advance(10);
    await test.balancer.close();
    expect((await error).code).toBe('closed');
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
  });
});
