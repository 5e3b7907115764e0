import { seededRandom } from '@dshackle/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BalancerRecord } from '../balancer-record.ts';
import { chaosRound } from '../chaos-round.ts';
import { commonFaults } from '../faults.ts';
import { ethReport } from './eth-chaos-report.ts';
import { type EthRun, itKeepsItsPromises } from './eth-promises.ts';
import { deepestReorg, type EthStage, startEthStage } from './eth-stage.ts';

/**
 * Random faults on two of three Ethereum nodes at a time, one always healthy, and now and then, under a
 * fault of one, a reorganisation of one or two blocks of the whole chain; over it four applications (ethers and viem,
 * over the server and with the engine inside) that read, follow heads and logs, and send transactions.
 * `DSHACKLE_CHAOS_MS=600000` makes it ten minutes; `DSHACKLE_CHAOS_SEED` repeats a run.
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
let stage: EthStage;
let records: readonly BalancerRecord[];
let firstBlock = 0;
const rounds: string[] = [];
/** Names of the faults that were begun. */
const suffered: string[] = [];

const run = (): EthRun => ({
  stage,
  records,
  produced: stage.devnet.blocks.length - firstBlock,
});

/** As for Polkadot; in the middle of some rounds, the first one among them, the chain reorganises. */
async function round(random: () => number): Promise<string> {
  const { devnet } = stage;
  const depth =
    random() < reorgShare || rounds.length === 0 ? 1 + Math.floor(random() * deepestReorg) : 0;
  const { nodes } = devnet;
  const faulty = await chaosRound({
    ...{ nodes, faults: commonFaults, stage, random, suffered },
    // Anvil steps back before it goes on: meanwhile another node must have the old height.
    ...(depth > 0 && { healthy: 2, meanwhile: () => devnet.reorg(depth) }),
  });
  return depth > 0 ? `a reorg of ${depth} under ${faulty}` : faulty;
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

  itKeepsItsPromises(run);
});
