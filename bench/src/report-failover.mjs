import { measuredText, ms, table, threeMs } from './markdown.mjs';

/** Milliseconds at the median. */
const aims = { crash: 50, hang: 1000 };
const whats = [
  ['heldMs', 'the calls that it held'],
  ['freshMs', 'a fresh call'],
];

/** @returns {import('./report.mjs').Aim[]} */
export function failoverAims({ results }) {
  const ours = results.filter(({ caller }) => caller !== 'WsProvider');
  return ours.flatMap((result) => {
    const aim = aims[result.id];
    const answers = whats.map(([figure, what]) => {
      const { p50, p99, most, never } = result[figure];
      return {
        name: `${result.id} to good answer, ${what}, ${result.name}`,
        aim: `< ${aim} ms`,
        found: `${ms(p50)} ms (p99 ${ms(p99)}, most ${ms(most)})`,
        met: p50 !== null && p50 < aim && never === 0,
      };
    });
    const { p50, p99, most, never } = result.headLateMs;
    const head = {
      name: `${result.id} to next head, after its time, ${result.name}`,
      aim: `< ${aim} ms`,
      found: `${ms(p50)} ms (p99 ${ms(p99)}, most ${ms(most)})`,
      met: p50 !== null && p50 < aim && never === 0,
    };
    return [...answers, head];
  });
}

/** A table for each way to fail. */
function tables(results) {
  return [
    ['crash', 'Crash (SIGKILL)'],
    ['hang', 'Hang (SIGSTOP)'],
  ].map(([id, title]) => {
    const rows = results
      .filter((result) => result.id === id)
      .map((result) => [
        `${result.name}, ${result.times} times`,
        ...['heldMs', 'freshMs', 'answerMs', 'headLateMs'].map((figure) =>
          threeMs(result[figure]).join(' / '),
        ),
        result.failed,
        result.unheard,
      ]);
    const heads = [
      'ms, p50 / p99 / most',
      'calls that it held',
      'fresh call',
      'any new call',
      'next head, late by',
      'calls failed',
      'heads unheard',
    ];
    return `### ${title}\n\n${table(heads, rows)}`;
  });
}

export function failoverText({ measured, results }) {
  const calm = results.find(({ caller }) => caller === 'server').lateMs;
  return `## Failover

${measuredText(measured)}From the moment at which one of three nodes is killed or frozen; \`–\` is what did not come within ten
seconds (five for a frozen node and WsProvider).

${tables(results).join('\n\n')}

- Three nodes in processes of their own (\`bench/src/moving-node.mjs\`), each of which takes 15 ms over a call: no
  repeated call can be faster than that. All announce the same blocks at the same times, one each 400 ms.
- Callers make a call each 5 ms and follow new heads. A node that holds calls of every caller and has not
  had them for long goes in that moment; it goes in turn, and comes back. Server and embedded provider
  see the same deaths. The server is called by a WsProvider.
- *calls that it held* is the last answer to those calls, *fresh call* the answer to one that is made right
  after the kill, and *any new call* the first good answer to any that was made after it. A fresh call
  notices only when the node that is gone is chosen for it.
- The aims are judged by the median, and nothing may be missing. With ${results[0].times} times p99 is the worst of
  them, and a busy machine shows in it.
- *late by* compares with the time at which the living nodes announced their next block. At the
  median of all heads the server is ${ms(calm)} ms late by the same measure.
- A hang is answered by the hedge, which goes out after the time within which 95 % of the method's calls are
  answered: the busier the machine, the later. By default it waits for a second at most.
- WsProvider has its own list of the three endpoints. It does not repeat a call, connects to the next
  endpoint 2.5 s later, and does not notice that a node hangs. Its calls to a frozen node do not
  fail either, within these five seconds. It is measured fewer times because it takes so long.
`;
}

/** @returns {import('./report.mjs').Aim[]} */
export function ethereumFailoverAims(failover) {
  return failoverAims(failover).map((aim) => ({ ...aim, name: `Ethereum: ${aim.name}` }));
}

export function ethereumFailoverText({ measured, results }) {
  return `## Ethereum: failover

${measuredText(measured)}As for Polkadot, above: the nodes are \`bench/src/eth-moving-node.mjs\`, the calls \`eth_getStorageAt\`, the heads those
of ethers' \`block\` event. Callers are a WebSocketProvider over the server, and an EthProvider.

${tables(results).join('\n\n').replaceAll('### ', '### Ethereum: ')}
`;
}
