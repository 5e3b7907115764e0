import type { EthBlockContent } from '@dshackle/devnet/ethereum';
import { keccak256 } from 'ethers';
import { expect, it } from 'vitest';
import type { BalancerRecord } from '../balancer-record.ts';
import type { EthStage } from './eth-stage.ts';

/** Applications that ran over a stage, and what its balancers went through meanwhile. */
export interface EthRun {
  readonly stage: EthStage;
  /** In the order of the stage's balancers. */
  readonly records: readonly BalancerRecord[];
  /** Blocks that were made while the applications ran. */
  readonly produced: number;
}

/** For what is on its way. */
const patient = { timeout: 30_000 };

/**
 * The promises of docs/architecture.md that such a run can disprove, a test each. The last one ends the
 * applications.
 */
export function itKeepsItsPromises(run: () => EthRun): void {
  it('promise 1, failover: no call failed, and no application was told of trouble', () =>
    expectNoFailedCall(run()));

  it('promise 2, monotonic reads: no answer spoke of an older block than one before', () =>
    expectMonotonicReads(run()));

  it('promise 3, whole subscriptions: every head once, its parent before it', () =>
    expectWholeHeads(run()));

  it('promise 3, whole subscriptions: every height in order, and again only after a reorg', () =>
    expectWholeHeights(run()));

  it(
    'promise 3, whole subscriptions: the logs that stand are the logs of the chain',
    () => expectTrueLogs(run()),
    150_000,
  );

  it('promise 4, truthful submission: every transaction is included once, as it was told', () =>
    expectTrueSubmissions(run()));

  it(
    'promise 6, right chain: every upstream is back in rotation by itself',
    () => expectAllInRotation(run()),
    90_000,
  );

  it(
    'promise 8, bounded: when the applications have left, nothing of theirs is held',
    () => expectNothingHeld(run()),
    60_000,
  );
}

/** Promise 1: no call failed, and no application was told of trouble. */
function expectNoFailedCall({ stage, produced }: EthRun): void {
  for (const { name, calls, failures, troubles } of stage.witnesses) {
    expect({ name, failures, troubles }).toEqual({ name, failures: [], troubles: [] });
    expect(calls, name).toBeGreaterThan(produced);
  }
}

/** Promise 2: no answer spoke of an older block than one before. */
function expectMonotonicReads({ stage, produced }: EthRun): void {
  for (const { name, readHeights } of stage.witnesses) {
    expect(readHeights.flat().length, name).toBeGreaterThan(produced);
    for (const heights of readHeights) {
      expect(heights, name).toEqual([...heights].sort((a, b) => a - b));
    }
  }
}

/** Promise 3: every head once, its parent before it. */
function expectWholeHeads({ stage, records, produced }: EthRun): void {
  const byHash = stage.witnesses.filter((_, i) => stage.clients[i]!.heights.length === 0);
  expect(byHash).toHaveLength(3);
  for (const { name, bestBlocks, repeatedBlocks, orphanedBlocks } of byHash) {
    expect({ name, repeatedBlocks, orphanedBlocks }).toEqual({
      name,
      repeatedBlocks: [],
      orphanedBlocks: [],
    });
    expect(bestBlocks, name).toBeGreaterThan(produced / 2);
  }
  expect(records.flatMap(({ broken }) => broken)).toEqual([]);
}

/** Promise 3: every height in order, and again only after a reorganisation. */
function expectWholeHeights({ stage, records, produced }: EthRun): void {
  const { heights } = stage.clients.find((client) => client.heights.length > 0)!;
  const steps = heights.slice(1).map((height, i) => height - heights[i]!);
  expect(steps.filter((step) => step > 1)).toEqual([]);
  expect(steps.filter((step) => step < 1).length).toBeLessThanOrEqual(records[1]!.reorgs);
  expect(heights.length).toBeGreaterThan(produced / 2);
}

/** Promise 3: the logs that stand are the logs of the chain. No transactions may come any more. */
async function expectTrueLogs({ stage, produced }: EthRun): Promise<void> {
  for (const { name, logs, hearsRemovedLogs } of stage.clients) {
    const stands = () => {
      const canonical = new Set(stage.devnet.blocks.map(({ hash }) => hash));
      return logs.standing(stage.since, hearsRemovedLogs ? undefined : canonical);
    };
    await expect.poll(stands, patient).toEqual(await stage.canonicalLogs());
    // Who is not told of removals is told anew when a block that was taken back comes again.
    if (hearsRemovedLogs) expect({ name, broken: logs.broken }).toEqual({ name, broken: [] });
    expect(logs.standing(stage.since).length, name).toBeGreaterThan(produced / 2);
  }
}

/** Promise 4: every transaction is included once, as it was told. */
function expectTrueSubmissions({ stage, produced }: EthRun): void {
  const { blocks, retracted, strays } = stage.devnet;
  const told = stage.witnesses.flatMap(({ name, transactions }) => {
    expect(transactions.length, name).toBeGreaterThan(produced / 10);
    return transactions.map(({ hash, ends }) => ({ name, hash, ends }));
  });
  const canonical = holdersOf(blocks);
  const others = holdersOf([...retracted, ...strays]);
  for (const { name, hash, ends } of told) {
    const about = `${name}, ${hash}, ${JSON.stringify(ends)}`;
    expect(canonical.get(hash), about).toHaveLength(1);
    const holders = [...(canonical.get(hash) ?? []), ...(others.get(hash) ?? [])];
    expect(ends, about).toHaveLength(1);
    const [end] = ends;
    expect(end, about).toMatchObject({ type: 'included', succeeded: true });
    expect(holders, about).toContain(end?.type === 'included' && end.block);
  }
  expect(new Set(told.map(({ hash }) => hash)).size).toBe(told.length);
}

/** The hashes of the blocks that hold each transaction, by its hash. */
function holdersOf(blocks: readonly EthBlockContent[]): ReadonlyMap<string, readonly string[]> {
  const holders = new Map<string, string[]>();
  for (const { hash, transactions } of blocks) {
    for (const transaction of transactions) {
      const id = keccak256(transaction);
      holders.set(id, [...(holders.get(id) ?? []), hash]);
    }
  }
  return holders;
}

/** Promise 6: every upstream is back in rotation by itself. */
async function expectAllInRotation({ stage }: EthRun): Promise<void> {
  await stage.inRotation();
  for (const balancer of stage.balancers) {
    const reasons = balancer.snapshot().upstreams.map(({ reason }) => reason);
    expect(reasons).toEqual([undefined, undefined, undefined]);
  }
}

/** Promise 8: when the applications have left, nothing of theirs is held. */
async function expectNothingHeld({ stage }: EthRun): Promise<void> {
  await Promise.all(stage.witnesses.map((witness) => witness.stop()));
  const held = () =>
    stage.balancers.map((balancer) => {
      const { calls, subscriptions } = balancer.snapshot();
      return { ...calls, subscriptions };
    });
  const nothing = { running: 0, waiting: 0, subscriptions: 0 };
  await expect.poll(held, patient).toEqual([nothing, nothing]);
}
