import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BalancerRecord } from '../balancer-record.ts';
import { commonFaults } from '../faults.ts';
import { type EthRun, itKeepsItsPromises } from './eth-promises.ts';
import { deepestReorg, type EthStage, startEthStage } from './eth-stage.ts';

/**
 * The promises of docs/architecture.md by name, as for Polkadot: under each fault in turn, and while it
 * lasts the chain reorganises.
 */
const pace = { readEveryMs: 50, transferEveryMs: 500 };

let stage: EthStage;
let records: readonly BalancerRecord[];
let firstBlock = 0;

const run = (): EthRun => ({
  stage,
  records,
  produced: stage.devnet.blocks.length - firstBlock,
});

beforeAll(async () => {
  stage = await startEthStage(pace);
  firstBlock = stage.devnet.blocks.length;
  records = stage.balancers.map((balancer) => new BalancerRecord(balancer));
}, 120_000);

afterAll(() => stage?.[Symbol.asyncDispose](), 60_000);

/** Resolves when the chain is that much longer. */
async function grow(blocks: number): Promise<void> {
  const height = stage.devnet.blocks.length + blocks;
  while (stage.devnet.blocks.length < height) await sleep(20);
}

describe.sequential('Ethereum while one node after the other fails', () => {
  for (const [index, fault] of commonFaults.entries()) {
    const depth = 1 + (index % deepestReorg);
    it(`blocks go on arriving under ${fault.name} and a reorg of ${depth}`, async () => {
      const { devnet, proxies } = stage;
      const node = devnet.nodes[index % 3]!;
      const proxy = proxies[index % 3]!;
      // Those that stay hold the chain together while it reorganises.
      await stage.inRotation(devnet.nodes.filter((each) => each !== node).map(({ id }) => id));
      await fault.begin(node, proxy);
      await devnet.reorg(depth);
      await grow(2);
      await fault.end(node, proxy);
    }, 60_000);
  }

  it('is no quiet time: attempts fail, upstreams leave, the chain reorganises', async () => {
    await Promise.all(stage.witnesses.map((witness) => witness.settle()));
    expect(stage.devnet.retracted.length).toBeGreaterThan(commonFaults.length);
    for (const { failed, departures, reorgs } of records) {
      expect(failed).toBeGreaterThan(0);
      expect(departures).toBeGreaterThan(0);
      expect(reorgs).toBeGreaterThan(commonFaults.length / 2);
    }
  }, 60_000);

  itKeepsItsPromises(run);
});
