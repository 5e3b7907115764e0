import { setTimeout as sleep } from 'node:timers/promises';
import { type Balancer, createBalancer } from '@dshackle/core';
import {
  type DevNode,
  type Devnet,
  type FaultProxy,
  startDevnet,
  startFaultProxy,
} from '@dshackle/devnet';
import { PolkadotProvider, polkadot } from '@dshackle/polkadot-provider';
import { type Server, startServer } from '@dshackle/server';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HeadRecord } from './head-record.ts';

/**
 * The promises of docs/architecture.md by name, on real nodes behind paths that break, with real
 * clients that never stop: what holds here holds while everything around it fails.
 */
const blockTimeMs = 1000;
const blocksPerFault = 2;

let devnet: Devnet;
let proxies: FaultProxy[];
let balancer: Balancer;
let server: Server;
let provider: PolkadotProvider;
let clients: Client[];

interface Fault {
  readonly name: string;
  begin(node: DevNode, proxy: FaultProxy): unknown;
  end(node: DevNode, proxy: FaultProxy): unknown;
}

const faults: readonly Fault[] = [
  { name: 'a crash', begin: (node) => node.crash(), end: (node) => node.restart() },
  { name: 'a hang', begin: (node) => node.freeze(), end: (node) => node.thaw() },
  { name: 'a cut', begin: (_, proxy) => proxy.cut(), end: () => {} },
  {
    name: 'a black hole',
    begin: (_, proxy) => proxy.blackHole(true),
    end: (_, proxy) => proxy.blackHole(false),
  },
  {
    name: 'garbage',
    begin: (_, proxy) => proxy.garbage(true),
    end: (_, proxy) => proxy.garbage(false),
  },
  {
    name: 'a rate limit with a cut',
    begin: (_, proxy) => {
      proxy.rateLimit(1);
      proxy.cut();
    },
    end: (_, proxy) => proxy.rateLimit(false),
  },
  {
    name: 'a refusal with a cut',
    begin: (_, proxy) => {
      proxy.refuse(true);
      proxy.cut();
    },
    end: (_, proxy) => proxy.refuse(false),
  },
  {
    name: 'a second of latency',
    begin: (_, proxy) => proxy.setLatency(1000),
    end: (_, proxy) => proxy.setLatency(0),
  },
  { name: 'a lag', begin: (node) => node.setLag(4), end: (node) => node.setLag(0) },
  { name: 'a fork', begin: (node) => node.fork(), end: (node) => node.heal() },
];

/** A polkadot-js application that reads and follows without pause, and writes down what it sees. */
class Client {
  readonly api: ApiPromise;
  readonly finalized = new HeadRecord();
  readonly best: { readonly number: number; readonly hash: string; readonly parent: string }[] = [];
  readonly failures: string[] = [];
  /** Heights that a read without a block spoke of, in the order of the answers. */
  readonly readHeights: number[] = [];
  calls = 0;
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(api: ApiPromise) {
    this.api = api;
  }

  static async start(api: ApiPromise): Promise<Client> {
    const client = new Client(api);
    await api.rpc.chain.subscribeFinalizedHeads((head) =>
      client.finalized.note(head.number.toNumber()),
    );
    await api.rpc.chain.subscribeNewHeads((head) => {
      client.best.push({
        number: head.number.toNumber(),
        hash: head.hash.toHex(),
        parent: head.parentHash.toHex(),
      });
    });
    client.#reading = client.#read();
    return client;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#reading;
    await this.api.disconnect();
  }

  async #read(): Promise<void> {
    while (!this.#stopped) {
      this.calls += 1;
      try {
        const header = await this.api.rpc.chain.getHeader();
        this.readHeights.push(header.number.toNumber());
      } catch (error) {
        this.failures.push(String(error));
      }
      await sleep(25);
    }
  }
}

async function reach(height: number): Promise<void> {
  while (clients.some(({ finalized }) => finalized.last < height)) await sleep(50);
}

beforeAll(async () => {
  devnet = await startDevnet({ nodes: 3, blockTimeMs });
  proxies = await Promise.all(devnet.nodes.map(({ wsUrl }) => startFaultProxy({ target: wsUrl })));
  const chain = polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs });
  const upstreams = devnet.nodes.map(({ id }, i) => ({
    id,
    transport: [proxies[i]!.wsUrl, proxies[i]!.httpUrl],
  }));
  balancer = createBalancer({ chain, upstreams });
  server = await startServer({ routes: [{ id: 'polkadot', balancer }], port: 0 });
  provider = new PolkadotProvider({ chain, upstreams });
  await Promise.all([balancer.ready(), provider.isReady]);
  const serverUrl = `${server.url.replace('http', 'ws')}/polkadot`;
  const apis = await Promise.all([
    ApiPromise.create({ provider: new WsProvider(serverUrl), noInitWarn: true }),
    ApiPromise.create({ provider, noInitWarn: true }),
  ]);
  clients = await Promise.all(apis.map((api) => Client.start(api)));
}, 120_000);

afterAll(async () => {
  await Promise.all(clients?.map((client) => client.stop()) ?? []);
  await server?.close();
  await balancer?.close();
  await Promise.all(proxies?.map((proxy) => proxy.close()) ?? []);
  await devnet?.close();
}, 60_000);

describe.sequential('while one node after the other fails', () => {
  for (const [index, fault] of faults.entries()) {
    it(`blocks go on arriving under ${fault.name}`, async () => {
      const node = devnet.nodes[index % 3]!;
      const proxy = proxies[index % 3]!;
      await fault.begin(node, proxy);
      await reach(devnet.head.number + blocksPerFault);
      await fault.end(node, proxy);
    }, 60_000);
  }

  it('every upstream is back in rotation by itself (promise 6, right chain)', async () => {
    const reasons = (): unknown[] => balancer.snapshot().upstreams.map(({ reason }) => reason);
    while (reasons().some((reason) => reason !== undefined)) await sleep(100);
    expect(reasons()).toEqual([undefined, undefined, undefined]);
  }, 90_000);

  it('promise 1, failover: no call failed', () => {
    for (const { calls, failures } of clients) {
      expect(failures).toEqual([]);
      expect(calls).toBeGreaterThan(100);
    }
  });

  it('promise 2, monotonic reads: no answer spoke of an older block than one before', () => {
    for (const { readHeights } of clients) {
      expect(readHeights).toEqual([...readHeights].sort((a, b) => a - b));
    }
  });

  it('promise 3, whole subscriptions: every finalized block once and in order', () => {
    for (const { finalized } of clients) {
      expect(finalized.received).toBeGreaterThan(faults.length * blocksPerFault);
      expect(finalized.gaps).toBe(0);
      expect(finalized.duplicates).toBe(0);
    }
  });

  it('promise 3, whole subscriptions: every best block once, its parent before it', () => {
    for (const { best } of clients) {
      const hashes = best.map(({ hash }) => hash);
      expect(new Set(hashes).size).toBe(hashes.length);
      for (const { parent } of best.slice(1)) expect(hashes).toContain(parent);
    }
  });

  it('promise 10, explainable: an answer names the upstream and the attempts', async () => {
    const answer = await balancer.forward({ method: 'system_name', params: '[]' });
    expect(devnet.nodes.map(({ id }) => id)).toContain(answer.upstream);
    expect(answer.attempts.at(-1)).toMatchObject({
      upstream: answer.upstream,
      outcome: 'answered',
    });
  });
});
