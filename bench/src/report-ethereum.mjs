import { measuredText, ms, table } from './markdown.mjs';
import { median } from './statistics.mjs';

const middle = (samples, of) => median(samples.map(of));
const ratio = (samples, to, of) => median(samples.map((each, i) => of(each) / of(to[i])));
const megabytesOf = (bytes) => (bytes / 2 ** 20).toFixed(0);

/** What each way is compared with: the same client straight at the node. */
const directly = (id) => (id.includes('HTTP') ? 'HTTP, directly' : 'WebSocket, directly');
const ethersOf = (id) => (id.includes('HTTP') ? 'JsonRpcProvider' : 'WebSocketProvider');

/** A provider of ethers' own is compared with itself. */
const compared = (id) => (id.startsWith('EthProvider') ? ethersOf(id) : id);
const perSecond = (sample) => sample.perSecond;

/** @returns {import('./report.mjs').Aim[]} */
export function ethereumCallsAims({ hundred }) {
  return Object.keys(hundred)
    .filter((id) => id.startsWith('EthProvider'))
    .map((id) => {
      const found = 1 / ratio(hundred[id], hundred[ethersOf(id)], perSecond);
      return {
        name: `${id}: time to ${ethersOf(id)}'s, 100 calls at a time`,
        aim: '≤ 1.15',
        found: found.toFixed(2),
        met: found <= 1.15,
      };
    });
}

export function ethereumCallsText({ measured, rounds, one, hundred }) {
  const latencies = Object.entries(one).map(([id, samples]) => {
    const p50 = middle(samples, ({ times }) => times.p50);
    const added = median(samples.map(({ times }, i) => times.p50 - one[directly(id)][i].times.p50));
    const p99 = middle(samples, ({ times }) => times.p99);
    return [id, p50.toFixed(2), id === directly(id) ? '' : added.toFixed(2), ms(p99)];
  });
  const providers = Object.entries(hundred).map(([id, samples]) => [
    id,
    Math.round(middle(samples, ({ perSecond }) => perSecond)),
    (1 / ratio(samples, hundred[compared(id)], perSecond)).toFixed(2),
    ms(middle(samples, ({ cpuMs }) => cpuMs)),
  ]);
  return `## Ethereum: calls

${measuredText(measured)}\`eth_getBalance\` at the latest block, by ethers, which has a core shared with the node and makes one call after
another; the server has a core to itself. Medians of ${rounds} rounds. *HTTP both ways* has an HTTP upstream, the
others a WebSocket.

${table(['', 'p50 ms', 'added ms', 'p99 ms'], latencies)}

The providers in a process and on a core of their own, 3,000 calls, 100 at a time:

${table(['', 'calls/s', "time to ethers' own", 'CPU ms'], providers)}

- The node is \`bench/src/eth-node.mjs\`: a chain that stands still, on Node's own HTTP server and \`ws\`.
- All make one request for each call: JsonRpcProvider does not gather calls into batches here, and does
  not answer from its cache.
`;
}

export function ethereumLogsText({ measured, rounds, sizes }) {
  const rows = sizes.flatMap(({ megabytes, samples }) =>
    Object.entries(samples).map(([id, list]) => {
      const to = samples[directly(id)];
      const server = list[0].serverPeak === undefined ? undefined : list;
      // What was taken once is kept for a while: only the first reading tells what it had before.
      const idle = sizes[0].samples[id][0].serverBefore;
      const grown = server && middle(server, ({ serverPeak }) => serverPeak - idle);
      return [
        `${megabytes} MB, ${id}`,
        ms(middle(list, ({ timeMs }) => timeMs)),
        ratio(list, to, ({ timeMs }) => timeMs).toFixed(2),
        megabytesOf(middle(list, ({ clientPeak }) => clientPeak)),
        ratio(list, to, ({ clientPeak }) => clientPeak).toFixed(2),
        server ? megabytesOf(middle(server, ({ serverPeak }) => serverPeak)) : '',
        server ? (grown / (megabytes * 1e6)).toFixed(1) : '',
      ];
    }),
  );
  const heads = [
    '',
    'ms',
    'to direct',
    "client's peak MB",
    'to direct',
    "server's peak MB",
    'growth in answers',
  ];
  return `## Ethereum: large answers

${measuredText(measured)}\`eth_getLogs\` with answers of 1, 10 and 50 MB, each read three times by a fresh process; medians of
${rounds} rounds. Client and server share a core here, so that the times of *through the server* are the sum of
both. *growth in answers* is how far the server's memory rose above what it had before the first one, in sizes of
the answer.

${table(heads, rows)}

- HTTP is read by \`fetch\`: ethers' own reader (6.17) copies all that came so far with each chunk, and takes
  about 16 s and 1.8 GB over 50 MB, from the node itself just the same.
- On its way through the server an answer is held as the bytes that came, as one text, as the text of the
  response and as the bytes that leave, and never parsed. The rest of what memory grows by is garbage
  of the answers before, which of small ones is the greater part.
- In a profile of 50 MB by WebSocket about a fifth each goes to joining the frames that came, decoding them,
  looking for control characters that JSON forbids, reading the envelope and writing.
- \`EthProvider\` does the same but for the writing, beside the parsing that is ethers' own.
`;
}

export function ethereumFallbackText({ measured, rounds, slowMs, samples }) {
  const rows = Object.entries(samples).map(([id, list]) => [
    id,
    Math.round(middle(list, perSecond)),
    ['p50', 'p99', 'most']
      .map((figure) => ms(middle(list, ({ times }) => times[figure])))
      .join(' / '),
    list.reduce((sum, { failed }) => sum + failed, 0),
    ms(middle(list, ({ cpuMs }) => cpuMs)),
  ]);
  return `## Ethereum: clients that know several nodes

${measuredText(measured)}\`eth_getBalance\`, 20 calls at a time over HTTP to three nodes: all well (2,000 calls), or the first dead (its port
is closed), the second slow (${slowMs} ms a call) and the third well (300 calls, after 20 that do not count). Medians
of ${rounds} rounds.

${table(['', 'calls/s', 'ms, p50 / p99 / most', 'failed', 'CPU ms'], rows)}

- \`FallbackProvider\` of ethers has a quorum of one and its other options as they are. viem's \`fallback\` is
  without ranking, as by default. Both try the list in its order: with the first dead each call goes to the
  slow one, which answers before they would go on to the next.
- \`EthProvider\` finds out by itself who is well.
`;
}
