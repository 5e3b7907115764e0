import { measuredText, table } from './markdown.mjs';
import {
  ethereumCallsAims,
  ethereumCallsText,
  ethereumFallbackText,
  ethereumLogsText,
} from './report-ethereum.mjs';
import {
  ethereumFailoverAims,
  ethereumFailoverText,
  failoverAims,
  failoverText,
} from './report-failover.mjs';
import { followsAims, followsText } from './report-follows.mjs';
import {
  ethereumSubscribersAims,
  ethereumSubscribersText,
  subscribersAims,
  subscribersText,
} from './report-subscribers.mjs';
import { spread } from './statistics.mjs';

/** @typedef {{ readonly name: string, readonly aim: string, readonly found: string, readonly met: boolean }} Aim */

/** Ratio of one figure of two targets in each round, so that what slows a round slows both. */
function ratios(samples, of, to, figure) {
  return samples[of].map((sample, round) => figure(sample) / figure(samples[to][round]));
}

const perSecond = (sample) => sample.perSecond;
/** Calls for each second of CPU: what a busy machine cannot take away. */
const perCpuSecond = (sample) => sample.perSecond / sample.cpu;

const two = (value) => value.toFixed(2);
const count = (value) => Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
const between = ({ median, least, most }, format) =>
  `${format(median)} (${format(least)}–${format(most)})`;

function loadTable({ samples }, names) {
  const rows = Object.keys(samples).map((id) => {
    const of = (figure) => spread(samples[id].map(figure));
    const ratio = spread(ratios(samples, id, 'nginx', perSecond));
    // The node has no core of its own: the load generator shares it.
    const alone = id === 'node' ? undefined : of((sample) => sample.cpu);
    return [
      names[id],
      between(of(perSecond), count),
      id === 'nginx' ? '1' : between(ratio, two),
      two(of((sample) => sample.p50Ms).median),
      two(of((sample) => sample.p99Ms).median),
      alone === undefined ? '–' : `${Math.round(100 * alone.median)} %`,
      alone === undefined ? '–' : of((sample) => 1e6 / perCpuSecond(sample)).median.toFixed(1),
    ];
  });
  const heads = ['', 'calls/s', 'to nginx', 'p50 ms', 'p99 ms', 'core', 'CPU µs/call'];
  return table(heads, rows);
}

function providerTable({ samples }, names) {
  const rows = Object.keys(samples).map((id) => {
    const time = spread(samples[id].map(({ timeMs }) => timeMs));
    const cpu = spread(samples[id].map(({ cpuMs }) => cpuMs));
    const ratio = spread(ratios(samples, id, 'WsProvider', ({ timeMs }) => timeMs));
    return [
      names[id],
      between(time, (ms) => ms.toFixed(0)),
      id === 'WsProvider' ? '1' : between(ratio, two),
      cpu.median.toFixed(0),
    ];
  });
  return table(['', 'ms', 'to WsProvider', 'CPU ms'], rows);
}

/** @returns {Aim[]} */
function aimsOf(run) {
  const { results, providerResults, subscribers, failover, follows } = run;
  const {
    'ethereum-calls': ethereumCalls,
    'ethereum-failover': ethereumFailover,
    'ethereum-subscribers': ethereumSubscribers,
  } = run;
  /** @type {Aim[]} */
  const aims = [];
  const headline = results.find(({ isHeadline }) => isHeadline);
  const one = results.find(({ id }) => id === 'http-one');
  const ways = [
    ['overWebSocket', 'a WebSocket upstream', 0.6],
    ['overHttp', 'an HTTP upstream', 0.4],
  ];
  for (const [id, name, aim] of headline ? ways : []) {
    const found = spread(ratios(headline.samples, id, 'nginx', perSecond));
    aims.push({
      name: `throughput to nginx's, ${name}`,
      aim: `≥ ${aim}`,
      found: between(found, two),
      met: found.median >= aim,
    });
  }
  for (const [id, name] of one ? ways : []) {
    const added = spread(
      one.samples[id].map(({ p50Ms }, round) => p50Ms - one.samples.node[round].p50Ms),
    );
    aims.push({
      name: `added at the median with one connection, ${name}`,
      aim: '≤ 0.3 ms',
      found: `${between(added, two)} ms`,
      met: added.median <= 0.3,
    });
  }
  for (const { title, samples } of providerResults) {
    const found = spread(ratios(samples, 'ours', 'WsProvider', ({ timeMs }) => timeMs));
    aims.push({
      name: `PolkadotProvider's time to WsProvider's, ${title}`,
      aim: '≤ 1.15',
      found: between(found, two),
      met: found.median <= 1.15,
    });
  }
  if (subscribers) aims.push(...subscribersAims(subscribers));
  if (failover) aims.push(...failoverAims(failover));
  if (follows) aims.push(...followsAims(follows));
  if (ethereumCalls) aims.push(...ethereumCallsAims(ethereumCalls));
  if (ethereumFailover) aims.push(...ethereumFailoverAims(ethereumFailover));
  if (ethereumSubscribers) aims.push(...ethereumSubscribersAims(ethereumSubscribers));
  return aims;
}

/** The samples of everything that has a core of its own; load generator and upstream share one. */
function samplesOfMeasured({ results, providerResults }) {
  return [...results, ...providerResults].flatMap(({ samples }) =>
    Object.entries(samples).flatMap(([id, list]) => (id === 'node' ? [] : list)),
  );
}

/** The sections that need no comparison between rounds. */
function furtherText(run) {
  const { subscribers, failover, follows } = run;
  const { 'ethereum-calls': calls, 'ethereum-logs': logs, 'ethereum-fallback': fallback } = run;
  const { 'ethereum-failover': ethereumFailover, 'ethereum-subscribers': ethereumSubscribers } =
    run;
  const texts = [
    subscribers && subscribersText(subscribers),
    failover && failoverText(failover),
    follows && followsText(follows),
    calls && ethereumCallsText(calls),
    logs && ethereumLogsText(logs),
    fallback && ethereumFallbackText(fallback),
    ethereumFailover && ethereumFailoverText(ethereumFailover),
    ethereumSubscribers && ethereumSubscribersText(ethereumSubscribers),
  ];
  return texts
    .filter((text) => text !== undefined)
    .map((text) => `${text}\n`)
    .join('');
}

/** The report as Markdown, and the few lines of it that the terminal shows. */
export function report(run) {
  const { machine, rounds, seconds, warmUpSeconds, names, results, providerResults } = run;
  const aims = aimsOf(run);
  const verdict = ({ met }) => (met ? 'met' : '**missed**');
  const summary = aims
    .map((aim) => `${aim.met ? 'met   ' : 'missed'}  ${aim.name}: ${aim.found}, aim ${aim.aim}`)
    .join('\n');
  const waited = samplesOfMeasured(run).map((sample) => sample.waited);
  const worst = Math.max(0, ...waited);
  const share = waited.filter((each) => each > 0.05).length / Math.max(1, waited.length);
  const disturbed =
    worst > 0.05
      ? `
**The machine was busy with other work.** A measurement is repeated once when others
held the measured core for more than 5 % of the time; ${Math.round(100 * share)} % of them still were disturbed, the
worst for ${Math.round(100 * worst)} % of the time. There *CPU µs/call* says more than throughput and latency, though cold
caches and a busy neighbour of the core show in it too.
`
      : '';
  const text = `# Benchmarks

Written by \`pnpm bench\`; the raw numbers are in [benchmarks.json](benchmarks.json). Run it on your
own machine before you rely on any of this: what counts are the ratios, and they differ between
processors too.

## Aims

${table(
  ['', 'aim', 'found', ''],
  aims.map((aim) => [aim.name, aim.aim, aim.found, verdict(aim)]),
)}
${disturbed}
## How it was measured

- **One core each.** What is measured is pinned to one core; load generator and upstream share the
  other. All of it is on the loopback of one machine.
- **The upstream** is \`bench/native/upstream.c\`: one thread that answers constants, faster than
  anything in front of it. Its chain stands still, which is how a chain looks for the six
  seconds between two blocks.
- **The headline** is \`state_getStorage\` without a block hash, over HTTP with 50 connections: the
  ordinary read of an application. It is the dearer case for Dshackle, which fills in the hash of its
  head, chooses an upstream that has that block and requires it. Every call asks for another key, so
  none is spared by the sharing of identical reads, and there is no cache.
- **nginx** has one worker, kept-alive connections to the upstream and no access log. It passes bytes
  on: it reads no JSON, knows of no heads, and would not try another upstream after an error in an
  answer. On WebSocket it is a tunnel that does not even look at messages.
- **Bare \`node:http\`** answers a constant without any upstream: the most that Node's own HTTP server
  leaves room for.
- **The bare proxies** are the least that one made of the same parts can do (\`src/plain-proxy.mjs\`):
  \`node:http\` in, one corked \`ws\` or an undici \`Pool\` out, and ids rewritten. They check nothing,
  choose nobody and survive nothing. What Dshackle costs above them is its own, and what they cost
  above nginx is Node's.
- **Dshackle** is one upstream and one route with default options, no log output and no metrics.
- Rounds alternate: ${rounds} rounds of ${seconds} s for each, after ${warmUpSeconds} s of warm-up. Given are the
  medians, with the range in brackets; a ratio is the median of the ratios within each round.
- How subscribers, failover, follows and Ethereum are measured stands with their figures. A section that says when it
  was measured was measured by itself (\`pnpm bench --only\`); the table below is of the others.
- The providers run in fresh processes, which make two runs of 10,000 calls to warm up and then three
  that count; each call asks for another key.

| | |
| --- | --- |
| Date | ${machine.date} |
| Machine | ${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel} |
| Load average just before | ${machine.loadBefore.toFixed(1)} |
| Node | ${machine.node}, ws ${machine.ws} |
| nginx | ${machine.nginx.replace('nginx version: ', '')} |
| wrk | ${machine.wrk.replace(/^wrk /, '').replace(/ \[.*/, '')} |
| gcc | ${machine.gcc} |
| @polkadot/rpc-provider | ${machine['@polkadot/rpc-provider']} |

## Server

${results.map((result) => `### ${result.title}\n\n${measuredText(result.measured)}${loadTable(result, names)}`).join('\n\n')}

## Provider

${providerResults.map((result) => `### ${result.title}\n\n${measuredText(result.measured)}${providerTable(result, names)}`).join('\n\n')}

${furtherText(run)}## How to read it

- *to nginx* is what one core gives compared with one nginx worker. *core* is how much of its core the
  measured process got; *CPU µs/call* is what a call cost it.
- p50 and p99 with 50 connections are queueing: they say little but that the core is full. The latency
  that Dshackle adds shows with 1 connection.
- A WebSocket upstream costs about half of an HTTP one, because all calls share a connection and all
  that are made in one turn of the event loop leave in one write. Give a node its \`ws://\` URL where it
  has one.
- WebSocket in with several calls out is the cheapest way in, for the same reason.
- More throughput than one core gives is had by running several processes; nothing is shared between
  them.
- With all calls at once every call is in memory at the same time; Dshackle keeps more of each (its
  deadline, its attempts, what it needs of an upstream), so garbage collection is what one sees there.
- The bare proxies say what is left to gain: an aim that they miss as well is out of reach for
  anything on \`node:http\`, \`ws\` and undici. What Dshackle adds to them is spread thin over reading
  envelopes, finding identical calls, choosing, deadlines and telemetry; no single part stands out in
  a profile.
`;
  return { text, summary };
}
