import { describe, expect, it } from 'vitest';
import { summarised } from './failover.mjs';
import { failoverAims, failoverText } from './report-failover.mjs';

const reading = (times) => ({
  heldMs: [20],
  freshMs: 20,
  answerMs: 20,
  headLateMs: 2,
  failed: 0,
  ...times,
});
const result = (id, caller, readings) => ({
  id,
  caller,
  name: caller,
  ...summarised({ readings, calls: 9, failed: 0, unheard: 0, repeated: 0, lateMs: 1 }),
});

describe('the report of failover', () => {
  it('counts the last answer of those calls that a node held', () => {
    const { heldMs } = result('crash', 'server', [reading({ heldMs: [20, 70, 30] })]);
    expect(heldMs.p50).toBe(70);
  });

  it('meets its aims when all came in time', () => {
    const section = { results: [result('crash', 'server', [reading(), reading()])] };
    expect(failoverAims(section).map(({ met }) => met)).toEqual([true, true, true]);
  });

  it('misses the aim of what came too late, or not at all', () => {
    const late = result('crash', 'server', [reading({ freshMs: 51 })]);
    const never = result('hang', 'embedded', [reading({ heldMs: [20, null] })]);
    const missed = (each) => failoverAims({ results: [each] }).filter(({ met }) => !met);
    expect(missed(late).map(({ name }) => name)).toEqual([
      'crash to good answer, a fresh call, server',
    ]);
    expect(missed(never).map(({ name }) => name)).toEqual([
      'hang to good answer, the calls that it held, embedded',
    ]);
    expect(failoverText({ results: [never, late] })).toContain('– / – / –');
  });

  it('judges nobody else by the aims', () => {
    const section = { results: [result('crash', 'WsProvider', [reading({ freshMs: null })])] };
    expect(failoverAims(section)).toEqual([]);
  });
});
