import { describe, expect, it } from 'vitest';
import { FakeClock, FakeLedger, FakeNode, fakeChain, seededRandom } from '../testing/index.ts';
import type { Role } from '../upstream/role.ts';
import { Upstream } from '../upstream/upstream.ts';
import type { EligibilityContext } from './eligibility.ts';
import { type Selection, select } from './select.ts';

/** Upstreams that may answer, named by their roles; the first of a tier is always picked. */
async function pool(...roles: readonly Role[]) {
  const clock = new FakeClock();
  const ejected = new Set<string>();
  const upstreams = roles.map((role, i) => {
    const id = `${role} ${i}`;
    const made = new Upstream(id, new FakeNode(id, new FakeLedger()).upstream({ id, role }), {
      chain: fakeChain(),
      clock,
      random: seededRandom(1),
      probeTimeoutMs: 5000,
      coolDownMs: 5000,
      reserved: new Set(),
      onOutcome: () => {},
      onIdentified: () => {},
    });
    made.start();
    made.state.health = { status: 'healthy' };
    made.state.best = { number: 10, hash: '0x10' };
    return made;
  });
  await clock.advance(0);
  const context: EligibilityContext = {
    index: { numberOf: () => undefined, isAncestor: () => false, isFinal: () => false },
    isEjected: (id) => ejected.has(id),
    isLagging: () => false,
    now: 0,
  };
  const picked: string[][] = [];
  return {
    ejected,
    upstreams,
    picked,
    choose(tried: readonly string[] = [], panicThreshold = 0.3, blocks?: number): Selection {
      const selector = {
        pick: <T extends { id: string }>(from: readonly T[]): T => {
          picked.push(from.map(({ id }) => id));
          return from[0] as T;
        },
      };
      return select(upstreams, { seen: -1, blocks }, context, {
        selector: selector as never,
        panicThreshold,
        tried: new Set(tried),
      });
    },
  };
}

const chosen = (selection: Selection): string | undefined =>
  selection.kind === 'chosen' ? selection.upstream.id : undefined;

describe('select', () => {
  it('sets aside who takes fewer blocks in a call, as long as somebody takes them', async () => {
    const test = await pool('primary', 'primary', 'fallback');
    const [first, second] = test.upstreams as [Upstream, Upstream];
    first.state.widestRange = 10;
    const by = (blocks: number | undefined, tried: string[] = []) =>
      chosen(test.choose(tried, 0.3, blocks));
    expect([by(undefined), by(10), by(11)]).toEqual(['primary 0', 'primary 0', 'primary 1']);
    expect(by(11, ['primary 1'])).toBe('fallback 2');
    // A refusal is an answer, too.
    expect(by(11, ['primary 1', 'fallback 2'])).toBe('primary 0');
    second.state.widestRange = 10;
    expect(by(11)).toBe('fallback 2');
  });

  it('keeps to the first role that has anybody, wherever it stands in the list', async () => {
    const test = await pool('fallback', 'primary', 'secondary', 'primary');
    test.choose();
    test.choose(['primary 1']);
    test.choose(['primary 1', 'primary 3']);
    test.choose(['primary 1', 'primary 3', 'secondary 2']);
    expect(test.picked).toEqual([
      ['primary 1', 'primary 3'],
      ['primary 3'],
      ['secondary 2'],
      ['fallback 0'],
    ]);
  });

  it('says of each upstream why it may not answer', async () => {
    const test = await pool('primary', 'primary');
    (test.upstreams[0] as Upstream).state.draining = true;
    const selection = test.choose(['primary 1']);
    expect(selection.kind === 'none' && Object.fromEntries(selection.reasons)).toEqual({
      'primary 0': 'draining',
      'primary 1': 'already tried',
    });
  });

  it('takes back who is in doubt when too few are left, and says so', async () => {
    const test = await pool('primary', 'primary', 'primary', 'primary');
    for (const i of [0, 1]) test.ejected.add(`primary ${i}`);
    expect(test.choose()).toMatchObject({ panic: false });
    test.ejected.add('primary 2');
    expect(test.choose()).toMatchObject({ panic: true });
    expect(test.picked).toEqual([
      ['primary 2', 'primary 3'],
      ['primary 3', 'primary 0', 'primary 1', 'primary 2'],
    ]);
  });

  it('takes nobody back who could not answer anyway', async () => {
    const test = await pool('primary', 'primary');
    for (const upstream of test.upstreams) upstream.state.forked = true;
    expect(test.choose().kind).toBe('none');
  });

  it('does not panic because this call has tried those that are well', async () => {
    const test = await pool('primary', 'primary', 'primary');
    test.ejected.add('primary 2');
    expect(chosen(test.choose(['primary 0', 'primary 1']))).toBeUndefined();
    // In a true panic they are all there is.
    test.ejected.add('primary 1');
    expect(chosen(test.choose(['primary 0'], 0.5))).toBe('primary 1');
  });

  it('lets a good upstream of a lower role serve before it takes back broken ones of a better', async () => {
    const test = await pool('primary', 'primary', 'primary', 'primary', 'fallback');
    for (const i of [0, 1, 2, 3]) test.ejected.add(`primary ${i}`);
    expect(test.choose()).toMatchObject({ panic: false });
    expect(test.picked).toEqual([['fallback 4']]);
    // Also when the fallback was tried already: it is well, so this is no outage.
    expect(test.choose(['fallback 4']).kind).toBe('none');
    test.ejected.add('fallback 4');
    expect(chosen(test.choose())).toBe('primary 0');
  });

  it('does not call the doubtful of a role back while another role is well', async () => {
    const test = await pool('primary', 'primary', 'primary', 'primary', 'secondary');
    for (const i of [0, 1, 2]) test.ejected.add(`primary ${i}`);
    expect(test.choose()).toMatchObject({ panic: false });
    expect(test.picked).toEqual([['primary 3']]);
  });

  it('keeps degraded upstreams in reserve', async () => {
    const test = await pool('primary', 'primary', 'secondary');
    const [first, second] = test.upstreams as [Upstream, Upstream];
    first.state.health = { status: 'degraded', reason: 'few peers' };
    test.choose();
    second.state.health = { status: 'degraded' };
    test.choose();
    expect(test.picked).toEqual([['primary 1'], ['primary 0', 'primary 1']]);
  });
});
