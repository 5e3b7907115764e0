import { seededRandom } from '@dshackle/core/testing';
import { keccak256 } from 'ethers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BalancerRecord } from '../balancer-record.ts';
import { chaosRound } from '../chaos-round.ts';
import { commonFaults } from '../faults.ts';
import { ethReport } from './eth-chaos-report.ts';
import { deepestReorg, type EthStage, startEthStage } from './eth-stage.ts';

/**
 * Random faults on two of three Ethereum nodes at a time, one always healthy, and now and then a
 * reorganisation of one or two blocks of the whole chain, under four applications (ethers and viem,
 * over the server and with the engine inside) that read, follow heads and logs, and send transactions.
 * `DSHACKLE_CHAOS_MS=240000` makes it four minutes; `DSHACKLE_CHAOS_SEED` repeats a run.
 *
 * The tests are the promises of docs/architecture.md that this can disprove.
 */
const durationMs = Number(process.env.DSHACKLE_CHAOS_MS ?? 15_000);
/** It goes on until that many faults were begun, and both engines felt some, however slow the machine. */
const leastFaults = 6;
const seed = Number(process.env.DSHACKLE_CHAOS_SEED ?? Date.now() % 100_000);
/** Share of the rounds in which the chain reorganises. */
const reorgShare = 0.4;

/** For each application, of which there are four. */
const pace = { readEveryMs: 100, transferEveryMs: 500 };
/** For what is on its way. */
const patient = { timeout: 30_000 };

let stage: EthStage;
let records: readonly BalancerRecord[];
let firstBlock = 0;
const rounds: string[] = [];
/** Names of the faults that were begun. */
const suffered: string[] = [];

/** Blocks that were made while the applications ran. */
const produced = (): number => stage.devnet.blocks.length - firstBlock;

/** As for Polkadot; some rounds, the first one among them, begin with a reorganisation. */
async function round(random: () => number): Promise<string> {
  const { devnet } = stage;
  const depth =
    random() < reorgShare || rounds.length === 0 ? 1 + Math.floor(random() * deepestReorg) : 0;
  if (depth > 0) {
    // Anvil steps back before it goes on: meanwhile another node must have the old height.
    await stage.inRotation();
    await devnet.reorg(depth);
  }
  const { nodes } = devnet;
  const faulty = await chaosRound({ nodes, faults: commonFaults, stage, random, suffered });
  return depth > 0 ? `a reorg of ${depth}, ${faulty}` : faulty;
}

describe.sequential(`Ethereum in ${durationMs / 1000} s of chaos`, () => {
  beforeAll(async () => {
    console.log(`chaos seed ${seed}`);
    const random = seededRandom(seed);
    stage = await startEthStage(pace);
    firstBlock = stage.devnet.blocks.length;
    records = stage.balancers.map((balancer) => new BalancerRecord(balancer));
    const untilMs = Date.now() + durationMs;
    const isTame = (): boolean =>
      suffered.length < leastFaults || records.some(({ hasSuffered }) => !hasSuffered);
    while (Date.now() < untilMs || isTame()) {
      rounds.push(await round(random));
      if (durationMs >= 60_000)
        console.log(`block ${stage.devnet.blocks.length}: ${rounds.at(-1)}`);
    }
    await Promise.all(stage.witnesses.map((witness) => witness.settle()));
    console.log(ethReport({ seed, rounds, stage, records }));
  }, durationMs + 240_000);

  afterAll(() => stage?.[Symbol.asyncDispose](), 60_000);

  it('is chaos: nodes fail, attempts fail, upstreams come and go, the chain reorganises', () => {
    expect(new Set(suffered).size).toBeGreaterThan(2);
    expect(stage.devnet.retracted.length).toBeGreaterThan(0);
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
      expect(readHeights.flat().length, name).toBeGreaterThan(produced());
      for (const heights of readHeights) {
        expect(heights, name).toEqual([...heights].sort((a, b) => a - b));
      }
    }
  });

  it('promise 3, whole subscriptions: every head once, its parent before it', () => {
    const byHash = stage.witnesses.filter((_, i) => stage.clients[i]!.heights.length === 0);
    expect(byHash).toHaveLength(3);
    for (const { name, bestBlocks, repeatedBlocks, orphanedBlocks } of byHash) {
      expect({ name, repeatedBlocks, orphanedBlocks }).toEqual({
        name,
        repeatedBlocks: [],
        orphanedBlocks: [],
      });
      expect(bestBlocks, name).toBeGreaterThan(produced() / 2);
    }
    expect(records.flatMap(({ broken }) => broken)).toEqual([]);
  });

  it('promise 3, whole subscriptions: every height in order, and again only after a reorg', () => {
    const { heights } = stage.clients.find((client) => client.heights.length > 0)!;
    const steps = heights.slice(1).map((height, i) => height - heights[i]!);
    expect(steps.filter((step) => step > 1)).toEqual([]);
    expect(steps.filter((step) => step < 1).length).toBeLessThanOrEqual(records[1]!.reorgs);
    expect(heights.length).toBeGreaterThan(produced() / 2);
  });

  it('promise 3, whole subscriptions: the logs that stand are the logs of the chain', async () => {
    for (const { name, logs, hearsRemovedLogs } of stage.clients) {
      const stands = () => {
        const canonical = new Set(stage.devnet.blocks.map(({ hash }) => hash));
        return logs.standing(stage.since, hearsRemovedLogs ? undefined : canonical);
      };
      // No transactions come any more, so the logs of the chain are the same each time.
      await expect.poll(stands, patient).toEqual(await stage.canonicalLogs());
      // Who is not told of removals is told anew when a block that was taken back comes again.
      if (hearsRemovedLogs) expect({ name, broken: logs.broken }).toEqual({ name, broken: [] });
      expect(logs.standing(stage.since).length, name).toBeGreaterThan(produced() / 2);
    }
  }, 150_000);

  it('promise 4, truthful submission: every transaction is included once, as it was told', () => {
    const { blocks, retracted } = stage.devnet;
    const told = stage.witnesses.flatMap(({ name, transactions }) => {
      expect(transactions.length, name).toBeGreaterThan(produced() / 10);
      return transactions.map(({ hash, ends }) => ({ name, hash, ends }));
    });
    for (const { name, hash, ends } of told) {
      const about = `${name}, ${hash}, ${JSON.stringify(ends)}`;
      const holds = ({ transactions }: { readonly transactions: readonly string[] }): boolean =>
        transactions.some((each) => keccak256(each) === hash);
      expect(blocks.filter(holds), about).toHaveLength(1);
      const holders = [...blocks, ...retracted].filter(holds).map((block) => block.hash);
      expect(ends, about).toHaveLength(1);
      const [end] = ends;
      expect(end, about).toMatchObject({ type: 'included', succeeded: true });
      expect(holders, about).toContain(end?.type === 'included' && end.block);
    }
    expect(new Set(told.map(({ hash }) => hash)).size).toBe(told.length);
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
