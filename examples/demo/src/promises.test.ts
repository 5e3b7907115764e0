import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faults } from './faults.ts';
import { type Stage, startStage } from './stage.ts';

/**
 * The promises of docs/architecture.md by name, on real nodes behind paths that break, with real
 * clients that never stop: what holds here holds while everything around it fails.
 */
const blocksPerFault = 2;

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
}, 120_000);

afterAll(() => stage?.[Symbol.asyncDispose](), 60_000);

describe.sequential('while one node after the other fails', () => {
  for (const [index, fault] of faults.entries()) {
    it(`blocks go on arriving under ${fault.name}`, async () => {
      const { devnet, proxies } = stage;
      const node = devnet.nodes[index % 3]!;
      const proxy = proxies[index % 3]!;
      await fault.begin(node, proxy);
      await stage.reach(devnet.head.number + blocksPerFault);
      await fault.end(node, proxy);
    }, 60_000);
  }

  it('promise 6, right chain: every upstream is back in rotation by itself', async () => {
    await stage.inRotation();
    const reasons = stage.balancers[0].snapshot().upstreams.map(({ reason }) => reason);
    expect(reasons).toEqual([undefined, undefined, undefined]);
  }, 90_000);

  it('promise 1, failover: no call failed', () => {
    for (const { calls, failures } of stage.witnesses) {
      expect(failures).toEqual([]);
      expect(calls).toBeGreaterThan(100);
    }
  });

  it('promise 2, monotonic reads: no answer spoke of an older block than one before', () => {
    for (const { readHeights } of stage.witnesses) {
      for (const heights of readHeights) {
        expect(heights).toEqual([...heights].sort((a, b) => a - b));
      }
    }
  });

  it('promise 3, whole subscriptions: every finalized block once and in order', () => {
    for (const { finalized } of stage.witnesses) {
      expect(finalized.received).toBeGreaterThan(faults.length * blocksPerFault);
      expect(finalized.gaps).toBe(0);
      expect(finalized.duplicates).toBe(0);
    }
  });

  it('promise 3, whole subscriptions: every best block once, its parent before it', () => {
    for (const witness of stage.witnesses) {
      expect(witness.repeatedBlocks).toEqual([]);
      expect(witness.orphanedBlocks).toEqual([]);
    }
  });

  it('promise 10, explainable: an answer names the upstream and the attempts', async () => {
    const { devnet, balancers } = stage;
    const answer = await balancers[0].forward({ method: 'system_name', params: '[]' });
    expect(devnet.nodes.map(({ id }) => id)).toContain(answer.upstream);
    expect(answer.attempts.at(-1)).toMatchObject({
      upstream: answer.upstream,
      outcome: 'answered',
    });
  });
});
