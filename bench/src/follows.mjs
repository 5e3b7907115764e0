import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeMovingChain } from './moving-chain.mjs';
import { ports } from './ports.mjs';
import {
  ask,
  measuredCore,
  otherCore,
  runForJson,
  startListening,
  stopChild,
} from './processes.mjs';
import { askNode } from './rpc.mjs';
import { nowMs } from './schedule.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const rounds = 3;
const follows = 10_000;
const connections = 100;
/** Between two blocks. */
const paceMs = 1000;
const blocks = 2000;

/** Follows of `chainHead_v1` opened and closed, and what they leave behind. */
export async function measureFollows(folder, say) {
  say(`\n${follows} follows opened and closed, on ${connections} connections\n`);
  const chainFile = join(folder, 'chain-follows.json');
  await writeMovingChain(chainFile, blocks);
  const start = (core, name, port, args, options) => {
    const all = ['--expose-gc', join(here, name), `${port}`, ...args];
    return startListening(core, process.execPath, all, port, options);
  };
  const node = await start(otherCore, 'moving-node.mjs', ports.movingBehindPool, [
    chainFile,
    `${nowMs()}`,
    `${paceMs}`,
    '0',
  ]);
  const nodeUrl = `ws://127.0.0.1:${ports.movingBehindPool}`;
  const poolArgs = ['polkadot', `${paceMs}`, nodeUrl];
  const pool = await start(measuredCore, 'dshackle-pool.mjs', ports.pool, poolArgs, {
    hasChannel: true,
  });
  // Compiles what is hot, and makes what is made at first use and then kept.
  await load(follows);
  const before = await standing(pool, nodeUrl);
  const after = [];
  for (let round = 0; round < rounds; round += 1) {
    const { seconds } = await load(follows);
    const left = { ...(await standing(pool, nodeUrl)), seconds };
    after.push(left);
    const heap = ((left.heapUsed - before.heapUsed) / 1024).toFixed(0);
    const rss = ((left.rss - before.rss) / 2 ** 20).toFixed(1);
    say(`  ${seconds.toFixed(1)} s  heap ${heap} kB and RSS ${rss} MB more than before\n`);
  }
  await Promise.all([pool, node].map(stopChild));
  return { rounds, follows, connections, before, after };
}

async function load(count) {
  const args = [join(here, 'follows-load.mjs'), `ws://127.0.0.1:${ports.pool}/bench`];
  const figures = await runForJson(otherCore, process.execPath, [
    ...args,
    `${connections}`,
    `${count}`,
  ]);
  if (figures.initialized !== count) {
    throw new Error(`${figures.initialized} of ${count} follows began`);
  }
  return figures;
}

/** What the server holds once it has noticed that its clients left, and what its upstream carries. */
async function standing(pool, nodeUrl) {
  for (let tries = 0; (await ask(pool)).webSockets > 0; tries += 1) {
    if (tries > 100) throw new Error('the server does not notice that its clients left');
  }
  const { heapUsed, rss, subscriptions } = await ask(pool);
  const { live, opened } = await askNode(nodeUrl, 'bench_subscriptions');
  return { heapUsed, rss, subscriptions, live, opened };
}
