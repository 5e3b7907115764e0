import { seededRandom } from '@dshackle/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allClients } from './all-clients.ts';
import { BalancerRecord } from './balancer-record.ts';
import { report } from './chaos-report.ts';
import { chaosRound } from './chaos-round.ts';
import { faults } from './faults.ts';
import { type Stage, startStage } from './stage.ts';

/**
 * Random faults on two of three nodes at a time, one always healthy, under twenty calls a second
 * and two head subscriptions of each of six applications (polkadot-js, polkadot-api and dedot, over
 * the server and with the engine inside), which also send signed transfers and watch them.
 * `DSHACKLE_CHAOS_MS=600000` makes it ten minutes; `DSHACKLE_CHAOS_SEED` repeats a run.
 *
 * The tests are the promises of docs/architecture.md that this can disprove. Where the others are
 * tested stands in docs/polkadot.md.
 */
const durationMs = Number(process.env.DSHACKLE_CHAOS_MS ?? 20_000);
/** It goes on until that many faults were begun, and both engines felt some, however slow the machine. */
const leastFaults = 8;
const seed = Number(process.env.DSHACKLE_CHAOS_SEED ?? Date.now() % 100_000);

/** For each application; together they are twenty calls a second, and transfers as fast as they end. */
const pace = { readEveryMs: 300, transferEveryMs: 1000 };

let stage: Stage;
let records: readonly BalancerRecord[];
let firstBlock = 0;
const rounds: string[] = [];
/** Names of the faults that were begun. */
const suffered: string[] = [];

/** Blocks that were made while the applications ran. */
const produced = (): number => stage.devnet.head.number - firstBlock;

describe.sequential(`in ${durationMs / 1000} s of chaos`, () => {
  beforeAll(async () => {
    console.log(`chaos seed ${seed}`);
    const random = seededRandom(seed);
    stage = await startStage(allClients, pace);
    firstBlock = stage.devnet.head.number;
    records = stage.balancers.map((balancer) => new BalancerRecord(balancer));
    const untilMs = Date.now() + durationMs;
    const isTame = (): boolean =>
      suffered.length < leastFaults || records.some(({ hasSuffered }) => !hasSuffered);
    while (Date.now() < untilMs || isTame()) {
      rounds.push(await chaosRound({ nodes: stage.devnet.nodes, faults, stage, random, suffered }));
      if (durationMs > 60_000) console.log(`block ${stage.devnet.head.number}: ${rounds.at(-1)}`);
    }
    await Promise.all(stage.witnesses.map((witness) => witness.settle()));
    await stage.reach(stage.devnet.head.number + 1);
    console.log(report({ seed, rounds, stage, records }));
  }, durationMs + 240_000);

  afterAll(() => stage?.[Symbol.asyncDispose](), 60_000);

  it('is chaos: nodes fail, attempts fail, upstreams come and go', () => {
    expect(new Set(suffered).size).toBeGreaterThan(2);
    for (const { attempts, failed, departures } of records) {
      expect(attempts).toBeGreaterThan(100);
      expect(failed).toBeGreaterThan(0);
      expect(departures).toBeGreaterThan(0);
    }
  });

  it('promise 1, failover: no call failed, and no application was told of trouble', () => {
    for (const { name, calls, failures, troubles } of stage.witnesses) {
      expect({ name, failures, troubles }).toEqual({ name, failures: [], troubles: [] });
      expect(calls, name).toBeGreaterThan(produced());
    }
  });

  it('promise 2, monotonic reads: no answer spoke of an older block than one before', () => {
    for (const { name, readHeights } of stage.witnesses) {
      expect(readHeights.flat().length, name).toBeGreaterThan(produced() / 4);
      for (const heights of readHeights) {
        expect(heights, name).toEqual([...heights].sort((a, b) => a - b));
      }
    }
  });

  it('promise 3, whole subscriptions: every finalized block once, in order, and the true one', () => {
    for (const { name, finalized, finalizedHashes } of stage.witnesses) {
      const { gaps, duplicates, wentBack } = finalized;
      expect({ name, gaps, duplicates, wentBack }).toEqual({
        name,
        gaps: 0,
        duplicates: 0,
        wentBack: 0,
      });
      expect(finalized.received, name).toBeGreaterThan(produced() - 5);
      for (const [height, hash] of finalizedHashes) {
        expect(hash, `${name}, ${height}`).toBe(stage.canonical.at(height) ?? hash);
      }
    }
    expect(records.flatMap(({ broken }) => broken)).toEqual([]);
  });

  it('promise 3, whole subscriptions: every best block once, its parent before it', () => {
    for (const { name, bestBlocks, repeatedBlocks, orphanedBlocks } of stage.witnesses) {
      expect({ name, repeatedBlocks, orphanedBlocks }).toEqual({
        name,
        repeatedBlocks: [],
        orphanedBlocks: [],
      });
      expect(bestBlocks, name).toBeGreaterThan(produced() / 2);
    }
  });

  it('promise 4, truthful submission: every watched transaction ends once, and as it was told', () => {
    const told = stage.witnesses.flatMap(({ name, transactions }) => {
      const finalized = transactions.filter(({ ends }) => ends[0]?.type === 'finalized');
      expect(finalized.length, name).toBeGreaterThan(produced() / 30);
      return transactions.map(({ hash, ends }) => ({ name, hash, ends }));
    });
    for (const { name, hash, ends } of told) {
      const blocks = stage.canonical.holding(hash);
      const about = `${name}, ${hash}, ${JSON.stringify(ends)}`;
      expect(hash, about).toMatch(/^0x[0-9a-f]{64}$/);
      expect(ends, about).toHaveLength(1);
      expect(blocks.length, about).toBeLessThan(2);
      if (ends[0]?.type === 'finalized') {
        expect(ends, about).toEqual([{ type: 'finalized', block: blocks[0], succeeded: true }]);
      }
    }
    expect(new Set(told.map(({ hash }) => hash)).size).toBe(told.length);
    // A node was healthy all the time: nothing is lost, and nothing need stay unknown.
    expect(told.filter(({ ends }) => ends[0]?.type !== 'finalized')).toEqual([]);
  });

  it('promise 6, right chain: every upstream is back in rotation by itself', async () => {
    await stage.inRotation();
    for (const balancer of stage.balancers) {
      const reasons = balancer.snapshot().upstreams.map(({ reason }) => reason);
      expect(reasons).toEqual([undefined, undefined, undefined]);
    }
  }, 90_000);

  it('promise 8, bounded: when the applications have left, nothing of theirs is held', async () => {
    await Promise.all(stage.witnesses.map((witness) => witness.stop()));
    const held = () =>
      stage.balancers.map((balancer) => {
        const { calls, subscriptions } = balancer.snapshot();
        return { ...calls, subscriptions };
      });
    const nothing = { running: 0, waiting: 0, subscriptions: 0 };
    await expect.poll(held, { timeout: 30_000 }).toEqual([nothing, nothing]);
  }, 60_000);
});
