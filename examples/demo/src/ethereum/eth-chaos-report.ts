import type { BalancerRecord } from '../balancer-record.ts';
import { balancerLines } from '../chaos-report.ts';
import type { EthStage } from './eth-stage.ts';

/** What a run of the chaos was, and what came of it, in lines to read. */
export function ethReport(run: {
  readonly seed: number;
  readonly rounds: readonly string[];
  readonly stage: EthStage;
  readonly records: readonly BalancerRecord[];
}): string {
  const { seed, rounds, stage, records } = run;
  const lines = stage.witnesses.map((each, i) => {
    const { logs, heights } = stage.clients[i]!;
    const included = each.transactions.filter(({ ends }) => ends[0]?.type === 'included');
    return (
      `${each.name}: ${each.calls} calls, ${each.failures.length} failed, ` +
      `${each.troubles.length} troubles; ${each.bestBlocks + heights.length} heads; ` +
      `${logs.standing(0).length} logs stand, ${logs.removed} removed; ` +
      `${each.transactions.length} transactions, ${included.length} included`
    );
  });
  const { blocks, retracted } = stage.devnet;
  return [
    `seed ${seed}, ${rounds.length} rounds: ${rounds.join('; ')}`,
    `${blocks.length} blocks, ${retracted.length} taken back`,
    ...lines,
    ...balancerLines(records),
  ].join('\n');
}
