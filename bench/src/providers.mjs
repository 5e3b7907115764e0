import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measuredCore, runForJson } from './processes.mjs';
import { median } from './statistics.mjs';

const script = join(fileURLToPath(new URL('.', import.meta.url)), 'provider.mjs');

/** Calls of one run. */
const calls = 10_000;

export const providerLoads = [
  { id: 'provider-100', title: '10,000 calls, 100 at a time', concurrency: 100 },
  { id: 'provider-all', title: '10,000 calls, all at once', concurrency: calls },
];

export const providerTargets = [
  { id: 'WsProvider', name: 'WsProvider' },
  { id: 'ours', name: 'PolkadotProvider' },
];

/** Median time, and CPU time, in milliseconds of a provider in a fresh, warmed-up process. */
export async function measureProvider(load, target, nodeUrl) {
  const args = [script, target.id, nodeUrl, `${calls}`, `${load.concurrency}`];
  const { samples } = await runForJson(measuredCore, process.execPath, args);
  return {
    timeMs: median(samples.map(({ timeMs }) => timeMs)),
    cpuMs: median(samples.map(({ cpuMs }) => cpuMs)),
    waited: median(samples.map(({ waited }) => waited)),
  };
}
