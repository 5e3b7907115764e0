import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ms } from './markdown.mjs';
import { ports } from './ports.mjs';
import {
  measuredCore,
  otherCore,
  peakBytes,
  resetPeak,
  rssBytes,
  runForJson,
  startListening,
  stopChild,
} from './processes.mjs';
import { median } from './statistics.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const at = (scheme, port, path = '') => `${scheme}://127.0.0.1:${port}${path}`;
const rounds = 3;

const node = (port, ...args) =>
  startListening(
    otherCore,
    process.execPath,
    [join(here, 'eth-node.mjs'), `${port}`, ...args],
    port,
  );
const server = (port, ...urls) =>
  startListening(
    measuredCore,
    process.execPath,
    [join(here, 'eth-dshackle.mjs'), `${port}`, ...urls],
    port,
  );
const run = (core, script, ...args) =>
  runForJson(core, process.execPath, [join(here, script), ...args.map(String)]);

/** The first node, and a server before it for each way to it. */
async function startServers() {
  const [port] = ports.eth;
  const upstream = await node(port);
  const overWebSocket = await server(ports.ethOverWebSocket, at('ws', port));
  const overHttp = await server(ports.ethOverHttp, at('http', port));
  const stop = () => Promise.all([overWebSocket, overHttp, upstream].map(stopChild));
  return { overWebSocket, overHttp, stop };
}

/** Takes the figures of some cases in turn, so that what slows a round slows all. */
async function inTurn(cases, measureOne, say) {
  const samples = Object.fromEntries(cases.map(({ id }) => [id, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const each of cases) {
      const sample = await measureOne(each);
      samples[each.id].push(sample);
      say(`  ${each.id.padEnd(34)}${told(sample)}\n`);
    }
  }
  return samples;
}

function told({ perSecond, times, failed }) {
  const { p50, p99, most } = times;
  const figures = [p50, p99, most].map(ms).join(' / ');
  return `${Math.round(perSecond)}/s  p50, p99, most ${figures} ms  ${failed} failed`;
}

/** Calls of `eth_getBalance` at the latest block: a client straight at the node, and by way of Dshackle. */
export async function measureEthereumCalls(say) {
  say('\nEthereum: calls by ethers, straight at the node and by way of Dshackle\n');
  const { stop } = await startServers();
  const [port] = ports.eth;
  const ways = [
    { id: 'HTTP, directly', client: 'JsonRpcProvider', url: at('http', port) },
    {
      id: 'HTTP, through the server',
      client: 'JsonRpcProvider',
      url: at('http', ports.ethOverWebSocket, '/bench'),
    },
    {
      id: 'HTTP both ways',
      client: 'JsonRpcProvider',
      url: at('http', ports.ethOverHttp, '/bench'),
    },
    { id: 'WebSocket, directly', client: 'WebSocketProvider', url: at('ws', port) },
    {
      id: 'WebSocket, through the server',
      client: 'WebSocketProvider',
      url: at('ws', ports.ethOverWebSocket, '/bench'),
    },
  ];
  // The server has its core to itself: the client is with the node.
  const one = await inTurn(
    ways,
    ({ client, url }) => run(otherCore, 'eth-calls-run.mjs', client, 600, 1, 300, url),
    say,
  );
  const providers = [
    { id: 'JsonRpcProvider', url: at('http', port) },
    { id: 'EthProvider, HTTP upstream', client: 'EthProvider', url: at('http', port) },
    { id: 'WebSocketProvider', url: at('ws', port) },
    { id: 'EthProvider, WebSocket upstream', client: 'EthProvider', url: at('ws', port) },
  ];
  const hundred = await inTurn(
    providers,
    ({ id, client = id, url }) =>
      run(measuredCore, 'eth-calls-run.mjs', client, 3000, 100, 1500, url),
    say,
  );
  await stop();
  return { rounds, one, hundred };
}

/** Answers of `eth_getLogs` that are large: time, and memory of the process that reads and of the server. */
export async function measureEthereumLogs(say) {
  say('\nEthereum: large answers of eth_getLogs\n');
  const { overWebSocket, overHttp, stop } = await startServers();
  const [port] = ports.eth;
  const ways = [
    { id: 'HTTP, directly', client: 'fetch', url: at('http', port) },
    {
      id: 'HTTP, through the server',
      client: 'fetch',
      url: at('http', ports.ethOverHttp, '/bench'),
      by: overHttp,
    },
    { id: 'EthProvider, HTTP upstream', client: 'EthProvider', url: at('http', port) },
    { id: 'WebSocket, directly', client: 'WebSocketProvider', url: at('ws', port) },
    {
      id: 'WebSocket, through the server',
      client: 'WebSocketProvider',
      url: at('ws', ports.ethOverWebSocket, '/bench'),
      by: overWebSocket,
    },
    { id: 'EthProvider, WebSocket upstream', client: 'EthProvider', url: at('ws', port) },
  ];
  const sizes = [];
  for (const megabytes of [1, 10, 50]) {
    const samples = Object.fromEntries(ways.map(({ id }) => [id, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const { id, client, url, by } of ways) {
        const before = by && rssBytes(by.pid);
        if (by) resetPeak(by.pid);
        // Of reading and parsing the client's part is the same; it has the core of what is measured.
        const figures = await run(measuredCore, 'eth-logs-run.mjs', client, megabytes, 3, url);
        const sample = {
          timeMs: median(figures.timesMs),
          clientPeak: figures.peakBytes,
          ...(by && { serverBefore: before, serverPeak: peakBytes(by.pid) }),
        };
        samples[id].push(sample);
        const memory = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
        const more = by ? `  server ${memory(before)} → ${memory(sample.serverPeak)}` : '';
        say(
          `  ${megabytes} MB  ${id.padEnd(34)}${ms(sample.timeMs)} ms  client ${memory(sample.clientPeak)}${more}\n`,
        );
      }
    }
    sizes.push({ megabytes, samples });
  }
  await stop();
  return { rounds, sizes };
}

/** How long the slow node takes over each call, in milliseconds. */
const slowMs = 500;

/** Clients that know several nodes: three that are well, and then one dead, one slow, and one well. */
export async function measureEthereumFallback(say) {
  say('\nEthereum: clients that know three nodes\n');
  const nodes = await Promise.all(ports.eth.map((port) => node(port)));
  nodes.push(await node(ports.ethSlow, `${slowMs}`));
  const well = ports.eth.map((port) => at('http', port));
  const [, , last] = well;
  const ailing = [at('http', ports.ethDead), at('http', ports.ethSlow), last];
  const clients = ['FallbackProvider', 'viem fallback', 'EthProvider'];
  const cases = clients.flatMap((client) => [
    { id: `${client}, all well`, client, urls: well, calls: 2000, warmUp: 1000 },
    { id: `${client}, dead, slow, well`, client, urls: ailing, calls: 300, warmUp: 20 },
  ]);
  const samples = await inTurn(
    cases,
    ({ client, urls, calls, warmUp }) =>
      run(measuredCore, 'eth-calls-run.mjs', client, calls, 20, warmUp, ...urls),
    say,
  );
  await Promise.all(nodes.map(stopChild));
  return { rounds, slowMs, samples };
}
