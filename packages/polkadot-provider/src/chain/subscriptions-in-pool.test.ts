import { type Balancer, createBalancer } from '@dshackle/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PolkadotProvider } from '../provider.ts';
import { ScriptedChain } from '../testing/scripted-chain.ts';
import { ScriptedNode } from '../testing/scripted-node.ts';
import { polkadot } from './polkadot.ts';

/*
 * Each kind of subscription that clients share, over real sockets: two nodes, one engine, and
 * providers as its clients.
 */

const version = (specVersion: number): object => ({
  specName: 'scripted',
  implName: 'scripted',
  authoringVersion: 0,
  specVersion,
  implVersion: 0,
  transactionVersion: 1,
  apis: [],
});

let chain: ScriptedChain;
let nodes: readonly ScriptedNode[];
let balancer: Balancer;
const providers: PolkadotProvider[] = [];

/** What the nodes hold: they answer and notify from this. */
let spec: number;
let storage: Map<string, string | null>;

function values(keys: readonly string[], block: string): object {
  return { block, changes: keys.map((key) => [key, storage.get(key) ?? null]) };
}

beforeEach(async () => {
  chain = new ScriptedChain(3);
  spec = 1;
  storage = new Map();
  nodes = await Promise.all([ScriptedNode.start(chain), ScriptedNode.start(chain)]);
  for (const node of nodes) {
    node.on('state_getRuntimeVersion', () => version(spec));
    node.on('state_queryStorageAt', ([keys, at]) => [
      values(keys as string[], String(at ?? chain.hash(chain.height))),
    ]);
  }
  balancer = await startBalancer();
});
afterEach(async () => {
  await Promise.all(providers.splice(0).map((provider) => provider.disconnect()));
  await balancer.close();
  await Promise.all(nodes.map((node) => node.die()));
});

/** Starts one before both nodes, both of which serve. */
async function startBalancer(): Promise<Balancer> {
  const started = createBalancer({
    chain: polkadot({ id: 'scripted', genesisHash: chain.genesisHash }),
    upstreams: nodes.map(({ url }, i) => ({ id: `${i}`, transport: url })),
  });
  await vi.waitFor(() => {
    const { upstreams } = started.snapshot();
    expect(upstreams.map(({ reason }) => reason)).toEqual([undefined, undefined]);
  }, 20_000);
  return started;
}

/** One more client that subscribes; what it hears. */
async function hear(type: string, method: string, params: unknown[] = []): Promise<unknown[]> {
  const provider = new PolkadotProvider(balancer);
  providers.push(provider);
  const heard: unknown[] = [];
  await provider.subscribe(type, method, params, (error, item) => heard.push(error ?? item));
  return heard;
}

const live = (...methods: readonly string[]): number =>
  nodes
    .flatMap((node) => methods.map((method) => node.subscriptions(method).length))
    .reduce((a, b) => a + b);

const carrier = (method: string): ScriptedNode =>
  nodes.find((node) => node.subscriptions(method).length > 0) as ScriptedNode;

describe('the runtime version', () => {
  const methods = ['state_subscribeRuntimeVersion', 'chain_subscribeRuntimeVersion'];

  it('is one upstream subscription under both names, told at once and when it changes', async () => {
    const clients: unknown[][] = [];
    for (const method of [...methods, ...methods]) {
      clients.push(await hear('state_runtimeVersion', method));
    }
    expect(clients.slice(1)).toEqual([[version(1)], [version(1)], [version(1)]]);
    await expect.poll(() => clients[0]).toEqual([version(1)]);
    expect(live(...methods)).toBe(1);
    spec = 2;
    carrier('state_subscribeRuntimeVersion').push('state_subscribeRuntimeVersion', version(2));
    for (const heard of clients) {
      await expect.poll(() => heard).toEqual([version(1), version(2)]);
    }
  });

  it('is not told again by the next node, and its change meanwhile is', async () => {
    const heard = await hear('state_runtimeVersion', 'state_subscribeRuntimeVersion');
    await expect.poll(() => heard).toEqual([version(1)]);
    await carrier('state_subscribeRuntimeVersion').die();
    await expect.poll(() => live('state_subscribeRuntimeVersion')).toBe(1);
    spec = 2;
    carrier('state_subscribeRuntimeVersion').push('state_subscribeRuntimeVersion', version(2));
    await expect.poll(() => heard).toEqual([version(1), version(2)]);
  });
});

describe('storage', () => {
  const method = 'state_subscribeStorage';
  const subscribe = (...keys: readonly string[]) => hear('state_storage', method, [keys]);

  it('is one upstream subscription a set of keys, told whole to whoever comes late', async () => {
    storage.set('0x01', '0xaa');
    const one = await subscribe('0x01', '0x02');
    await expect.poll(() => one).toHaveLength(1);
    const block = chain.hash(chain.grow());
    for (const node of nodes) node.advance();
    storage.set('0x02', '0xbb');
    carrier(method).push(method, { block, changes: [['0x02', '0xbb']] });
    await expect.poll(() => one).toHaveLength(2);
    const late = await subscribe('0x02', '0x01', '0x02');
    expect(late).toEqual([
      {
        block,
        changes: [
          ['0x01', '0xaa'],
          ['0x02', '0xbb'],
        ],
      },
    ]);
    expect(one.at(-1)).toEqual({ block, changes: [['0x02', '0xbb']] });
    expect(live(method)).toBe(1);
    await subscribe('0x01');
    expect(live(method)).toBe(2);
  });

  it('tells after the death of its node only what differs', async () => {
    storage.set('0x01', '0xaa');
    const heard = await subscribe('0x01', '0x02');
    await expect.poll(() => heard).toHaveLength(1);
    chain.grow();
    for (const node of nodes) node.advance();
    storage.set('0x02', '0xbb');
    await carrier(method).die();
    await expect.poll(() => heard).toHaveLength(2);
    expect(heard.at(-1)).toMatchObject({ changes: [['0x02', '0xbb']] });
    expect(live(method)).toBe(1);
  });

  it('ends upstream with its last client', async () => {
    await subscribe('0x01');
    await subscribe('0x01');
    await providers[0]?.disconnect();
    expect(live(method)).toBe(1);
    await providers[1]?.disconnect();
    await expect.poll(() => live(method)).toBe(0);
    expect(balancer.snapshot().subscriptions).toBe(0);
  });

  it('with params that are no keys is declined before a node hears of it', async () => {
    await expect(subscribe('nonsense')).rejects.toThrow(
      'keys must be a list of keys in hex, not one with "nonsense"',
    );
    expect(nodes.flatMap((node) => node.asked(method))).toEqual([]);
  });
});

describe('justifications', () => {
  it.each(['grandpa', 'beefy'])('of %s are one upstream subscription', async (of) => {
    const [type, method] = [`${of}_justifications`, `${of}_subscribeJustifications`];
    const one = await hear(type, method);
    const two = await hear(type, method);
    carrier(method).push(method, '0x01');
    await expect.poll(() => [one, two]).toEqual([['0x01'], ['0x01']]);
    expect(live(method)).toBe(1);
  });

  it('of GRANDPA are told once, also when the next node has gathered other votes', async () => {
    const method = 'grandpa_subscribeJustifications';
    const justification = (round: string, votes: string): string =>
      `0x${round}00000000000000${'ab'.repeat(32)}${votes}`;
    const heard = await hear('grandpa_justifications', method);
    carrier(method).push(method, justification('01', 'aa'));
    await expect.poll(() => heard).toHaveLength(1);
    await carrier(method).die();
    await expect.poll(() => live(method)).toBe(1);
    carrier(method).push(method, justification('01', 'bbbb'));
    carrier(method).push(method, justification('02', 'cc'));
    await expect.poll(() => heard).toEqual([justification('01', 'aa'), justification('02', 'cc')]);
  });
});

describe('what one node carries', () => {
  const block = { hash: `0x${'ab'.repeat(32)}`, index: 1 };
  const item = { key: '0x01', value: '0x02' };

  it.each<[string, string, unknown[], unknown[]]>([
    ['eth_subscribe', 'eth_subscription', ['newHeads'], [{ number: '0x1' }, { number: '0x2' }]],
    ['statement_subscribeStatement', 'statement_statement', ['any'], ['0x01', '0x02']],
    [
      'author_submitAndWatchExtrinsic',
      'author_extrinsicUpdate',
      ['0x0102'],
      ['ready', { broadcast: ['a'] }, { inBlock: block.hash }],
    ],
    [
      'transactionWatch_v1_submitAndWatch',
      'transactionWatch_v1_watchEvent',
      ['0x0102'],
      [{ event: 'validated' }, { event: 'bestChainBlockIncluded', block }],
    ],
    [
      'archive_v1_storage',
      'archive_v1_storageEvent',
      ['best', []],
      [{ event: 'storage', ...item }, { event: 'storageDone' }],
    ],
    [
      'archive_v1_storageDiff',
      'archive_v1_storageDiffEvent',
      ['best', []],
      [{ event: 'storageDiff', type: 'added', ...item }, { event: 'storageDiffDone' }],
    ],
  ])('by %s is told as it comes, as %s', async (method, notification, params, items) => {
    for (const node of nodes) node.on('rpc_methods', () => ({ methods: [method] }));
    await balancer.close();
    balancer = await startBalancer();
    const at = params.map((each) => (each === 'best' ? chain.hash(chain.height) : each));
    const heard = await hear(notification, method, at);
    expect(balancer.chain.traits(method).subscription?.notification).toBe(notification);
    for (const each of items) carrier(method).push(method, each);
    await expect.poll(() => heard).toEqual(items);
  });
});
