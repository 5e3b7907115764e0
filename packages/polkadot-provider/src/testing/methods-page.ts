import type { Block, ChainView, MethodTraits, SubscriptionTraits } from '@dshackle/core';
import {
  code,
  kindWords,
  lifetimeWords,
  signedName,
  strategyWords,
  table,
} from '@dshackle/core/testing/methods-page';
import { denialOf, deniedFamilies, ethereumFilters } from '../chain/denied.ts';
import { answer } from '../chain/local.ts';
import { methodNames, methodTraits } from '../chain/methods.ts';
import { paramNames } from '../chain/params.ts';
import { substrateSubmissions } from '../chain/submission.ts';
import { word } from './scripted-chain.ts';

/** One method, as the table has it where it is switched on. */
interface Entry {
  readonly name: string;
  readonly traits: MethodTraits;
}

/** The text of docs/methods-polkadot.md, from the method table. */
export function methodsPage(): string {
  const entries = methodNames.map((name): Entry => ({ name, traits: methodTraits(name, true) }));
  const served = entries.filter(({ name }) => denialOf(name) === undefined);
  const off = entries.filter(({ name }) => denialOf(name) !== undefined);
  const calls = served.filter(({ traits }) => traits.kind === 'read' || traits.kind === 'local');
  const own = served.filter(({ traits }) => traits.kind === 'service');
  return `${[
    introduction,
    '## Calls',
    callsTable(calls),
    '## Calls of one client',
    ownText,
    ownTable(own),
    '## Submissions',
    submissionsTable(served.filter(({ traits }) => traits.kind === 'submit')),
    '## Subscriptions',
    subscriptionsText,
    subscriptionsTable(served),
    endsText(served),
    '## Switched off by default',
    offText,
    offTable(off),
    '## Others',
    others,
  ].join('\n\n')}\n`;
}

const introduction = `# Methods of Polkadot

<!-- Made from the method table. To write it anew:
npx vitest run packages/polkadot-provider/src/testing/methods-page.test.ts -u -->

How each method of a node made with the Polkadot SDK is served.

- **Params** go by position or by these names, in camel or in snake case.
- **Block**: what an upstream must have to be asked. A param that says *or best* is a block hash that
  may be left out: the pool's best block is then filled in, so that retries and equal calls speak of
  one block.
- **True**: how long the answer holds.
- **By**: who answers. *One* upstream, and another after a failure; the *highest of* several; *all of*
  several, of whom the first to accept is heard; or the *pool*, from what it knows of all.
- **†** \`null\` is not believed of one upstream where the pool knows that the block is there.
- **‡** is never made twice: nobody knows what an attempt without an answer has done.
- **§** is answered by way of older methods as long as no upstream lists it.`;

function callsTable(entries: readonly Entry[]): string {
  const rows = entries.map(({ name, traits }) => [
    signedName(name, traits),
    paramsOf(name),
    blockOf(name, traits),
    lifetimeWords[traits.lifetime],
    byWhom(name, traits),
  ]);
  return table(['Method', 'Params', 'Block', 'True', 'By'], rows);
}

function submissionsTable(entries: readonly Entry[]): string {
  const rows = entries.map(({ name, traits }) => [
    signedName(name, traits),
    paramsOf(name),
    byWhom(name, traits),
  ]);
  return table(['Method', 'Params', 'By'], rows);
}

const ownText = `What these name belongs to one WebSocket connection. The balancer keeps it itself and serves it from
whichever upstream has the block, so it outlives every one of them
([limits](json-rpc.md#chainhead_v1)).`;

function ownTable(entries: readonly Entry[]): string {
  return table(
    ['Method', 'Params'],
    entries.map(({ name }) => [code(name), paramsOf(name)]),
  );
}

const subscriptionsText = `Names that mean the same stand together. *Heads* are served from the pool's own view of the chain,
and need no upstream that can subscribe; the balancer's *own* are, too, and their pinned blocks from
whichever upstream has them. The others are carried by one upstream. *Shared* ones cost one
upstream subscription however many clients ask for the same; when that dies or falls silent it is made
again on another, and of a *value* only what differs is told. A value is read at each new block while
no upstream can subscribe. What becomes of a transaction whose upstream dies is *read from the chain*. A finite
list is *begun again* on another that has the method, and each item told once. Others *end* with an error
then: what counts what it has sent cannot be begun twice.`;

function subscriptionsTable(entries: readonly Entry[]): string {
  const names = new Map<SubscriptionTraits, string[]>();
  for (const { name, traits } of entries) {
    if (!traits.subscription) continue;
    names.set(traits.subscription, [...(names.get(traits.subscription) ?? []), name]);
  }
  const rows = [...names].map(([subscription, [first = '', ...aliases]]) => [
    [first, ...aliases].map(code).join(', '),
    paramsOf(first),
    code(subscription.notification),
    code(subscription.unsubscribe),
    servedFrom(first, subscription),
  ]);
  return table(['Subscribe', 'Params', 'Notification', 'Unsubscribe', 'Served'], rows);
}

function servedFrom(name: string, subscription: SubscriptionTraits): string {
  if (subscription.source === 'head') return `heads: ${subscription.feed}`;
  if (subscription.source === 'service') return 'own';
  if (substrateSubmissions().watch(name)) return 'read from the chain';
  const mark = methodTraits(name, true).emulated === true ? ' §' : '';
  if (subscription.resume === 'never') return `ends${mark}`;
  if (!subscription.share) return `begun again${mark}`;
  return `${subscription.isReadable ? 'shared: value' : 'shared: events'}${mark}`;
}

function endsText(entries: readonly Entry[]): string {
  const ends = entries.filter(({ traits }) => traits.kind === 'unsubscribe');
  const quiet = ends.filter(({ traits }) => traits.ended !== undefined);
  const names = (some: readonly Entry[]): string => some.map(({ name }) => code(name)).join(', ');
  return `Each of these ends any of them, by the id it has here: ${names(ends)}. The answer is whether there was one;
that of ${names(quiet)} is \`null\` in any case.`;
}

const offText = `Answered with -32601 and a text that says that they are disabled here, and missing from
\`rpc_methods\`. [\`methods.enabled\`](configuration.md#methods) switches one on; what the table says holds
then. *Unsafe* ones change a node or show its inside, *costly* ones keep it busy, and what others name is
*bound to a node* and one connection to it: switched on, they work with a single upstream at best.`;

function offTable(entries: readonly Entry[]): string {
  const rows = entries.map(({ name, traits }) => [
    signedName(name, traits),
    paramsOf(name),
    String(denialOf(name)),
    kindWords[traits.kind],
    blockOf(name, traits),
  ]);
  return table(['Method', 'Params', 'Why', 'Kind', 'Block'], rows);
}

const others = `Every other name that begins with ${[...deniedFamilies.keys()].map(code).join(', ')} is switched
off as well, and so is every subscription that is in no table above: its notifications could not be
told from others. So are filters of the Ethereum interface, which belong to one node each
(${ethereumFilters.map(code).join(', ')}): \`eth_subscribe\` and \`eth_getLogs\` are not.

\`state_subscribeStorage\` takes a list of at least one key; without keys it would tell every change of
the whole state. Enabling it lifts that.

Any other method goes as it is to an upstream that lists it in \`rpc_methods\`, or that tells no list;
one that nobody has is answered with -32601. It is never made twice after an attempt without an answer,
except for reads of the Ethereum interface (\`eth_*\`, \`net_*\`, \`web3_*\`) that chains with Frontier or
revive serve on the same socket.`;

function paramsOf(name: string): string {
  return paramNames(name).map(code).join(', ');
}

/** The block in words, found out by asking the row: what it needs is a function of the params. */
function blockOf(name: string, { at, block }: MethodTraits): string {
  if (!block) return '';
  const names = paramNames(name).map(code);
  const hashes = Array.from({ length: 8 }, () => word(1));
  const named = block(hashes).kind;
  if (at !== undefined) {
    const until = `${names[at]} or best`;
    return named === 'range' ? `from ${names[at - 1]} to ${until}` : until;
  }
  if (named === 'hash') {
    const position = hashes.findIndex((_, i) => block(hashes.with(i, 'none')).kind !== 'hash');
    return String(names[position]);
  }
  return block([1]).kind === 'number' ? `number ${names[0]}` : block([]).kind;
}

const block: Block = { number: 1, hash: word(1), parentHash: word(0), header: '{}' };
/** A pool that knows all that it may be asked for. */
const view: ChainView = {
  genesisHash: word(0),
  best: block,
  finalized: block,
  safe: block,
  isDenied: () => false,
  methods: () => new Set(),
  health: () => [{ serving: true, report: { status: 'healthy' } }],
};

function byWhom(name: string, traits: MethodTraits): string {
  const who = usuallyBy(name, traits);
  return traits.emulated && who !== 'pool' ? `${who} §` : who;
}

function usuallyBy(name: string, { kind, strategy }: MethodTraits): string {
  if (kind === 'local') return 'pool';
  if (strategy.kind !== 'one') return strategyWords(strategy);
  if (answer(name, [], view) === undefined) return 'one';
  // Only what its own heads say of these.
  return answer(name, [1], view) === undefined ? 'one; pool for genesis and best' : 'pool';
}
