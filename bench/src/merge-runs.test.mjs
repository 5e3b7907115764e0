import { describe, expect, it } from 'vitest';
import { mergeRuns } from './merge-runs.mjs';

const order = ['http', 'ws', 'provider'];
const machine = (date) => ({ date, loadBefore: 0.5 });
const run = (date, rest) => ({
  machine: machine(date),
  rounds: 5,
  seconds: 3,
  warmUpSeconds: 3,
  names: {},
  results: [],
  providerResults: [],
  ...rest,
});

describe('mergeRuns', () => {
  it('keeps what was not run again, and the machine that it was run on', () => {
    const before = run('before', {
      names: { nginx: 'nginx' },
      results: [{ id: 'http', samples: {} }],
      providerResults: [{ id: 'provider', samples: {} }],
      follows: { rounds: 3 },
    });
    const merged = mergeRuns(before, run('now', { failover: { results: [] } }), order);
    expect(merged).toEqual({
      ...before,
      failover: { results: [], measured: { date: 'now', loadBefore: 0.5 } },
    });
  });

  it('replaces a load that was run again, in its place, and says when and how', () => {
    const before = run('before', {
      results: [
        { id: 'http', old: true },
        { id: 'ws', old: true },
      ],
    });
    const merged = mergeRuns(before, run('now', { rounds: 2, results: [{ id: 'http' }] }), order);
    expect(merged.results).toEqual([
      { id: 'http', measured: { date: 'now', loadBefore: 0.5, rounds: 2, seconds: 3 } },
      { id: 'ws', old: true },
    ]);
    expect(merged.rounds).toBe(5);
  });

  it('replaces a section that was run again', () => {
    const before = run('before', { follows: { rounds: 3 } });
    const merged = mergeRuns(before, run('now', { follows: { rounds: 1 } }), order);
    expect(merged.follows).toEqual({ rounds: 1, measured: { date: 'now', loadBefore: 0.5 } });
  });
});
