// One client in a process of its own:
//   node src/eth-calls-run.mjs <client> <calls> <concurrency> <warm-up calls> <URL>...
// Prints its calls a second, how long calls took, what failed, and its CPU, as JSON.
import { ethClients } from './eth-clients.mjs';
import { waitedSeconds } from './processes.mjs';
import { summaryOf } from './statistics.mjs';

const [name, calls, concurrency, warmUp, ...urls] = process.argv.slice(2);
const client = ethClients[name](urls);

async function run(count) {
  const times = [];
  let failed = 0;
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      const startMs = performance.now();
      try {
        if ((await client.balance()) !== 5n) throw new Error('a wrong answer');
      } catch {
        failed += 1;
      }
      times.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, work));
  return { times, failed };
}

await run(Number(warmUp));
const cpuBefore = process.cpuUsage();
const waitedBefore = waitedSeconds(process.pid);
const startMs = performance.now();
const { times, failed } = await run(Number(calls));
const tookMs = performance.now() - startMs;
const cpu = process.cpuUsage(cpuBefore);
console.log(
  JSON.stringify({
    perSecond: (1000 * times.length) / tookMs,
    cpuMs: (cpu.user + cpu.system) / 1000,
    waited: (1000 * (waitedSeconds(process.pid) - waitedBefore)) / tookMs,
    failed,
    times: summaryOf(times),
  }),
);
process.exit();
