import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeMovingChain } from './moving-chain.mjs';
import { writeNginxConfig } from './nginx.mjs';
import { ports } from './ports.mjs';
import {
  ask,
  cpuSeconds,
  measuredCore,
  otherCore,
  rssBytes,
  startListening,
  startSpeaking,
  stopChild,
  waitedSeconds,
} from './processes.mjs';
import { askNode } from './rpc.mjs';
import { nowMs } from './schedule.mjs';
import { median, summaryOf } from './statistics.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const rounds = 3;
/** Of one round of one target. */
const seconds = 4;
/** Between two blocks. A real chain takes 2 to 12 s; heads are not to overlap, and are not to be few. */
const paceMs = 200;
const clients = 1000;
/** For how many clients upstream subscriptions are counted. */
const steps = [1, 10, 100, 1000];
const blocks = 8000;

/**
 * Who passes heads on.
 * @typedef {object} Teller
 * @property {string} id
 * @property {string} name
 * @property {number} port
 * @property {string} path
 * @property {import('node:child_process').ChildProcess} process that is measured
 * @property {string} nodeUrl of the node behind it
 */

/** What nodes of a chain take before the start of their schedule, and who they are. */
const families = {
  polkadot: {
    node: 'moving-node.mjs',
    async files(folder) {
      const chainFile = join(folder, 'chain.json');
      await writeMovingChain(chainFile, blocks);
      return [chainFile];
    },
  },
  ethereum: { node: 'eth-moving-node.mjs', files: async () => [] },
};

/**
 * 1,000 clients with two head subscriptions each: delay, memory, upstream subscriptions.
 * @param undisturbed repeats what others disturbed
 */
export function measureSubscribers(folder, programs, say, undisturbed) {
  say(`\n${clients} WebSocket clients with two head subscriptions each\n`);
  return measure('polkadot', folder, programs, say, undisturbed);
}

/** The same on Ethereum, with a subscription to new heads and one to logs each. */
export function measureEthereumSubscribers(folder, programs, say, undisturbed) {
  say(`\nEthereum: ${clients} WebSocket clients with new heads and logs each\n`);
  return measure('ethereum', folder, programs, say, undisturbed);
}

async function measure(family, folder, programs, say, undisturbed) {
  const { tellers, stop } = await startTellers(family, folder);
  const found = new Map(tellers.map(({ id }) => [id, { samples: [], upstream: [] }]));
  for (const teller of tellers) {
    for (const count of steps) {
      // The last step also warms up what is measured below.
      const { live, rssPerClient } = await listen(
        programs,
        family,
        teller,
        count,
        count < clients ? 0.5 : 3,
      );
      found.get(teller.id).upstream.push({ clients: count, live });
      if (count === clients) found.get(teller.id).rssPerClient = rssPerClient;
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const teller of tellers) {
      const sample = await undisturbed(() => listen(programs, family, teller, clients, seconds));
      found.get(teller.id).samples.push(sample);
      const last = summaryOf(sample.heads.map(({ last: ms }) => ms));
      const figures = `last client p50 ${last.p50.toFixed(1)} ms  p99 ${last.p99.toFixed(1)} ms`;
      say(`  ${teller.id.padEnd(14)}${figures}  ${last.count} heads\n`);
    }
  }
  for (const { id, nodeUrl } of tellers) {
    found.get(id).opened = (await askNode(nodeUrl, 'bench_subscriptions')).opened;
  }
  await stop();
  const results = tellers.map(({ id, name }) => ({ id, name, ...summarised(found.get(id)) }));
  return { rounds, seconds, paceMs, clients, results };
}

/** Has so many clients listen for so long, and reads the figures of it. */
async function listen(programs, family, teller, count, forSeconds) {
  const { process: child, nodeUrl } = teller;
  const memoryBefore = await memoryOf(child);
  const load = startSpeaking(otherCore, programs.wsHeads, [
    `${teller.port}`,
    teller.path,
    `${count}`,
    `${forSeconds}`,
    family,
  ]);
  const ready = await load.line();
  if (ready !== 'ready') throw new Error(`${teller.name}: ${ready}`);
  const { pid } = child;
  const [cpu, waited, startMs] = [cpuSeconds(pid), waitedSeconds(pid), nowMs()];
  const { live } = await askNode(nodeUrl, 'bench_subscriptions');
  const { heads, incomplete, breaks } = JSON.parse(await load.line());
  const cpuUsed = cpuSeconds(pid) - cpu;
  const waitedShare = (1000 * (waitedSeconds(pid) - waited)) / (nowMs() - startMs);
  const memory = await memoryOf(child);
  if (incomplete + breaks > 0) {
    throw new Error(`${teller.name}: ${incomplete} heads not heard by all, ${breaks} out of order`);
  }
  const written = new Map(
    (await askNode(nodeUrl, 'bench_written')).map(([kind, number, ms]) => [
      `${kind} ${number}`,
      ms,
    ]),
  );
  await load.finish();
  await idle(child);
  const delays = heads
    .map(({ kind, number, ...times }) => ({ from: written.get(`${kind} ${number}`), ...times }))
    // Of those before, a part of the clients heard only as the newest one when they subscribed.
    .filter(({ from }) => from > startMs)
    .map(({ from, firstMs, medianMs, lastMs }) => ({
      first: firstMs - from,
      median: medianMs - from,
      last: lastMs - from,
    }));
  return {
    heads: delays,
    cpuMicroseconds: (1e6 * cpuUsed) / (count * Math.max(1, delays.length)),
    waited: waitedShare,
    live,
    heapPerClient: memory.heapUsed && (memory.heapUsed - memoryBefore.heapUsed) / count,
    rssPerClient: (memory.rss - memoryBefore.rss) / count,
  };
}

/** Resident memory; of a server of ours also its heap, after garbage was collected. */
async function memoryOf(child) {
  return child.channel ? await ask(child) : { rss: rssBytes(child.pid) };
}

/** Waits until a server of ours has noticed that its clients left. */
async function idle(child) {
  if (!child.channel) return;
  for (let tries = 0; (await ask(child)).webSockets > 0; tries += 1) {
    if (tries > 100) throw new Error('the server does not notice that its clients left');
  }
}

function summarised({ samples, upstream, opened, rssPerClient }) {
  const of = (figure) => median(samples.map((sample) => sample[figure]));
  const delays = (which) => ofRounds(samples.map(({ heads }) => heads.map((head) => head[which])));
  return {
    /** Live at the upstream while so many clients listen. */
    upstream,
    /** At the upstream, from the start to the end. */
    opened,
    heads: samples.reduce((sum, { heads }) => sum + heads.length, 0),
    firstMs: delays('first'),
    medianMs: delays('median'),
    lastMs: delays('last'),
    cpuMicroseconds: of('cpuMicroseconds'),
    waited: of('waited'),
    heapPerClient: samples[0].heapPerClient && of('heapPerClient'),
    /** Of the first thousand: what they leave others take. */
    rssPerClient,
  };
}

/** Of each quantile the median of the rounds, so that one round in which others worked does not count. */
function ofRounds(rounds) {
  const summaries = rounds.map(summaryOf);
  const of = (figure) => median(summaries.map((summary) => summary[figure]));
  return { p50: of('p50'), p99: of('p99'), most: Math.max(...summaries.map(({ most }) => most)) };
}

/** @returns {Promise<{ tellers: Teller[], stop: () => Promise<unknown> }>} */
async function startTellers(family, folder) {
  const { node, files } = families[family];
  const chainFiles = await files(folder);
  const startMs = `${nowMs()}`;
  const script = (core, name, port, args, options) => {
    const all = ['--expose-gc', join(here, name), `${port}`, ...args];
    return startListening(core, process.execPath, all, port, options);
  };
  const startNode = (core, port) =>
    script(core, node, port, [...chainFiles, startMs, `${paceMs}`, '0']);
  const alone = await startNode(measuredCore, ports.movingAlone);
  const behindNginx = await startNode(otherCore, ports.movingBehindNginx);
  const behindPool = await startNode(otherCore, ports.movingBehindPool);
  const url = (port) => `ws://127.0.0.1:${port}`;
  const config = writeNginxConfig(
    join(folder, 'nginx-heads'),
    ports.nginxBeforeMoving,
    ports.movingBehindNginx,
  );
  const nginx = await startListening(
    measuredCore,
    'nginx',
    ['-c', config],
    ports.nginxBeforeMoving,
  );
  const poolArgs = [family, `${paceMs}`, url(ports.movingBehindPool)];
  const pool = await script(measuredCore, 'dshackle-pool.mjs', ports.pool, poolArgs, {
    hasChannel: true,
  });
  const tellers = [
    {
      id: 'node',
      name: 'the node, directly',
      port: ports.movingAlone,
      path: '/',
      process: alone,
      nodeUrl: url(ports.movingAlone),
    },
    {
      id: 'nginx',
      name: 'nginx, a tunnel for each client',
      port: ports.nginxBeforeMoving,
      path: '/ws',
      process: nginx,
      nodeUrl: url(ports.movingBehindNginx),
    },
    {
      id: 'ours',
      name: 'Dshackle',
      port: ports.pool,
      path: '/bench',
      process: pool,
      nodeUrl: url(ports.movingBehindPool),
    },
  ];
  return {
    tellers,
    stop: () => Promise.all([pool, nginx, alone, behindNginx, behindPool].map(stopChild)),
  };
}
