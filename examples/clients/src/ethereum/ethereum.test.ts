import { setTimeout as sleep } from 'node:timers/promises';
import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { EthProvider, eip1193, ethereum } from '@dshackle/eth-provider';
import { startServer } from '@dshackle/server';
import { JsonRpcProvider, Network, WebSocketProvider } from 'ethers';
import { custom, http, webSocket } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ethersApp } from './ethers-app.ts';
import type { StoreApp } from './store-app.ts';
import { viemApp } from './viem-app.ts';

/** For a busy machine. */
const patient = { timeout: 60_000 };

/** Keeps what is to be closed in the end, and gives it back. */
type Keep = <T extends AsyncDisposable>(resource: T) => T;

interface Opened {
  readonly apps: readonly StoreApp[];
  readonly balancers: readonly Balancer[];
}

/** ethers and viem over every door, each with an account of its own. */
async function open(devnet: EthDevnet, keep: Keep): Promise<Opened> {
  const engine = {
    chain: ethereum({ id: 'devnet', chainId, blockTimeMs: 300 }),
    upstreams: devnet.nodes.map(({ id, wsUrl, httpUrl }) => ({
      id,
      transport: [wsUrl, httpUrl] as const,
    })),
  };
  const balancer = keep(createBalancer(engine));
  const inside = keep(createBalancer(engine));
  const server = keep(await startServer({ routes: [{ id: 'eth', balancer }], port: 0 }));
  await Promise.all([balancer.ready(), inside.ready()]);
  const httpUrl = `${server.url}/eth`;
  const wsUrl = httpUrl.replace('http', 'ws');
  const network = Network.from(chainId);
  const options = { staticNetwork: network, cacheTimeout: -1, pollingInterval: 100 };
  const socket = new WebSocketProvider(() => new WebSocket(wsUrl), network, options);
  const wallet = eip1193(inside);
  const transport = webSocket(wsUrl, { retryCount: 0, reconnect: false });
  const apps = [
    ethersApp(socket, { name: 'ethers over WebSocket', account: 0 }),
    ethersApp(new JsonRpcProvider(httpUrl, network, options), {
      ...{ name: 'ethers over HTTP', account: 1, hasSession: false },
    }),
    ethersApp(new EthProvider(inside), { name: 'ethers, engine inside', account: 2 }),
    viemApp(transport, { name: 'viem over WebSocket', account: 3 }, async () => {
      (await transport({}).value!.getRpcClient()).close();
    }),
    viemApp(http(httpUrl, { retryCount: 0 }), {
      ...{ name: 'viem over HTTP', account: 4, hasSession: false },
    }),
    viemApp(custom(wallet, { retryCount: 0 }), { name: 'viem, engine inside', account: 5 }, () =>
      wallet.close(),
    ),
  ];
  return { apps, balancers: [balancer, inside] };
}

/** What an application reads at once; without a session a node that is a block behind may answer first. */
async function reads<T>(
  { name, hasSession }: StoreApp,
  read: () => Promise<T>,
  expected: T,
): Promise<void> {
  if (hasSession) expect(await read(), name).toEqual(expected);
  else await expect.poll(read, { ...patient, message: name }).toEqual(expected);
}

/** All that a filter tells from now on, in one answer or in several. */
async function tells(app: StoreApp, expected: readonly number[]): Promise<void> {
  const told: number[] = [];
  const more = async () => {
    told.push(...(await app.changes()));
    return told;
  };
  await expect.poll(more, { ...patient, message: app.name }).toEqual(expected);
}

describe.each(['live', 'die'] as const)('ethers and viem over nodes that %s', (fate) => {
  const resources: AsyncDisposable[] = [];
  const keep: Keep = (resource) => {
    resources.unshift(resource);
    return resource;
  };
  let devnet: EthDevnet;
  let apps: readonly StoreApp[];
  let balancers: readonly Balancer[];

  beforeAll(async () => {
    devnet = keep(await startEthDevnet({ nodes: 3, blockTimeMs: 300 }));
    ({ apps, balancers } = await open(devnet, keep));
  }, 60_000);
  afterAll(async () => {
    for (const resource of resources) await resource[Symbol.asyncDispose]();
  }, 60_000);

  /** All of them do it at once; where nodes die, one does meanwhile, and is back afterwards. */
  async function all<T>(step: (app: StoreApp) => Promise<T>, victim?: number): Promise<T[]> {
    const node = fate === 'die' && victim !== undefined ? devnet.nodes[victim] : undefined;
    const dying = node && sleep(100).then(() => node.crash());
    const done = await Promise.all(apps.map(step));
    await dying;
    await node?.restart();
    // Transactions do not spread between these nodes: before the next one dies others must take them.
    if (node) await expect.poll(serving, patient).toEqual(balancers.map(() => devnet.nodes.length));
    return done;
  }
  const serving = (): number[] =>
    balancers.map(
      (balancer) =>
        balancer.snapshot().upstreams.filter(({ reason }) => reason === undefined).length,
    );
  const everyone = <T>(value: T): T[] => apps.map(() => value);

  it('read', async () => {
    await all(async (app) => {
      for (let times = 0; times < 20; times += 1) await app.read();
    }, 0);
  }, 60_000);

  it('deploy contracts', async () => {
    await all((app) => app.deploy(), 1);
    expect(await all((app) => app.value())).toEqual(everyone(0));
  }, 60_000);

  it('call them, and read what they did', async () => {
    await all(async (app) => {
      for (const value of [1, 2, 3, 4]) {
        await (await app.send(value))();
        await reads(app, () => app.value(), value);
      }
    }, 2);
  }, 60_000);

  it('hear of each event once, by listeners, filters and queries', async () => {
    for (const { name, heard } of apps) {
      await expect.poll(() => heard, { ...patient, message: name }).toEqual([1, 2, 3, 4]);
    }
    await all((app) => tells(app, [1, 2, 3, 4]));
    expect(await all((app) => app.changes())).toEqual(everyone([]));
    await all((app) => reads(app, () => app.past(), [1, 2, 3, 4]));
  }, 60_000);

  it('see a reorganisation of two blocks', async () => {
    devnet.stop();
    // Of the two blocks that will be taken back only one has anything in it.
    await devnet.mine();
    await all((app) => app.send(5));
    await devnet.mine();
    for (const { name, heard } of apps) {
      await expect.poll(() => heard, { ...patient, message: name }).toEqual([1, 2, 3, 4, 5]);
    }
    await all((app) => tells(app, [5]));
    const [, , victim] = devnet.nodes as readonly [EthNode, EthNode, EthNode];
    if (fate === 'die') await victim.crash();
    await devnet.reorg(2);
    for (const app of apps) {
      await tells(app, [-5]);
      await reads(app, () => app.value(), 4);
      await reads(app, () => app.past(), [1, 2, 3, 4]);
    }
    // What was taken back waits again, and is in the next block.
    devnet.start();
    for (const { name, heard, hearsRemovals } of apps) {
      const stands = hearsRemovals ? [1, 2, 3, 4, 5] : [1, 2, 3, 4, 5, 5];
      await expect.poll(() => heard, { ...patient, message: name }).toEqual(stands);
    }
    await all(async (app) => (await app.send(6))());
    for (const { name, heard } of apps) {
      await expect.poll(() => heard.at(-1), { ...patient, message: name }).toBe(6);
    }
    await all((app) => tells(app, [5, 6]));
    await all((app) => reads(app, () => app.past(), [1, 2, 3, 4, 5, 6]));
  }, 120_000);

  it('leave without a trace', async () => {
    await Promise.all(apps.map((app) => app.close()));
  }, 60_000);
});
