import { measuredText, table } from './markdown.mjs';

/** A follow that leaves one small object behind leaves more than this. */
const mostBytesEach = 50;

const growth = ({ before, after, follows }) =>
  (after.at(-1).heapUsed - before.heapUsed) / (follows * after.length);

/** @returns {import('./report.mjs').Aim[]} */
export function followsAims(section) {
  const { before, after, follows } = section;
  const bytes = growth(section);
  const isBack = after.every(
    ({ live, subscriptions }) => live === before.live && subscriptions === before.subscriptions,
  );
  return [
    {
      name: `heap left by ${follows * after.length} follows`,
      aim: `< ${mostBytesEach} bytes each`,
      found: `${bytes.toFixed(0)} bytes each`,
      met: bytes < mostBytesEach,
    },
    {
      name: 'subscriptions after follows, at the server and at the node',
      aim: 'as before',
      found: isBack ? 'as before' : after.map(({ live }) => live).join(', '),
      met: isBack,
    },
  ];
}

export function followsText({ measured, follows, connections, before, after }) {
  const mega = (bytes) => (bytes / 2 ** 20).toFixed(1);
  const row = (title, { heapUsed, rss, subscriptions, live, opened, seconds }) => [
    title,
    seconds === undefined ? '–' : seconds.toFixed(1),
    mega(heapUsed),
    mega(rss),
    subscriptions,
    live,
    opened,
  ];
  const heads = [
    '',
    's',
    'heap MB',
    'RSS MB',
    'at the server',
    'at the node',
    'opened at the node',
  ];
  const count = follows.toLocaleString('en-US');
  return `## ${count} follows opened and closed

${measuredText(measured)}${table(heads, [
  row(`before, after ${count} to warm up`, before),
  ...after.map((each, round) => row(`after ${count} more, round ${round + 1}`, each)),
])}

- \`chainHead_v1_follow\` with runtime, on ${connections} connections with four at a time, which is what one client may
  have. Each is awaited until it is \`initialized\`, then ended by \`chainHead_v1_unfollow\`; the last four of a
  connection end by its closing. The chain moves on meanwhile, a block a second.
- *heap* is what is used after garbage was collected, with no client connected; *RSS* is the resident memory
  at the same moment. The blocks that came since are in both.
`;
}
