import { describe, expect, it } from 'vitest';
import type { BlockParams, Chain, HeadName, MethodTraits } from '../chain/chain.ts';
import type { BalancerError } from '../errors.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { type FakeNode, fakeChain, result, testBalancer } from '../testing/index.ts';
import { type CallContext, parseParams } from './call-context.ts';
import { resolveBlock } from './resolve-block.ts';

const caught = (promise: Promise<unknown>): Promise<BalancerError> =>
  promise.then(
    () => expect.unreachable(),
    (error: BalancerError) => error,
  );

describe('the block of a call', () => {
  it('is the best one when it was left out, also as null', async () => {
    await using test = await testBalancer();
    for (const params of [['k'], ['k', null]]) {
      expect(await test.balancer.request('get', params)).toMatch(/^k@0x10-a by/);
    }
  });

  it('stays what the caller named', async () => {
    await using test = await testBalancer();
    const session = test.balancer.session();
    expect(await test.balancer.request('get', ['k', '0x9-a'], { session })).toMatch(/^k@0x9-a by/);
    expect(session.seen).toBe(9);
    // Long final: whoever serves has seen more.
    expect(await test.balancer.request('get', ['k', '0x3-a'], { session })).toMatch(/^k@0x3-a by/);
    expect(session.seen).toBe(9);
  });

  it('is one that somebody can serve: the best that the only fit upstream has', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    await test.mine(2, [a, b]);
    a.health = { status: 'unhealthy' };
    b.health = { status: 'unhealthy' };
    // Their heads count until the probe has told.
    test.balancer.drainUpstream('a');
    test.balancer.drainUpstream('b');
    expect(test.balancer.head.best?.number).toBe(12);
    expect(await test.balancer.request('get', ['k'])).toBe('k@0x10-a by c');
    c.advance();
    await test.clock.advance(0);
    expect(await test.balancer.request('get', ['k'])).toBe('k@0x12-a by c');
  });

  it('is believed to be missing at once when its number is above the head', async () => {
    await using test = await testBalancer();
    const asked = (): number =>
      test.nodes.flatMap(({ calls }) => calls.filter(({ params }) => params[0] === 11)).length;
    expect(await test.balancer.request('hash_of', [11])).toBeNull();
    expect(asked()).toBe(1);
    // The very number that nobody had is one that somebody must have as soon as the head is there.
    await test.mine(1);
    for (const node of test.nodes.slice(1)) node.handle('hash_of', () => result(null));
    expect(await test.balancer.request('hash_of', [11])).toBe('0x11-a');
  });

  it('is the head that a tag speaks of, where the chain has tags', async () => {
    const heads: Readonly<Record<string, HeadName>> = {
      tip: 'best',
      done: 'finalized',
      safe: 'safe',
    };
    const chain: Chain = {
      ...fakeChain(),
      blockParams: {
        headOf: (param) => (param === undefined ? 'best' : heads[String(param)]),
        write: ({ hash }) => hash,
      },
    };
    await using test = await testBalancer({ chain });
    const session = test.balancer.session();
    const of = (at: string) => test.balancer.request('get', ['k', at], { session });
    expect(await of('done')).toMatch(/^k@0x8-a by/);
    // Nobody called any other block safe.
    expect(await of('safe')).toMatch(/^k@0x8-a by/);
    expect(session.seen).toBe(8);
    expect(await of('tip')).toMatch(/^k@0x10-a by/);
    expect(session.seen).toBe(10);
    expect(await of('0x3-a')).toMatch(/^k@0x3-a by/);
    // What the chain does not know goes as it is.
    await expect(of('pending')).rejects.toThrow('unknown block pending');
  });

  it('is never below what the session has seen', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    await test.mine(2, [a, b]);
    const session = test.balancer.session();
    session.observe(12);
    for (const id of ['a', 'b']) test.balancer.drainUpstream(id);
    const answer = test.balancer.request('get', ['k'], { session });
    await test.clock.advance(1000);
    c.advance();
    await test.clock.advance(200);
    expect(await answer).toBe('k@0x12-a by c');
  });

  it('sends a call only where its block is, on whichever branch', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    const fork = test.ledger.fork(test.ledger.ancestor(test.ledger.head, 9) as never);
    b.see(fork);
    c.advance(test.ledger.mineOn(fork));
    await test.clock.advance(0);
    const seen = new Set<unknown>();
    for (let i = 0; i < 20; i += 1) {
      seen.add(await test.balancer.request('get', [`k`, fork.hash]));
    }
    expect([...seen].sort()).toEqual([b, c].map(({ id }) => `k@${fork.hash} by ${id}`));
    expect(a.calls.filter(({ method }) => method === 'get')).toEqual([]);
  });

  it('sends a call by height only where that height has been reached', async () => {
    await using test = await testBalancer();
    const [a] = test.nodes as [FakeNode];
    await test.mine(1, [a]);
    for (let i = 0; i < 10; i += 1) {
      expect(await test.balancer.request('hash_of', [11])).toBe('0x11-a');
    }
    for (const node of test.nodes.slice(1)) {
      expect(
        node.calls.filter(({ method, params }) => method === 'hash_of' && params[0] === 11),
      ).toEqual([]);
    }
    // Beyond the head any upstream's word is as good as another's.
    expect(await test.balancer.request('hash_of', [99])).toBeNull();
  });

  it('is asked for everywhere when nobody has told of it', async () => {
    await using test = await testBalancer();
    const error = await caught(test.balancer.request('get', ['k', '0xunheard']));
    expect(error).toMatchObject({ code: 404 });
    for (const node of test.nodes) {
      expect(node.calls.filter(({ method }) => method === 'get')).toHaveLength(1);
    }
  });

  it('is the own head of the upstream as long as the pool has none', async () => {
    await using test = await testBalancer({ nodes: [{ reachable: false }] });
    const answer = test.balancer.request('get', ['k']);
    await test.clock.advance(100);
    void test.nodes[0]?.restart();
    await test.clock.advance(200);
    expect(await answer).toMatch(/^k@0x10-a by a/);
  });
});

const chain = fakeChain();
const head = {
  best: { number: 7, hash: '0x7', parentHash: '0x6', header: '{}' },
  numberOf: () => undefined,
} as unknown as ChainHead;

function byTag(blockParams: Partial<BlockParams> | undefined): Pick<Chain, 'blockParams'> {
  if (blockParams === undefined) return {};
  const headOf = (param: unknown) => ((param ?? 'tip') === 'tip' ? ('best' as const) : undefined);
  return { blockParams: { headOf, write: ({ hash }) => hash, ...blockParams } };
}

/** The text of the params that are sent for those of a caller. */
async function sent(
  params: string,
  row: Partial<MethodTraits> = {},
  blockParams?: Partial<BlockParams>,
): Promise<string> {
  const call = { method: 'get', params };
  const context: CallContext = {
    call,
    traits: { ...chain.traits('get'), ...row },
    strategy: { kind: 'one' },
    params: parseParams(chain, call),
    need: { seen: -1 },
    session: undefined,
    signal: undefined,
    startedMs: 0,
    deadlineAtMs: 1000,
    hasOwnDeadline: false,
    unanswered: 0,
    attempts: [],
  };
  const answered = { onAnswer: () => {}, onFailure: () => {} };
  resolveBlock(byTag(blockParams), head, () => true)(() => {})(context, answered);
  return context.call.params;
}

const deep = `${'['.repeat(9000)}${']'.repeat(9000)}`;

describe('params to which a block is added', () => {
  it.each([
    ['[]', '[null,"0x7"]'],
    ['[12345678901234567890]', '[12345678901234567890,"0x7"]'],
    ['[12345678901234567890, null]', '[12345678901234567890,"0x7"]'],
    [' [1.50,null,[ ]]', '[1.50,"0x7",[ ]]'],
    ['{"key":"k"}', '["k","0x7"]'],
    [`[${deep},null]`, `[${deep},"0x7"]`],
  ])('stay as they were written (%#)', async (params, expected) => {
    expect(await sent(params)).toBe(expected);
  });

  it.each([
    ['[]', '[]'],
    ['["k"]', '["k"]'],
    ['["k", null]', '["k", null]'],
    ['["k","tip"]', '["k","0x7"]'],
  ])('stay without it where callers must name it: %s', async (params, expected) => {
    expect(await sent(params, { isAtRequired: true }, {})).toBe(expected);
  });

  it.each([
    ['[]', '[]'],
    ['["k"]', '["k","0x7"]'],
  ])('stay without it where those before it are lacking: %s', async (params, expected) => {
    expect(await sent(params, {}, { pads: false })).toBe(expected);
  });

  it('are refused where they are named and this Node cannot write them anew for their depth', async () => {
    // Since V8 writes JSON without recursion (Node 25), nothing is too deep.
    const outcome = await sent(`{"key":${deep}}`).catch((error: { code: unknown }) => error.code);
    const isWhole = String(outcome).startsWith(`[${deep},"0x`);
    expect(isWhole ? 'written' : outcome).toMatch(/^(written|invalid request)$/);
  });
});
