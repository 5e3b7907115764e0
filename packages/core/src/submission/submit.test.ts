import { describe, expect, it } from 'vitest';
import { UnknownOutcomeError } from '../errors.ts';
import { errorReply, type Reply } from '../json-rpc/message.ts';
import { type FakeNode, result, type TestBalancer, testBalancer } from '../testing/index.ts';

const tx = 'alice/3';
const id = 'id of alice/3';
const send = { method: 'send', params: `["${tx}"]` };
const known = errorReply({ code: 409, message: 'already imported' });
const invalid = errorReply({ code: 410, message: 'invalid' });
const rejected = errorReply({ code: 422, message: 'priority too low' });
const full = errorReply({ code: 503, message: 'pool is full' });
const broken = errorReply({ code: 500, message: 'internal error' });

const asked = (test: TestBalancer, method = 'send'): number =>
  test.nodes.flatMap((node) => node.calls.filter((call) => call.method === method)).length;
const says = (node: FakeNode | undefined, reply: Reply): void => node?.handle('send', () => reply);
/** It has the call, and never answers. */
const isSilent = (node: FakeNode | undefined): void =>
  node?.handle('send', () => new Promise(() => {}));
/** It has the call, and dies. */
const dies = (node: FakeNode | undefined, takes = false): void =>
  node?.handle('send', () => {
    if (takes) node.pool.add(tx);
    node.crash('connection lost');
    return result('never heard');
  });
const settled = (test: TestBalancer, params: readonly unknown[] = [tx], options = {}) =>
  test.balancer.request('send', params, options).then(
    (value) => value,
    (error: unknown) => error,
  );

describe('a transaction that is submitted', () => {
  it('goes to as many upstreams as the chain says, or the options', async () => {
    await using test = await testBalancer({ nodes: 5 });
    expect(await test.balancer.request('send', [tx])).toBe(id);
    await test.clock.advance(0);
    expect(asked(test)).toBe(3);
    await using one = await testBalancer({ nodes: 5, policy: { submitWidth: 1 } });
    expect(await one.balancer.request('send', [tx])).toBe(id);
    await one.clock.advance(0);
    expect(asked(one)).toBe(1);
    const strategy = { kind: 'broadcast', width: 5 } as const;
    await one.balancer.request('send', [tx], { strategy });
    await one.clock.advance(0);
    expect(asked(one)).toBe(6);
  });

  it('goes also to upstreams a block behind, when one has what the session has seen', async () => {
    await using test = await testBalancer();
    const [a] = test.nodes;
    await test.mine(1, [a!]);
    const session = test.balancer.session();
    session.observe(11);
    a!.handle('send', () => {
      a!.crash();
      return result('never heard');
    });
    expect(await test.balancer.request('send', [tx], { session })).toBe(id);
    expect(asked(test)).toBe(3);
  });

  it('is accepted when one upstream accepts it, whatever the others say', async () => {
    for (const reply of [known, invalid, rejected, full, broken]) {
      await using test = await testBalancer();
      for (const node of test.nodes.slice(0, 2)) says(node, reply);
      expect(await test.balancer.request('send', [tx])).toBe(id);
    }
  });

  it('is known as the upstream says when no send of ours went unanswered', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, known);
    expect((await test.balancer.forward(send)).reply).toMatchObject({ error: { code: 409 } });
  });

  it('is accepted when it is known after a send of ours that went unanswered', async () => {
    for (const trouble of [dies, isSilent]) {
      await using test = await testBalancer();
      const [a, b, c] = test.nodes;
      trouble(a);
      says(b, known);
      says(c, known);
      const answer = test.balancer.forward(send);
      await test.clock.advance(6_000);
      expect((await answer).reply).toEqual({ kind: 'result', result: `"${id}"` });
    }
  });

  it('is told to be known sooner than invalid, and rejected sooner than not taken', async () => {
    for (const [first, second] of [
      [known, invalid],
      [known, rejected],
      [rejected, invalid],
      [invalid, full],
    ] as const) {
      for (const replies of [
        [first, second, second],
        [second, second, first],
      ]) {
        await using test = await testBalancer();
        test.nodes.forEach((node, i) => {
          says(node, replies[i] as Reply);
        });
        expect((await test.balancer.forward(send)).reply).toEqual(first);
      }
    }
  });

  it('is told to be invalid or rejected at once when every upstream was heard', async () => {
    for (const reply of [invalid, rejected]) {
      await using test = await testBalancer();
      for (const node of test.nodes) says(node, reply);
      expect((await test.balancer.forward(send)).reply).toEqual(reply);
      expect(asked(test, 'pending') + asked(test, 'transactions')).toBe(0);
    }
  });

  it('is rejected for good also when another upstream says nothing', async () => {
    await using test = await testBalancer();
    const [a, ...others] = test.nodes;
    dies(a);
    for (const node of others) says(node, rejected);
    expect((await test.balancer.forward(send)).reply).toEqual(rejected);
  });

  it('goes on to others when pools do not take it, within the attempts of one call', async () => {
    await using test = await testBalancer({ nodes: 4 });
    for (const node of test.nodes) says(node, full);
    const last = test.nodes[3] as FakeNode;
    last.handle('send', () => result(id));
    expect(await test.balancer.request('send', [tx])).toBe(id);
    await using many = await testBalancer({ nodes: 9 });
    for (const node of many.nodes) says(node, full);
    expect((await many.balancer.forward(send)).reply).toEqual(full);
    expect(asked(many)).toBe(6);
  });

  it('goes as it is, and comes back as the upstream says, when the chain cannot read it', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, rejected);
    const { reply } = await test.balancer.forward({ method: 'send', params: '["0xzz"]' });
    expect(reply).toEqual(rejected);
  });
});

describe('a transaction that an upstream may have taken', () => {
  it('is not invalid when it waits in a pool', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    dies(a);
    for (const node of [b, c]) says(node, invalid);
    c.pool.add(tx);
    const answer = test.balancer.request('send', [tx]);
    await test.clock.advance(100);
    expect(await answer).toBe(id);
  });

  it('is not invalid when it was included meanwhile', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    dies(a);
    for (const node of [b, c]) says(node, invalid);
    const answer = test.balancer.request('send', [tx]);
    await test.clock.advance(100);
    const block = test.ledger.mine();
    test.ledger.include(block, 'bob/1', tx);
    for (const node of [b, c]) node.advance(block);
    await test.clock.advance(100);
    expect(await answer).toBe(id);
  });

  it('is not invalid when an upstream has a block with it that the pool does not follow yet', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    dies(a);
    for (const node of [b, c]) says(node, invalid);
    const blocks = Array.from({ length: 6 }, () => test.ledger.mine());
    test.ledger.include(blocks[5]!, tx);
    for (const block of blocks) b.advance(block);
    await test.clock.advance(10);
    expect(test.balancer.head.best?.number).toBe(13);
    const outcome = test.balancer.request('send', [tx]).catch((error: unknown) => error);
    await test.clock.advance(100);
    c.advance(blocks[0]);
    c.advance(blocks[1]);
    await test.clock.advance(1_000);
    expect(test.balancer.head.best?.number).toBe(15);
    for (const block of blocks.slice(2)) c.advance(block);
    await test.clock.advance(1_000);
    expect(await outcome).toBe(id);
  });

  it('is invalid when no pool and no block has it', async () => {
    for (const moves of [true, false]) {
      await using test = await testBalancer();
      const [a, ...others] = test.nodes;
      dies(a);
      for (const node of others) says(node, invalid);
      const answer = test.balancer.forward(send);
      await test.clock.advance(1_000);
      if (moves) await test.mine(1, others);
      else await test.clock.advance(20_000);
      await test.clock.advance(100);
      expect((await answer).reply).toEqual(invalid);
    }
  });

  it('is found in a pool when every connection broke', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) dies(node, true);
    const answer = test.balancer.request('send', [tx]);
    await test.clock.advance(3_000);
    for (const node of test.nodes) void node.restart();
    await test.clock.advance(8_000);
    expect(await answer).toBe(id);
    expect(asked(test)).toBe(3);
  });

  it('is found in a block of a branch that becomes the best one', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) isSilent(node);
    const answer = test.balancer.request('send', [tx]);
    await test.clock.advance(11_000);
    const left = test.ledger.mine();
    for (const node of test.nodes) node.advance(left);
    await test.clock.advance(10);
    const parent = test.ledger.get(left.parentHash);
    let block = test.ledger.fork(parent as typeof left);
    test.ledger.include(block, tx);
    block = test.ledger.mineOn(block);
    for (const node of test.nodes) node.advance(block);
    await test.clock.advance(100);
    expect(await answer).toBe(id);
  });

  it('is accepted when the answer comes late, and not counted twice', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.handle('pending', () => result([]));
    for (const node of test.nodes) node.hang();
    const answer = test.balancer.forward(send);
    await test.clock.advance(12_000);
    for (const node of test.nodes) node.thaw();
    await test.clock.advance(10);
    expect(await answer).toMatchObject({ upstream: expect.any(String), reply: { kind: 'result' } });
  });

  it('ends as unknown, with its hash, when nobody knows of it before the deadline', async () => {
    for (const trouble of [dies, isSilent]) {
      await using test = await testBalancer();
      for (const node of test.nodes) trouble(node);
      const outcome = settled(test);
      await test.clock.advance(1_000);
      for (const node of test.nodes) void node.restart();
      await test.mine(1);
      await test.clock.advance(30_500);
      const error = (await outcome) as UnknownOutcomeError;
      expect(error).toBeInstanceOf(UnknownOutcomeError);
      expect(error).toMatchObject({ code: 'unknown outcome', hash: id });
      expect(error.message).toContain(`what became of ${id} is not known`);
      // Within the attempts of one call it was given to those that came back.
      expect(asked(test)).toBe(6);
    }
  });

  it('is given to those that come back, unless one of them has it', async () => {
    for (const takes of [false, true]) {
      await using test = await testBalancer();
      for (const node of test.nodes) dies(node, takes);
      const answer = test.balancer.request('send', [tx]);
      await test.clock.advance(3_000);
      for (const node of test.nodes) says(node, result(id));
      void test.nodes[1]?.restart();
      await test.clock.advance(8_000);
      expect(await answer).toBe(id);
      expect(asked(test)).toBe(takes ? 3 : 4);
      expect(test.balancer.snapshot().calls).toEqual({ running: 0, waiting: 0 });
    }
  });

  it('ends as unknown when a pool that does not take it is all that was heard', async () => {
    await using test = await testBalancer();
    const [a, ...others] = test.nodes;
    isSilent(a);
    for (const node of others) says(node, full);
    const outcome = settled(test);
    await test.clock.advance(31_000);
    expect(await outcome).toMatchObject({ code: 'unknown outcome', hash: id });
  });

  it('is accepted when the caller sends it again and it is known by then', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) isSilent(node);
    const first = settled(test);
    await test.clock.advance(31_000);
    expect(await first).toMatchObject({ code: 'unknown outcome' });
    for (const node of test.nodes) says(node, known);
    expect(await test.balancer.request('send', [tx])).toBe(id);
    // That much is known now, and to be told so again is no news.
    expect(await test.balancer.request('send', [tx])).toBe(id);
  });

  it('is accepted when it is known after a send of ours that was accepted', async () => {
    await using test = await testBalancer();
    expect(await test.balancer.request('send', [tx])).toBe(id);
    for (const node of test.nodes) says(node, known);
    expect(await test.balancer.request('send', [tx])).toBe(id);
    for (const node of test.nodes) says(node, invalid);
    expect((await test.balancer.forward(send)).reply).toEqual(invalid);
  });

  it('is not invalid, but unknown, when it may be in a block that nobody remembers', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) isSilent(node);
    const first = settled(test);
    await test.clock.advance(31_000);
    expect(await first).toMatchObject({ code: 'unknown outcome' });
    test.ledger.include(test.ledger.mineOn(test.ledger.head), tx);
    await test.mine(400);
    for (const node of test.nodes) says(node, invalid);
    const again = settled(test);
    await test.clock.advance(31_000);
    expect(await again).toMatchObject({ code: 'unknown outcome', hash: id });
  });

  it('is found in the blocks since the first time it was sent', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) isSilent(node);
    const first = settled(test);
    await test.clock.advance(15_000);
    await test.mine();
    await test.clock.advance(16_000);
    await first;
    test.ledger.include(test.ledger.mineOn(test.ledger.head), tx);
    await test.mine(2);
    for (const node of test.nodes) says(node, invalid);
    const again = test.balancer.request('send', [tx]);
    await test.clock.advance(100);
    expect(await again).toBe(id);
  });

  it('is sent to who comes back when the last one there did not so much as look at it', async () => {
    await using test = await testBalancer();
    const [a, b, c] = test.nodes as [FakeNode, FakeNode, FakeNode];
    for (const node of [b, c]) node.crash();
    await test.clock.advance(100);
    says(a, errorReply({ code: 429, message: 'too many requests' }));
    const answer = test.balancer.request('send', [tx]);
    await test.clock.advance(1_000);
    void b.restart();
    await test.clock.advance(2_000);
    expect(await answer).toBe(id);
    expect(asked(test)).toBe(2);
  });

  it('was not sent at all when nobody was there: that is told as it is', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) node.crash();
    const outcome = settled(test);
    await test.clock.advance(6_000);
    expect(await outcome).toMatchObject({ code: 'no eligible upstream' });
  });

  it('has an answer of its own when an upstream tells of a failure of its own', async () => {
    await using test = await testBalancer();
    for (const node of test.nodes) says(node, broken);
    const answer = test.balancer.forward(send);
    await test.clock.advance(20_000);
    expect((await answer).reply).toEqual(broken);
    for (const node of test.nodes) node.pool.add(tx);
    expect(await test.balancer.request('send', [tx])).toBe(id);
  });

  it('is left alone when the caller leaves, and when the engine is closed', async () => {
    const test = await testBalancer();
    for (const node of test.nodes) dies(node);
    const abort = new AbortController();
    const left = settled(test, [tx], { signal: abort.signal });
    const closed = settled(test, ['alice/4']);
    await test.clock.advance(100);
    abort.abort('enough');
    expect(await left).toMatchObject({ code: 'cancelled', cause: 'enough' });
    await test.balancer.close();
    expect(await closed).toMatchObject({ code: 'unknown outcome', hash: 'id of alice/4' });
    await test.clock.advance(0);
    expect(test.clock.pendingTimers).toBe(0);
  });
});

describe('a nonce that is read after a submission', () => {
  const next = (test: TestBalancer, session: object, account = 'alice') =>
    test.balancer.request('nonce', [account], session);
  const answers = (test: TestBalancer, value: unknown): void => {
    for (const node of test.nodes) node.handle('nonce', () => result(value));
  };

  it('counts what the session has submitted, in a row, and no other session', async () => {
    await using test = await testBalancer();
    answers(test, 3);
    const own = { session: test.balancer.session() };
    for (const each of ['alice/3', 'alice/4', 'alice/7', 'bob/3']) {
      await test.balancer.request('send', [each], own);
    }
    expect(await next(test, own)).toBe(5);
    expect(await next(test, own, 'bob')).toBe(4);
    expect(await next(test, own, 'carol')).toBe(3);
    expect(await next(test, { session: test.balancer.session() })).toBe(3);
    answers(test, '0x4');
    expect(await next(test, own)).toBe('0x5');
    answers(test, 6);
    expect(await next(test, own)).toBe(6);
  });

  it('counts for callers without a session what all of them have submitted', async () => {
    await using test = await testBalancer();
    answers(test, 3);
    for (const each of ['alice/3', 'bob/3']) await test.balancer.request('send', [each]);
    expect(await next(test, {})).toBe(4);
    expect(await next(test, { session: test.balancer.session() })).toBe(3);
    await test.balancer.request('send', ['alice/4']);
    expect(await next(test, {})).toBe(5);
    expect(await next(test, {}, 'bob')).toBe(4);
    await test.mine(10);
    await test.clock.advance(61_000);
    expect(await next(test, {})).toBe(3);
  });

  it('forgets the oldest of very many that nobody asked about', async () => {
    await using test = await testBalancer();
    answers(test, 0);
    for (let i = 0; i <= 1024; i += 1) await test.balancer.request('send', [`a${i}/0`]);
    expect(await next(test, {}, 'a0')).toBe(0);
    expect(await next(test, {}, 'a1024')).toBe(1);
  });

  it('does not go back when an upstream that lags is asked next', async () => {
    await using test = await testBalancer();
    answers(test, 3);
    const own = { session: test.balancer.session() };
    for (const each of ['alice/3', 'alice/4']) await test.balancer.request('send', [each], own);
    answers(test, 5);
    expect(await next(test, own)).toBe(5);
    answers(test, 4);
    expect(await next(test, own)).toBe(5);
    answers(test, 3);
    expect(await next(test, own)).toBe(5);
  });

  it('counts none that was rejected or ended as unknown', async () => {
    await using test = await testBalancer();
    answers(test, 3);
    const own = { session: test.balancer.session() };
    for (const node of test.nodes) says(node, rejected);
    await settled(test, [tx], own);
    expect(await next(test, own)).toBe(3);
    for (const node of test.nodes) isSilent(node);
    const outcome = settled(test, [tx], own);
    await test.clock.advance(31_000);
    expect(await outcome).toBeInstanceOf(UnknownOutcomeError);
    expect(await next(test, own)).toBe(3);
  });

  it('forgets one that no upstream counts after ten blocks and their time', async () => {
    await using test = await testBalancer();
    answers(test, 3);
    const own = { session: test.balancer.session() };
    await test.balancer.request('send', [tx], own);
    await test.mine(9);
    await test.clock.advance(61_000);
    expect(await next(test, own)).toBe(4);
    await test.mine(1);
    expect(await next(test, own)).toBe(3);
    await test.balancer.request('send', [tx], own);
    await test.mine(10);
    await test.clock.advance(59_000);
    expect(await next(test, own)).toBe(4);
    await test.clock.advance(2_000);
    expect(await next(test, own)).toBe(3);
  });

  it('counts those that come after one that was sent again as long as that', async () => {
    await using test = await testBalancer();
    answers(test, 3);
    const own = { session: test.balancer.session() };
    const send = (transaction: string) => test.balancer.request('send', [transaction], own);
    for (const each of [tx, 'alice/4', 'alice/5']) await send(each);
    await test.mine(10);
    await test.clock.advance(61_000);
    // It was lost.
    expect(await next(test, own)).toBe(3);
    for (const each of ['alice/4', 'alice/5', tx]) await send(each);
    await test.mine(8);
    await test.clock.advance(50_000);
    await send(tx);
    await test.mine(8);
    await test.clock.advance(50_000);
    expect(await next(test, own)).toBe(6);
  });
});
