import type { BalancerRecord } from './balancer-record.ts';
import type { Stage } from './stage.ts';

/** What a run of the chaos was, and what came of it, in lines to read. */
export function report(run: {
  readonly seed: number;
  readonly rounds: readonly string[];
  readonly stage: Stage;
  readonly records: readonly BalancerRecord[];
}): string {
  const { seed, rounds, stage, records } = run;
  const witnesses = stage.witnesses.map((each) => {
    const { finalized, transactions } = each;
    const ended = (type: string) =>
      transactions.filter(({ ends }) => ends.some((end) => end.type === type)).length;
    return (
      `${each.name}: ${each.calls} calls, ${each.failures.length} failed, ` +
      `${each.troubles.length} troubles; ` +
      `${each.bestBlocks} best, ${finalized.received} finalized, ${finalized.gaps} gaps, ` +
      `${finalized.duplicates} duplicates, ${finalized.wentBack} back; ` +
      `${transactions.length} transactions, ${ended('finalized')} final, ` +
      `${ended('unknown')} told as unknown, ${ended('lost')} as lost`
    );
  });
  const { number } = stage.devnet.head;
  const pause = (stage.canonical.longestPauseMs / 1000).toFixed(1);
  const chaos = `seed ${seed}, ${rounds.length} rounds: ${rounds.join('; ')}`;
  const chain = `${number} blocks, at most ${pause} s without one`;
  return [chaos, chain, ...witnesses, ...balancerLines(records)].join('\n');
}

/** What the server's balancer and the one inside did, a line each. */
export function balancerLines(records: readonly BalancerRecord[]): readonly string[] {
  return records.map(
    (each, index) =>
      `${index === 0 ? 'server' : 'inside'}: ${each.attempts} attempts, ${each.failed} failed, ` +
      `${each.hedges} hedges, upstreams left ${each.departures} times, ${each.moved} subscriptions ` +
      `moved, ${each.reorgs} reorgs`,
  );
}
