// Opens and closes follows: node src/follows-load.mjs <url> <connections> <follows>
// Each connection has as many at a time as one may have. The last ones end with their connection.
import { RpcClient } from './rpc.mjs';

const [url, connections, follows] = process.argv.slice(2);
/** The server's default limit of follows of one client. */
const atATime = 4;
const each = Number(follows) / Number(connections);

let initialized = 0;

async function work() {
  const waiting = new Map();
  const early = new Set();
  const client = await RpcClient.connect(url, (id, { event }) => {
    if (event === 'stop') throw new Error('a follow was stopped');
    if (event !== 'initialized') return;
    initialized += 1;
    if (waiting.has(id)) waiting.get(id)();
    else early.add(id);
  });
  const open = async () => {
    const id = await client.call('chainHead_v1_follow', true);
    if (!early.delete(id)) await new Promise((resolve) => waiting.set(id, resolve));
    waiting.delete(id);
    return id;
  };
  for (let done = 0; done < each; done += atATime) {
    const ids = await Promise.all(Array.from({ length: Math.min(atATime, each - done) }, open));
    if (done + atATime >= each) break;
    await Promise.all(ids.map((id) => client.call('chainHead_v1_unfollow', id)));
  }
  await client.close();
}

const startMs = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, work));
const seconds = (performance.now() - startMs) / 1000;
console.log(JSON.stringify({ initialized, seconds }));
process.exit();
