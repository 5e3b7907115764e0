import { describe, expect, it } from 'vitest';
import type { BlockIndex } from '../chain/block-index.ts';
import { FakeClock, FakeLedger, FakeNode, fakeChain, seededRandom } from '../testing/index.ts';
import { Upstream, type UpstreamOptions } from '../upstream/upstream.ts';
import {
  type EligibilityContext,
  type Ineligibility,
  ineligibility,
  isSoft,
} from './eligibility.ts';

const unknown: BlockIndex = {
  numberOf: () => undefined,
  isAncestor: () => false,
  isFinal: () => false,
};

/** An upstream that may answer, and the context in which it may. */
async function good(options: Omit<UpstreamOptions, 'transport'> = {}, canSubscribe = true) {
  const clock = new FakeClock(1000);
  const node = new FakeNode('a', new FakeLedger(), { canSubscribe });
  const upstream = new Upstream('a', node.upstream(options), {
    chain: fakeChain(),
    clock,
    random: seededRandom(1),
    breaker: { consecutiveFailures: 1 },
    probeTimeoutMs: 5000,
    coolDownMs: 5000,
    reserved: new Set(),
    onOutcome: () => {},
    onIdentified: () => {},
  });
  upstream.start();
  await clock.advance(0);
  upstream.state.health = { status: 'healthy' };
  upstream.state.best = { number: 10, hash: '0x10' };
  const context: { -readonly [Key in keyof EligibilityContext]: EligibilityContext[Key] } = {
    index: unknown,
    isEjected: () => false,
    isLagging: () => false,
    now: clock.now(),
  };
  return { context, node, upstream };
}

type Good = Awaited<ReturnType<typeof good>>;

describe('ineligibility', () => {
  const cases: [Ineligibility, (test: Good) => unknown][] = [
    ['draining', ({ upstream }) => (upstream.state.draining = true)],
    ['disconnected', ({ node }) => node.crash()],
    ['not probed yet', ({ upstream }) => (upstream.state.health = undefined)],
    ['head not known yet', ({ upstream }) => (upstream.state.best = undefined)],
    ['forked', ({ upstream }) => (upstream.state.forked = true)],
    ['unhealthy', ({ upstream }) => (upstream.state.health = { status: 'unhealthy' })],
    ['lagging', ({ context }) => (context.isLagging = () => true)],
    ['cooling down', ({ upstream }) => (upstream.state.coolDownUntilMs = 1001)],
    ['ejected', ({ context }) => (context.isEjected = () => true)],
    ['circuit open', ({ upstream }) => upstream.breaker.failure(upstream.breaker.tryAcquire())],
  ];

  it('finds nothing against an upstream that is well, nor against one that is degraded', async () => {
    const { context, upstream } = await good();
    expect(ineligibility(upstream, { seen: -1 }, context)).toBeUndefined();
    upstream.state.health = { status: 'degraded' };
    upstream.state.coolDownUntilMs = 1000;
    expect(ineligibility(upstream, { seen: 10, height: 10 }, context)).toBeUndefined();
  });

  it.each(cases)('says %s', async (reason, spoil) => {
    const test = await good();
    spoil(test);
    expect(ineligibility(test.upstream, { seen: -1 }, test.context)).toBe(reason);
  });

  it.each([
    ['behind the session', { seen: 11 }],
    ['lacks the block', { seen: -1, height: 11 }],
    ['lacks the method', { seen: -1, method: 'gone' }],
    ['labels do not match', { seen: -1, labels: { region: 'eu', archive: 'yes' } }],
  ] as const)('says %s for a call that asks for more', async (reason, need) => {
    const { context, upstream } = await good({
      labels: { region: 'eu' },
      methods: { disabled: ['gone'] },
    });
    expect(ineligibility(upstream, need, context)).toBe(reason);
    expect(
      ineligibility(upstream, { seen: 10, labels: { region: 'eu' } }, context),
    ).toBeUndefined();
  });

  it('says what no waiting changes even of an upstream that is down', async () => {
    const { context, node, upstream } = await good({ methods: { disabled: ['gone'] } });
    node.crash();
    expect(ineligibility(upstream, { seen: -1, method: 'gone' }, context)).toBe('lacks the method');
    expect(ineligibility(upstream, { seen: -1, labels: { region: 'eu' } }, context)).toBe(
      'labels do not match',
    );
    expect(ineligibility(upstream, { seen: -1, method: 'any' }, context)).toBe('disconnected');
  });

  it('says which upstream cannot subscribe, for subscriptions only', async () => {
    const { context, upstream } = await good({}, false);
    expect(ineligibility(upstream, { seen: -1, subscribe: true }, context)).toBe(
      'cannot subscribe',
    );
    expect(ineligibility(upstream, { seen: -1 }, context)).toBeUndefined();
  });

  it('goes by the list of methods as it was corrected', async () => {
    const { context, upstream } = await good({
      methods: { enabled: ['hidden'], disabled: ['broken'] },
    });
    const may = (method: string): boolean =>
      ineligibility(upstream, { seen: -1, method }, context) === undefined;
    expect([may('any'), may('hidden'), may('broken')]).toEqual([true, true, false]);
    upstream.state.methods = new Set(['listed', 'broken']);
    expect(['listed', 'hidden', 'broken', 'any'].map(may)).toEqual([true, true, false, false]);
  });

  it('lets an upstream answer for a block unless it surely lacks it', async () => {
    const { context, upstream } = await good();
    const may = (): boolean =>
      ineligibility(upstream, { seen: -1, hash: '0xb' }, context) === undefined;
    expect(may()).toBe(true);
    context.index = { ...unknown, numberOf: () => 9 };
    expect(may()).toBe(false);
    context.index = { ...unknown, numberOf: () => 9, isAncestor: () => true };
    expect(may()).toBe(true);
    context.index = { ...unknown, numberOf: () => 11, isFinal: () => true };
    expect(may()).toBe(false);
    upstream.state.announce('0xb');
    expect(may()).toBe(true);
  });

  it('keeps a call for an old block from whoever has surely pruned it', async () => {
    const { context, upstream } = await good();
    const need = { seen: -1, data: 'state', oldest: 3 } as const;
    const against = (more: object = {}) => ineligibility(upstream, { ...need, ...more }, context);
    expect(against()).toBeUndefined();
    upstream.state.lowerBounds.state.settle(4, 10);
    expect(against()).toBe('pruned');
    expect(against({ oldest: 4 })).toBeUndefined();
    expect(against({ data: 'block' })).toBeUndefined();
    // Where the block is only thought to be that old it may be asked.
    expect(against({ isGuess: true })).toBeUndefined();
    expect(against({ oldest: undefined })).toBeUndefined();
    // What is kept is counted from the finalized head, where one is known.
    upstream.state.finalized = { number: 12, hash: '0x12' };
    expect(against({ oldest: 5 })).toBe('pruned');
  });

  it('takes only judgements of quality for soft', () => {
    expect(cases.map(([reason]) => reason).filter(isSoft)).toEqual(['ejected', 'circuit open']);
  });
});
