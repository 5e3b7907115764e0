import { measuredText, table, threeMs } from './markdown.mjs';

const kilobytes = (bytes) => (bytes === undefined ? '–' : `${(bytes / 1024).toFixed(0)} kB`);

/** @returns {import('./report.mjs').Aim[]} */
export function subscribersAims({ results }) {
  const { upstream, opened } = results.find(({ id }) => id === 'ours');
  const counts = upstream.map(({ live }) => live);
  const isConstant = counts.every((live) => live === counts[0]) && opened === counts[0];
  return [
    {
      name: `upstream subscriptions for ${upstream.map(({ clients }) => clients).join(', ')} clients`,
      aim: 'a constant',
      found: isConstant ? `${counts[0]}` : `${counts.join(', ')}; ${opened} opened in all`,
      met: isConstant,
    },
  ];
}

/** The delays, and what is held for clients. */
function tables({ results }) {
  const delays = results.map(({ name, firstMs, medianMs, lastMs, cpuMicroseconds, waited }) => [
    name,
    ...[firstMs, medianMs, lastMs].map((summary) => threeMs(summary).slice(0, 2).join(' / ')),
    cpuMicroseconds.toFixed(0),
    `${(100 * waited).toFixed(0)} %`,
  ]);
  const holdings = results.map(({ name, upstream, opened, heapPerClient, rssPerClient }) => [
    name,
    ...upstream.map(({ live }) => live),
    opened,
    kilobytes(heapPerClient),
    kilobytes(rssPerClient),
  ]);
  const counts = results[0].upstream.map((each) => `${each.clients}`);
  return [
    table(
      ['', 'first client', 'median client', 'last client', 'CPU µs/notification', 'waited'],
      delays,
    ),
    table(['', ...counts, 'opened in all', 'heap', 'RSS'], holdings),
  ];
}

export function subscribersText(subscribers) {
  const { measured, results, clients, rounds, seconds, paceMs } = subscribers;
  const [delays, holdings] = tables(subscribers);
  const { heads } = results.find(({ id }) => id === 'ours');
  return `## ${clients.toLocaleString('en-US')} clients with two head subscriptions each

${measuredText(measured)}Delay from the node's notification to a client, in milliseconds, p50 / p99 over ${heads} heads, the
median of the rounds:

${delays}

Subscriptions at the node while so many clients listen, and opened from start to end; memory for each
client:

${holdings}

- Each client is a WebSocket with \`chain_subscribeNewHeads\` and \`chain_subscribeFinalizedHeads\`
  (\`bench/native/ws-heads.c\`, on one core with the node). What is measured has the other core: Dshackle,
  nginx, or the node itself where clients come to it directly.
- The node (\`bench/src/moving-node.mjs\`) announces a block each ${paceMs} ms and calls one final half a
  pace later, so that the ${clients} notifications of one head are on their way alone. It notes the time before it
  writes the first one; clients note when each has come. All of them read CLOCK_MONOTONIC.
- Rounds alternate: ${rounds} of ${seconds} s each, after a warm-up. Every client must hear every head, once and in
  order, or the benchmark fails.
- *heap* is the difference in used heap after garbage collection, with all clients and without; the
  median of the rounds. *RSS* is what resident memory grew by when the first ${clients} came, which holds
  young garbage as well. Buffers of the kernel are in neither.
- The node is made of Node and \`ws\`, so *directly* is the least that these two can do. A tunnel opens one
  connection to the node for each client.
- In a profile two thirds of what Dshackle does for a head is the system call that each client's
  notification needs; following the chain and choosing what to tell is done once a head, and is under 1 %. Frames
  written as one buffer in place of two made no difference that could be measured.
- *waited* is the share of time that others held the measured core.
`;
}

/** @returns {import('./report.mjs').Aim[]} */
export function ethereumSubscribersAims(subscribers) {
  return subscribersAims(subscribers).map((aim) => ({ ...aim, name: `Ethereum: ${aim.name}` }));
}

export function ethereumSubscribersText(subscribers) {
  const { measured, results, clients } = subscribers;
  const [delays, holdings] = tables(subscribers);
  const { heads } = results.find(({ id }) => id === 'ours');
  return `## Ethereum: ${clients.toLocaleString('en-US')} clients with new heads and logs each

${measuredText(measured)}As for Polkadot, above: delay from the node's notification to a client, in milliseconds, p50 / p99 over ${heads}
heads and logs.

${delays}

${holdings}

- Each client subscribes to \`newHeads\` and to all \`logs\`, of which each block has one. The node is
  \`bench/src/eth-moving-node.mjs\`.
- Dshackle follows heads, and asks for the logs of each block by its hash, once for all clients: so a log comes one
  answer of the node later than its block.
`;
}
