import type { Block, ChainView, MethodTraits } from '@dshackle/core';
import {
  code,
  kindWords,
  lifetimeWords,
  signedName,
  strategyWords,
  table,
} from '@dshackle/core/testing/methods-page';
import { denialOf, deniedFamilies } from '../chain/denied.ts';
import { answer } from '../chain/local.ts';
import { methodNames, methodTraits } from '../chain/methods.ts';

/** One method, as the table has it where it is switched on. */
interface Entry {
  readonly name: string;
  readonly traits: MethodTraits;
}

/** The text of docs/methods-ethereum.md, from the method table. */
export function methodsPage(): string {
  const entries = methodNames.map((name): Entry => ({ name, traits: methodTraits(name, true) }));
  const served = entries.filter(({ name }) => denialOf(name) === undefined);
  const of = (...kinds: readonly string[]): readonly Entry[] =>
    served.filter(({ traits }) => kinds.includes(traits.kind));
  return `${[
    introduction,
    '## Calls',
    callsTable(of('read', 'local')),
    '## Kept by the balancer',
    ownText,
    ownTable(of('service')),
    '## Submissions',
    submissionsTable(of('submit')),
    '## Subscriptions',
    subscriptions,
    '## Switched off by default',
    offText,
    offTable(entries.filter(({ name }) => denialOf(name) !== undefined)),
    '## Others',
    others,
  ].join('\n\n')}\n`;
}

const introduction = `# Methods of Ethereum

<!-- Made from the method table. To write it anew:
npx vitest run packages/eth-provider/src/testing/methods-page.test.ts -u -->

How each method of an Ethereum node is served. [What stands behind it](ethereum.md).

- **Block**: the param that names the block which an upstream must have to be asked; 1 is the first. A tag in it
  (\`latest\`, \`safe\`, \`finalized\`, or none) is filled in with the pool's agreed head, so that retries and
  equal calls speak of one block. *Latest* alone: what is asked is of the head, whichever the node has.
- **True**: how long the answer holds.
- **By**: who answers. *One* upstream, and another after a failure; the *highest of* several; *all of*
  several, of whom the first to accept is heard; or the *pool*, from what it knows of all.
- **†** \`null\` is not believed of one upstream where another may know.
- **‡** is never made twice: nobody knows what an attempt without an answer has done.`;

function callsTable(entries: readonly Entry[]): string {
  const rows = entries.map(({ name, traits }) => [
    signedName(name, traits),
    blockOf(traits),
    lifetimeWords[traits.lifetime],
    byWhom(name, traits),
  ]);
  return table(['Method', 'Block', 'True', 'By'], rows);
}

const ownText = `Logs are joined from as many queries as upstreams need; a nonce that is left out is the one that the
pool counts; filters belong to the connection or the client
that made them and outlive every upstream ([both](ethereum.md#logs-and-filters)).`;

function ownTable(entries: readonly Entry[]): string {
  return table(
    ['Method', 'Block'],
    entries.map(({ name, traits }) => [code(name), blockOf(traits)]),
  );
}

function submissionsTable(entries: readonly Entry[]): string {
  const rows = entries.map(({ name, traits }) => [
    signedName(name, traits),
    strategyWords(traits.strategy),
  ]);
  return table(['Method', 'By'], rows);
}

const subscriptions = `\`eth_subscribe\`, ended by \`eth_unsubscribe\`, notifies as \`eth_subscription\`. By its first param:

${table(
  ['Kind', 'Served'],
  [
    ['`newHeads`', "from the pool's own view of the chain: every block of the best chain once"],
    [
      '`logs`',
      'the same, block by block; what a reorganisation takes back comes again with `removed: true`',
    ],
    [
      '`newPendingTransactions`',
      'shared: one upstream carries it for all; hashes, or whole with `true`',
    ],
    ['`syncing`', 'of the pool'],
  ],
)}`;

const offText = `Answered with -32601 and a text that says that they are disabled here.
[\`methods.enabled\`](configuration.md#methods) switches one on, \`method-groups\` all of \`debug\` or of \`trace\`;
what the table says holds then. *Unsafe* ones change a node or use its keys, *costly* ones keep it busy,
*development* ones make up blocks and balances.`;

function offTable(entries: readonly Entry[]): string {
  const rows = entries.map(({ name, traits }) => [
    signedName(name, traits),
    String(denialOf(name)),
    kindWords[traits.kind],
    blockOf(traits),
  ]);
  return table(['Method', 'Why', 'Kind', 'Block'], rows);
}

const others = `Every other name that begins with ${[...deniedFamilies.keys()].map(code).join(', ')} is switched
off as well, and so are \`eth_sign\`, \`eth_sendTransaction\` and whatever else uses a node's keys or its mining;
and every other subscription or filter, which would be bound to one node.

Any other method goes as it is to an upstream; one that nobody has is answered as they
answer it, most with -32601. It is never made twice after an attempt without an answer.`;

const hash = `0x${'1'.repeat(64)}`;

/** The block in words, found out by asking the row: what it needs is a function of the params. */
function blockOf({ at, block }: MethodTraits): string {
  if (!block) return '';
  if (at !== undefined) return `param ${at + 1}`;
  if (block([hash]).kind === 'hash') return 'param 1, a hash';
  const range = block([{ fromBlock: '0x1', toBlock: '0x2' }]);
  return range.kind === 'number' ? 'the range in param 1' : 'latest';
}

function byWhom(name: string, { kind, strategy }: MethodTraits): string {
  const isFromPool = kind === 'local' || answer(name, [], view, 1) !== undefined;
  return isFromPool ? 'pool' : strategyWords(strategy);
}

const block: Block = { number: 1, hash, parentHash: hash, header: '{}' };
/** A pool that knows all that it may be asked for. */
const view: ChainView = {
  genesisHash: hash,
  best: block,
  finalized: block,
  safe: block,
  isDenied: () => false,
  methods: () => new Set(),
  health: () => [{ serving: true, report: { status: 'healthy' } }],
};
