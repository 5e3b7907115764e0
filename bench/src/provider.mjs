// One provider under test: node src/provider.mjs <ours|WsProvider> <upstream URL> <calls> <concurrency>
// Prints how long each of several runs took, in milliseconds, as JSON.
import { PolkadotProvider } from '@dshackle/polkadot-provider';
import { WsProvider } from '@polkadot/rpc-provider';
import { benchChain } from './chain.mjs';
import { waitedSeconds } from './processes.mjs';

const [which, url, callsText, concurrencyText] = process.argv.slice(2);
const calls = Number(callsText);
const concurrency = Number(concurrencyText);
const runs = 3;
const warmUpRuns = 2;

const provider =
  which === 'ours'
    ? new PolkadotProvider({ upstreams: [url], chain: benchChain() })
    : new WsProvider(url);
await provider.isReady;

let next = 0;
/** The key of one account; no two calls ask for the same. */
function freshKey() {
  next += 1;
  return `0x${'26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9'}${next
    .toString(16)
    .padStart(96, '0')}`;
}

async function measure() {
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const waitedBefore = waitedSeconds(process.pid);
  let left = calls;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      const value = await provider.send('state_getStorage', [freshKey()], false);
      if (value.length !== 162) throw new Error(`a wrong answer: ${value}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  const cpu = process.cpuUsage(cpuBefore);
  const timeMs = performance.now() - startMs;
  const waited = (1000 * (waitedSeconds(process.pid) - waitedBefore)) / timeMs;
  return { timeMs, cpuMs: (cpu.user + cpu.system) / 1000, waited };
}

for (let run = 0; run < warmUpRuns; run += 1) await measure();
const samples = [];
for (let run = 0; run < runs; run += 1) samples.push(await measure());
console.log(JSON.stringify({ samples }));
process.exit();
