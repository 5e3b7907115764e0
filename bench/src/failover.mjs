import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ms } from './markdown.mjs';
import { writeMovingChain } from './moving-chain.mjs';
import { otherCore, runForJson } from './processes.mjs';
import { summaryOf } from './statistics.mjs';

const script = join(fileURLToPath(new URL('.', import.meta.url)), 'failover-run.mjs');
const blocks = 2000;

const runs = [
  { id: 'crash', signal: 'SIGKILL', which: 'ours', times: 30 },
  { id: 'hang', signal: 'SIGSTOP', which: 'ours', times: 30 },
];
/** It needs seconds each time, and of a frozen node it never hears. */
const runsOfWsProvider = [
  { id: 'crash', signal: 'SIGKILL', which: 'WsProvider', times: 5 },
  { id: 'hang', signal: 'SIGSTOP', which: 'WsProvider', times: 2 },
];

const names = {
  server: 'through the server',
  embedded: 'provider with the engine inside',
  WsProvider: 'WsProvider with three endpoints',
};

/** Time from a Polkadot node's death, or its freezing, to what callers hear next. */
export async function measureFailover(folder, say) {
  say('\nFailover: one of three nodes is killed, or frozen, while it holds calls\n');
  const chainFile = join(folder, 'chain-failover.json');
  await writeMovingChain(chainFile, blocks);
  return measure('polkadot', [...runs, ...runsOfWsProvider], [chainFile], say);
}

/** The same of Ethereum nodes. */
export function measureEthereumFailover(say) {
  say('\nEthereum: one of three nodes is killed, or frozen, while it holds calls\n');
  return measure('ethereum', runs, [], say);
}

async function measure(family, wanted, files, say) {
  const results = [];
  for (const { id, signal, which, times } of wanted) {
    const args = [script, family, which, signal, `${times}`, ...files];
    const run = await runForJson(otherCore, process.execPath, args);
    if (run.missed > 0) {
      throw new Error(`${id}: ${run.missed} of ${times} times no node held calls of all callers`);
    }
    for (const caller of run.results) {
      const result = { id, name: names[caller.id], caller: caller.id, ...summarised(caller) };
      results.push(result);
      const { heldMs, freshMs, headLateMs } = result;
      const figures = [heldMs, freshMs, headLateMs].map(
        ({ p50, most }) => `${ms(p50)}/${ms(most)}`,
      );
      say(
        `  ${id.padEnd(6)}${caller.id.padEnd(12)}held, fresh, head p50/max: ${figures.join('  ')}\n`,
      );
    }
  }
  return { results };
}

/** The figures of one caller. */
export function summarised({ readings, calls, failed, unheard, repeated, lateMs }) {
  return {
    times: readings.length,
    /** Of each time the call that was answered last of those that the node held. */
    heldMs: summarisedTimes(readings.map(({ heldMs }) => worst(heldMs))),
    held: readings.reduce((sum, { heldMs }) => sum + heldMs.length, 0),
    freshMs: summarisedTimes(readings.map(({ freshMs }) => freshMs)),
    answerMs: summarisedTimes(readings.map(({ answerMs }) => answerMs)),
    headLateMs: summarisedTimes(readings.map(({ headLateMs }) => headLateMs)),
    /** The same at all heads, for comparison. */
    lateMs,
    calls,
    failed,
    unheard,
    repeated,
    readings,
  };
}

const worst = (times) => (times.includes(null) ? null : Math.max(...times));

/** Times that did not come, `null`, are worse than all that did; so is a figure that they make up. */
function summarisedTimes(times) {
  const endless = times.map((time) => time ?? Number.POSITIVE_INFINITY);
  const { count, p50, p99, most } = summaryOf(endless);
  const finite = (value) => (Number.isFinite(value) ? value : null);
  const never = times.filter((time) => time === null).length;
  return { count, never, p50: finite(p50), p99: finite(p99), most: finite(most) };
}
