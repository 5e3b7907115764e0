// pnpm bench [--rounds 5] [--seconds 3] [--only http,provider,failover] [--no-report] [--no-build]
// With --only the report keeps what was measured before of the rest.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  measureEthereumCalls,
  measureEthereumFallback,
  measureEthereumLogs,
} from './src/ethereum.mjs';
import { measureEthereumFailover, measureFailover } from './src/failover.mjs';
import { measureFollows } from './src/follows.mjs';
import { check, loadsOf, measure } from './src/loads.mjs';
import { describeMachine, missingTools } from './src/machine.mjs';
import { mergeRuns } from './src/merge-runs.mjs';
import { measureProvider, providerLoads, providerTargets } from './src/providers.mjs';
import { report } from './src/report.mjs';
import { measureEthereumSubscribers, measureSubscribers } from './src/subscribers.mjs';
import { compile, startTargets } from './src/targets.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    /** Beginnings of ids, with commas between: of loads, or subscribers, failover, follows, ethereum-…. */
    only: { type: 'string', default: '' },
    'no-report': { type: 'boolean', default: false },
    /** Measures what was built before. */
    'no-build': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
/** Node compiles what is hot while it runs; after this it no longer gets faster. */
const warmUpSeconds = 3;
/** Share (0–1) of the time that a measured process may wait for others on its core. */
const disturbedFrom = 0.05;
const mostRepeats = 1;
const isWanted = ({ id }) => options.only.split(',').some((beginning) => id.startsWith(beginning));

const missing = await missingTools();
if (missing.length > 0) {
  console.error(`pnpm bench needs Linux with two cores and ${missing.join(', ')}.`);
  console.error('On Debian: apt-get install nginx wrk gcc libc6-dev util-linux');
  process.exit(1);
}
if (!options['no-build']) execFileSync('npx', ['tsc', '-b'], { cwd: root, stdio: 'inherit' });

const folder = join(root, 'node_modules', '.cache', 'dshackle-bench');
const programs = compile(folder);
const machine = await describeMachine();
const loads = loadsOf(programs).filter(isWanted);
const wantedProviderLoads = providerLoads.filter(isWanted);
const isTargetNeeded = loads.length + wantedProviderLoads.length > 0;
const { targets, nodeUrl, stop } = isTargetNeeded
  ? await startTargets(folder, programs)
  : { targets: {}, nodeUrl: '', stop: async () => {} };

const say = (text) => process.stdout.write(text);
say('Upstream and load generator on one core. Measured: the other core.\n');

/**
 * Measures once more when others took the core away for a noticeable part of the time;
 * gives the sample that was disturbed least.
 */
async function undisturbed(measureOnce) {
  let best = await measureOnce();
  for (let again = 0; again < mostRepeats && best.waited > disturbedFrom; again += 1) {
    const sample = await measureOnce();
    if (sample.waited < best.waited) best = sample;
  }
  return best;
}

const results = [];
for (const load of loads) {
  say(`\n${load.title}\n`);
  for (const id of load.targets) {
    await check(targets[id]);
    await measure(load, targets[id], warmUpSeconds);
  }
  const samples = Object.fromEntries(load.targets.map((id) => [id, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const id of load.targets) {
      const sample = await undisturbed(() => measure(load, targets[id], seconds));
      samples[id].push(sample);
      const { perSecond, p50Ms, p99Ms, cpu } = sample;
      const figures = `${Math.round(perSecond)}/s  p50 ${p50Ms} ms  p99 ${p99Ms} ms`;
      say(`  ${id.padEnd(14)}${figures}  core ${Math.round(100 * cpu)} %\n`);
    }
  }
  for (const id of load.targets) await check(targets[id]);
  const { id, title, isHeadline = false } = load;
  results.push({ id, title, isHeadline, samples });
}
const providerResults = [];
for (const load of wantedProviderLoads) {
  say(`\n${load.title}\n`);
  const samples = Object.fromEntries(providerTargets.map(({ id }) => [id, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const target of providerTargets) {
      const sample = await undisturbed(() => measureProvider(load, target, nodeUrl));
      samples[target.id].push(sample);
      const { timeMs, cpuMs } = sample;
      say(`  ${target.id.padEnd(14)}${timeMs.toFixed(1)} ms  CPU ${cpuMs.toFixed(1)} ms\n`);
    }
  }
  providerResults.push({ id: load.id, title: load.title, samples });
}
await stop();

/** Sections with figures of their own; each starts what it needs. */
const sections = {
  subscribers: () => measureSubscribers(folder, programs, say, undisturbed),
  failover: () => measureFailover(folder, say),
  follows: () => measureFollows(folder, say),
  'ethereum-calls': () => measureEthereumCalls(say),
  'ethereum-logs': () => measureEthereumLogs(say),
  'ethereum-fallback': () => measureEthereumFallback(say),
  'ethereum-failover': () => measureEthereumFailover(say),
  'ethereum-subscribers': () => measureEthereumSubscribers(folder, programs, say, undisturbed),
};
const further = {};
for (const [id, measureSection] of Object.entries(sections)) {
  if (isWanted({ id })) further[id] = await measureSection();
}

const names = Object.fromEntries(
  [...Object.values(targets), ...providerTargets].map(({ id, name }) => [id, name]),
);
const measuredNow = { machine, rounds, seconds, warmUpSeconds, names, results, providerResults };
const paths = ['benchmarks.md', 'benchmarks.json'].map((name) => join(root, 'docs', name));
const isPart = options.only !== '' && existsSync(paths[1]);
const before = isPart ? JSON.parse(readFileSync(paths[1], 'utf8')) : undefined;
const fresh = { ...measuredNow, ...further };
const order = [...loadsOf(programs), ...providerLoads].map(({ id }) => id);
const run = before ? mergeRuns(before, fresh, order) : fresh;
say(`\n${report(fresh).summary}\n`);
if (!options['no-report']) {
  writeFileSync(paths[0], report(run).text);
  writeFileSync(paths[1], `${JSON.stringify(run, undefined, 1)}\n`);
  say(`Written: ${paths.join(' and ')}\n`);
}
process.exit();
