import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy } from '@dshackle/devnet';
import type { BreakableNode, Fault } from './faults.ts';

/** What a round is made of. */
export interface ChaosRoundOptions<Node extends BreakableNode> {
  readonly nodes: readonly Node[];
  readonly faults: readonly Fault<Node>[];
  readonly stage: {
    /** The way to each node, in the order of the nodes. */
    readonly proxies: readonly FaultProxy[];
    inRotation(ids: readonly string[]): Promise<void>;
  };
  readonly random: () => number;
  /** Gets the name of each fault that is begun. */
  readonly suffered: string[];
  /** How many nodes stay healthy. @default 1 */
  readonly healthy?: number;
  /** Done in the middle of it. @default nothing */
  readonly meanwhile?: () => Promise<void>;
}

/** One round: so many nodes stay healthy, each of the others gets a fault, or is spared. */
export async function chaosRound<Node extends BreakableNode>({
  nodes,
  faults,
  stage,
  random,
  suffered,
  healthy: spared = 1,
  meanwhile,
}: ChaosRoundOptions<Node>): Promise<string> {
  const pick = (count: number): number => Math.floor(random() * count);
  const first = pick(nodes.length);
  const healthy = nodes.map((_, i) => (first + i) % nodes.length).slice(0, spared);
  // What was broken a moment ago is not healthy before both balancers say so.
  await stage.inRotation(healthy.map((index) => nodes[index]!.id));
  const plan = nodes.flatMap((node, index) => {
    const fault = healthy.includes(index) ? undefined : faults[pick(faults.length + 2)];
    const delayMs = random() * 1000;
    return fault ? [{ node, proxy: stage.proxies[index]!, fault, delayMs }] : [];
  });
  const lengthMs = 1500 + random() * 2500;
  const middle = sleep(lengthMs / 2).then(meanwhile);
  await Promise.all([
    middle,
    ...plan.map(async ({ node, proxy, fault, delayMs }) => {
      await sleep(delayMs);
      suffered.push(fault.name);
      await fault.begin(node, proxy);
      await sleep(lengthMs - delayMs);
      await fault.end(node, proxy);
    }),
  ]);
  return plan.map(({ node, fault }) => `${node.id} ${fault.name}`).join(', ') || 'peace';
}
