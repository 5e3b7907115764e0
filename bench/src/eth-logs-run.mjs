// A client that reads logs, in a process of its own: node src/eth-logs-run.mjs <client> <megabytes> <times> <URL>
// Prints how long each answer took, and the most memory that the process had, as JSON.
import { ethClients } from './eth-clients.mjs';
import { peakBytes } from './processes.mjs';

const [name, megabytes, times, url] = process.argv.slice(2);
const client = ethClients[name]([url]);
const topic = (number) => `0x${number.toString(16).padStart(64, '0')}`;
const read = async (mb) => {
  const filter = { fromBlock: '0x1', toBlock: '0x2', topics: [topic(mb)] };
  const startMs = performance.now();
  const { length } = await client.logs(filter);
  if (length < 1) throw new Error('no logs');
  return performance.now() - startMs;
};
// Connected and compiled, as far as one small answer does that.
await read(0);
const beforeBytes = peakBytes(process.pid);
const timesMs = [];
for (let i = 0; i < Number(times); i += 1) timesMs.push(await read(Number(megabytes)));
console.log(JSON.stringify({ timesMs, beforeBytes, peakBytes: peakBytes(process.pid) }));
process.exit();
