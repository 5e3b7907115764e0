import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@dshackle/core/testing';
import { expect, it } from 'vitest';
import { faults } from './faults.ts';
import { type Stage, startStage } from './stage.ts';

/**
 * Random faults on two of three nodes at a time, one always healthy, under twenty calls a second
 * and two head subscriptions an application. `DSHACKLE_CHAOS_MS=600000` makes it ten minutes;
 * `DSHACKLE_CHAOS_SEED` repeats a run.
 */
const durationMs = Number(process.env.DSHACKLE_CHAOS_MS ?? 30_000);
const seed = Number(process.env.DSHACKLE_CHAOS_SEED ?? Date.now() % 100_000);

/** One round: a node stays healthy, each of the others gets a fault, or is spared. */
async function round(stage: Stage, random: () => number): Promise<string> {
  const { nodes } = stage.devnet;
  const pick = (count: number): number => Math.floor(random() * count);
  const healthy = pick(nodes.length);
  // What was broken a moment ago is not healthy before both balancers say so.
  await stage.inRotation([nodes[healthy]!.id]);
  const plan = nodes.flatMap((node, index) => {
    const fault = index === healthy ? undefined : faults[pick(faults.length + 2)];
    const delayMs = random() * 1000;
    return fault ? [{ node, proxy: stage.proxies[index]!, fault, delayMs }] : [];
  });
  const lengthMs = 1500 + random() * 2500;
  await Promise.all(
    plan.map(async ({ node, proxy, fault, delayMs }) => {
      await sleep(delayMs);
      await fault.begin(node, proxy);
      await sleep(lengthMs - delayMs);
      await fault.end(node, proxy);
    }),
  );
  return plan.map(({ node, fault }) => `${node.id} ${fault.name}`).join(', ') || 'peace';
}

it(
  `loses nothing in ${durationMs / 1000} s of chaos`,
  async () => {
    console.log(`chaos seed ${seed}`);
    const random = seededRandom(seed);
    await using stage = await startStage();
    const untilMs = Date.now() + durationMs;
    const rounds: string[] = [];
    while (Date.now() < untilMs) rounds.push(await round(stage, random));
    await stage.reach(stage.devnet.head.number + 1);

    const told = `seed ${seed}: ${rounds.join('; ')}`;
    for (const witness of stage.witnesses) {
      expect(witness.failures, told).toEqual([]);
      expect(witness.calls, told).toBeGreaterThan(0);
      expect(witness.finalized.received, told).toBeGreaterThan(1);
      expect(witness.finalized.gaps, told).toBe(0);
      expect(witness.finalized.duplicates, told).toBe(0);
      expect(witness.repeatedBlocks, told).toEqual([]);
      expect(witness.orphanedBlocks, told).toEqual([]);
      expect(witness.readHeights, told).toEqual([...witness.readHeights].sort((a, b) => a - b));
    }
    const [one] = stage.witnesses;
    console.log(
      `${rounds.length} rounds, ${one?.finalized.received} finalized blocks, ` +
        `${stage.witnesses.reduce((sum, { calls }) => sum + calls, 0)} calls`,
    );
  },
  durationMs + 240_000,
);
