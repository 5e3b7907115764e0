import { once } from 'node:events';
import { connect } from 'node:net';
import type { ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { Keyring } from '@polkadot/keyring';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { devKeyring } from './dev-accounts.ts';
import type { DevNode } from './dev-node.ts';
import { type Devnet, type DevnetEvent, startDevnet } from './devnet.ts';
import { eventually } from './eventually.ts';
import { initialBalance } from './genesis.ts';
import { isAlive } from './is-alive.ts';
import { connectApi, connectClient, result } from './test-client.ts';

const ONE = 10n ** 12n;

// Nodes start in seconds, and in many more where others use the machine as well.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let devnet: Devnet;
let keyring: Keyring;
let node1: DevNode;
let node2: DevNode;
let node3: DevNode;
const apis: ApiPromise[] = [];
const log: string[] = [];

beforeAll(async () => {
  // polkadot-js says on each connection that this runtime is older than its metadata API.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  // One devnet for all: its start is most of the time these tests take.
  devnet = await startDevnet({ blockTimeMs: 0, log: (line) => log.push(line) });
  [node1, node2, node3] = devnet.nodes as [DevNode, DevNode, DevNode];
  keyring = await devKeyring();
});
afterEach(async () => {
  await Promise.all(apis.splice(0).map((api) => api.disconnect()));
});
afterAll(() => devnet?.close());

const headOf = (node: DevNode) => result(node, 'chain_getBlockHash');
const everywhere = (method: string, ...params: unknown[]) =>
  Promise.all(devnet.nodes.map((node) => result(node, method, ...params)));

async function connectTo(node: DevNode): Promise<ApiPromise> {
  const api = await connectApi(node);
  apis.push(api);
  return api;
}

const account = (name: string) => keyring.getPairs().find(({ meta }) => meta.name === name)!;

async function freeBalance(api: ApiPromise, name: string): Promise<bigint> {
  const { data } = (await api.query.system!.account!(account(name).address)) as unknown as {
    data: { free: { toBigInt(): bigint } };
  };
  return data.free.toBigInt();
}

const transfer = (api: ApiPromise, to: string, amount: bigint) =>
  api.tx.balances!.transferKeepAlive!(
    account(to).address,
    amount,
  ) as SubmittableExtrinsic<'promise'>;

/** A request that is sent and whose answer is up to the node. */
function pending(node: DevNode): Promise<Response> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'system_health', params: [] });
  return fetch(node.httpUrl, { method: 'POST', body });
}

describe('a devnet', () => {
  it('is one chain, equal on every node from its own genesis on', async () => {
    expect(devnet.genesisHash).not.toMatch(/^0x(45)+$/);
    const blocks = await devnet.mine(2);
    expect(blocks.map(({ number }) => number)).toEqual([2, 3]);
    expect(blocks[1]).toMatchObject(devnet.head);
    expect(await everywhere('chain_getBlockHash', 0)).toEqual(Array(3).fill(devnet.genesisHash));
    expect(await everywhere('chain_getBlockHash')).toEqual(Array(3).fill(devnet.head.hash));
    const headers = await everywhere('chain_getHeader', devnet.head.hash);
    expect(headers[1]).toEqual(headers[0]);
    expect(headers[2]).toEqual(headers[0]);
  });

  it('funds every development account', async () => {
    const api = await connectTo(node3);
    for (const { name } of devnet.accounts) {
      expect(await freeBalance(api, name)).toBe(initialBalance);
    }
  });

  it('finalizes on every node a transfer that one node was given', async () => {
    const [api1, api2, api3] = await Promise.all(devnet.nodes.map(connectTo));
    const finalized = new Promise<string>((resolve, reject) => {
      transfer(api2!, 'Bob', ONE)
        .signAndSend(account('Alice'), ({ status, isError }) => {
          if (status.isReady) devnet.mine().catch(reject);
          if (status.isFinalized) resolve(status.asFinalized.toHex());
          if (isError) reject(new Error(status.type));
        })
        .catch(reject);
    });
    expect(await finalized).toBe(devnet.head.hash);
    for (const api of [api1!, api3!]) {
      expect(await freeBalance(api, 'Bob')).toBe(initialBalance + ONE);
      const { block } = await api.rpc.chain.getBlock(devnet.head.hash);
      const methods = block.extrinsics.map(({ method }) => `${method.section}.${method.method}`);
      expect(methods).toContain('balances.transferKeepAlive');
    }
  });

  it('spreads a transaction to every pool, includes it once and empties the pools', async () => {
    const api = await connectTo(node2);
    const signed = await transfer(api, 'Bob', ONE).signAsync(account('Charlie'));
    await api.rpc.author.submitExtrinsic(signed);
    const extrinsic = signed.toHex();
    await eventually(() => everywhere('author_pendingExtrinsics')).toEqual(
      Array(3).fill([extrinsic]),
    );
    const blocks = await devnet.mine(2);
    expect(blocks.map(({ transactions }) => transactions)).toEqual([[extrinsic], []]);
    expect(await everywhere('author_pendingExtrinsics')).toEqual([[], [], []]);
    const address = account('Charlie').address;
    expect(await everywhere('system_accountNextIndex', address)).toEqual([1, 1, 1]);
  });

  it('pools a transaction once however many nodes are given it', async () => {
    const [api1, api2] = await Promise.all([connectTo(node1), connectTo(node2)]);
    const signed = await transfer(api1, 'Bob', ONE).signAsync(account('Charlie'));
    const hashes = [
      await api1.rpc.author.submitExtrinsic(signed.toHex()),
      await api2.rpc.author.submitExtrinsic(signed.toHex()),
      await api2.rpc.author.submitExtrinsic(signed.toHex()),
    ];
    expect(new Set(hashes.map(String)).size).toBe(1);
    expect(await result(node2, 'author_pendingExtrinsics')).toEqual([signed.toHex()]);
    const [block] = await devnet.mine();
    expect(block?.transactions).toEqual([signed.toHex()]);
  });

  it('orders the transactions of one signer by nonce and lets a nonce ahead wait', async () => {
    const api = await connectTo(node1);
    const sign = async (nonce: number) =>
      (await transfer(api, 'Bob', ONE).signAsync(account('Dave'), { nonce })).toHex();
    const [zero, one, two] = [await sign(0), await sign(1), await sign(2)];
    await result(node3, 'author_submitExtrinsic', two);
    await result(node2, 'author_submitExtrinsic', one);
    expect((await devnet.mine())[0]?.transactions).toEqual([]);
    await result(node1, 'author_submitExtrinsic', zero);
    expect((await devnet.mine())[0]?.transactions).toEqual([zero, one, two]);
  });

  it('refuses a transaction that was already included', async () => {
    const api = await connectTo(node1);
    const signed = await transfer(api, 'Bob', ONE).signAsync(account('Eve'));
    await result(node1, 'author_submitExtrinsic', signed.toHex());
    await devnet.mine();
    using client = await connectClient(node2);
    const again = await client.ask('author_submitExtrinsic', signed.toHex());
    expect(again.error?.code).toBe(1010);
  });

  it('tells the watcher of a transaction that it was refused while waiting', async () => {
    const api = await connectTo(node3);
    const sign = async (to: string) =>
      (await transfer(api, to, ONE).signAsync(account('Eve'), { nonce: 1 })).toHex();
    const [first, second] = [await sign('Bob'), await sign('Dave')];
    using watcher = await connectClient(node3);
    await result(node1, 'author_submitExtrinsic', first);
    await watcher.ask('author_submitAndWatchExtrinsic', second);
    const [block] = await devnet.mine();
    expect(block?.transactions).toEqual([first]);
    await eventually(() => watcher.notifications).toEqual(['ready', 'invalid']);
  });

  it('builds blocks by itself between start and stop', async () => {
    const numbers: number[] = [];
    const built = new Promise<void>((resolve) => {
      devnet.onEvent((event) => {
        if (event.type === 'block') numbers.push(event.block.number);
        if (numbers.length === 2) resolve();
      });
    });
    const { number } = devnet.head;
    devnet.start(50);
    await built;
    devnet.stop();
    await devnet.settled();
    expect(numbers.slice(0, 2)).toEqual([number + 1, number + 2]);
    expect(await everywhere('chain_getBlockHash')).toEqual(Array(3).fill(devnet.head.hash));
  });
});

describe('a lagging node', () => {
  it('stays behind, knows nothing of newer blocks, and catches up', async () => {
    const [before] = await devnet.mine();
    await node3.setLag(2);
    const [first, second, third] = await devnet.mine(3);
    expect(await headOf(node3)).toBe(first?.hash);
    expect(node3.head).toMatchObject({ number: first?.number });
    expect(await result(node3, 'chain_getHeader', second?.hash)).toBeNull();
    expect(await result(node3, 'chain_getBlockHash', third?.number)).toBeNull();
    using client = await connectClient(node3);
    const state = await client.ask('state_getStorage', '0x3a636f6465', third?.hash);
    expect(state.error).toMatchObject({ code: 4003 });
    expect(await result(node3, 'chain_getBlockHash', before?.number)).toBe(before?.hash);
    await node3.setLag(0);
    expect(await headOf(node3)).toBe(devnet.head.hash);
  });

  it('still spreads the transactions it is given', async () => {
    await node3.setLag(1);
    const api = await connectTo(node3);
    const signed = await transfer(api, 'Bob', ONE).signAsync(account('Ferdie'));
    await result(node3, 'author_submitExtrinsic', signed.toHex());
    const [block] = await devnet.mine();
    expect(block?.transactions).toEqual([signed.toHex()]);
    await node3.setLag(0);
    expect(await result(node3, 'author_pendingExtrinsics')).toEqual([]);
  });
});

describe('a forked node', () => {
  it('builds blocks nobody else knows and leaves them when healed', async () => {
    const base = devnet.head;
    const announced: string[] = [];
    const api = await connectTo(node2);
    await api.rpc.chain.subscribeNewHeads((header) => {
      announced.push(header.hash.toHex());
    });

    await node2.fork(2);
    const foreign = node2.head;
    expect(foreign.number).toBe(base.number + 2);
    expect(await headOf(node2)).toBe(foreign.hash);
    expect(await result(node1, 'chain_getHeader', foreign.hash)).toBeNull();

    const canonical = await devnet.mine(3);
    expect(await headOf(node2)).toBe(foreign.hash);
    expect(await headOf(node1)).toBe(devnet.head.hash);
    expect(canonical.map(({ hash }) => hash)).not.toContain(foreign.hash);

    await node2.heal();
    expect(await headOf(node2)).toBe(devnet.head.hash);
    expect(await result(node2, 'chain_getBlockHash', foreign.number)).toBe(canonical[1]?.hash);
    const expected = canonical.map(({ hash }) => hash);
    await eventually(() => announced.slice(-3)).toEqual(expected);
    expect(announced).toContain(foreign.hash);
  });

  it('goes back to where it left when nothing newer exists', async () => {
    await node1.fork();
    await node1.heal();
    expect(await headOf(node1)).toBe(devnet.head.hash);
    await devnet.mine();
    expect(await everywhere('chain_getBlockHash')).toEqual(Array(3).fill(devnet.head.hash));
  });
});

describe('a frozen node', () => {
  it('accepts connections, answers nothing and stops nobody, until it thaws', async () => {
    node1.freeze();
    expect(node1.status).toBe('frozen');
    const socket = connect(node1.port, '127.0.0.1');
    await once(socket, 'connect');
    let answered = false;
    const answer = pending(node1).then((response) => {
      answered = true;
      return response.json();
    });
    // A whole round of authors: also the block that was the frozen node's turn.
    await devnet.mine(3);
    expect(await headOf(node3)).toBe(devnet.head.hash);
    expect(answered).toBe(false);

    node1.thaw();
    expect(await answer).toMatchObject({ result: { isSyncing: false } });
    await devnet.settled();
    expect(await headOf(node1)).toBe(devnet.head.hash);
    socket.destroy();
  });
});

describe('a crashed node', () => {
  it('refuses connections and comes back on its port with the same chain and pool', async () => {
    const { port, pid } = node1;
    const api = await connectTo(node1);
    const waiting = (
      await transfer(api, 'Bob', ONE).signAsync(account('Ferdie'), { nonce: 3 })
    ).toHex();
    await result(node1, 'author_submitExtrinsic', waiting);
    await api.disconnect();

    await node1.crash();
    expect(node1.status).toBe('crashed');
    await expect(pending(node1)).rejects.toThrow();
    await devnet.mine();

    await node1.restart();
    expect(node1.status).toBe('running');
    expect([node1.port, node1.pid === pid]).toEqual([port, false]);
    const numbers = Array.from({ length: devnet.head.number + 1 }, (_, number) => number);
    const [restarted, other] = await everywhere('chain_getBlockHash', numbers);
    expect(restarted).toEqual(other);
    expect(await result(node1, 'author_pendingExtrinsics')).toEqual([waiting]);
    await devnet.mine(3);
    expect(await headOf(node1)).toBe(devnet.head.hash);
  });

  it('leaves the block to nobody when every other node is out as well', async () => {
    await node1.crash();
    node2.freeze();
    await node3.setLag(1);
    await expect(devnet.mine()).rejects.toThrow(
      '[no leader] no live node is at the head: node-1 crashed, node-2 frozen, node-3 lags 1',
    );
    node2.thaw();
    await node3.setLag(0);
    await node1.restart();
    await devnet.mine();
    expect(await everywhere('chain_getBlockHash')).toEqual(Array(3).fill(devnet.head.hash));
  });
});

describe('a diverging node', () => {
  it('is reported and brought back', async () => {
    const events: DevnetEvent[] = [];
    const off = devnet.onEvent((event) => events.push(event));
    const canonical = devnet.head;
    // Two blocks of its own where the network is to build one.
    await result(node3, 'dev_newBlock', { count: 2 });
    const astray = await headOf(node3);
    await devnet.mine();
    off();
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'divergence',
        node: node3,
        block: { number: canonical.number + 2, hash: astray },
        canonical,
      }),
    );
    expect(log.join('\n')).toContain('node-3: DIVERGED');
    expect(await headOf(node3)).toBe(devnet.head.hash);
  });
});

describe('close', () => {
  it('leaves no process and no open port, whatever state the nodes are in', async () => {
    const { nodes } = devnet;
    const pids = nodes.map(({ pid }) => pid);
    node2.freeze();
    await devnet.close();
    await devnet.close();
    expect(pids.filter(isAlive)).toEqual([]);
    for (const node of nodes) await expect(pending(node)).rejects.toThrow();
    await expect(devnet.mine()).rejects.toThrow('[closed]');
  });
});
