import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import {
  Contract,
  ContractFactory,
  EnsPlugin,
  type EventLog,
  HDNodeWallet,
  id,
  type Log,
  Network,
  NonceManager,
} from 'ethers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ethereum } from './chain/ethereum.ts';
import { EthProvider } from './eth-provider.ts';
import { namesBytecode, storeAbi, storeBytecode } from './testing/contracts.ts';
import { allServe, poolOf, richAccounts } from './testing/eth-pool.ts';

const bob = '0x000000000000000000000000000000000000b0b0';
/** For a busy machine. */
const patient = { timeout: 30_000 };

let devnet: EthDevnet;
let provider: EthProvider;
const nodeAt = (index: number): EthNode => devnet.nodes[index] as EthNode;

beforeAll(async () => {
  devnet = await startEthDevnet({ nodes: 3, blockTimeMs: 300 });
  provider = new EthProvider(poolOf(devnet));
}, 60_000);
beforeEach(() => allServe(devnet, provider.balancer), 60_000);
afterAll(async () => {
  await provider?.destroy();
  await devnet?.close();
});

/** A contract that is on the chain. */
async function store(account: HDNodeWallet, over = provider) {
  const factory = new ContractFactory(storeAbi, storeBytecode, account.connect(over));
  const contract = await factory.deploy();
  await contract.waitForDeployment();
  return new Contract(await contract.getAddress(), storeAbi, account.connect(over));
}

/** Height of the upstream that is furthest behind. */
function lowestHead({ balancer }: EthProvider): number {
  return Math.min(...balancer.snapshot().upstreams.map(({ best }) => best?.number ?? -1));
}

describe('EthProvider over three real nodes', () => {
  it('knows its chain, and reads as a JsonRpcProvider does', async () => {
    expect((await provider.getNetwork()).chainId).toBe(BigInt(chainId));
    const number = await provider.getBlockNumber();
    expect((await provider.getBlock(number))?.number).toBe(number);
    const balances = await Promise.all(
      Array.from({ length: 100 }, () => provider.getBalance(bob, 'latest')),
    );
    expect(new Set(balances)).toEqual(new Set([0n]));
    expect((await provider.getFeeData()).gasPrice).toBeGreaterThan(0n);
  });

  it('answers a batch, each item by itself', async () => {
    const call = (id: number, method: string, params: unknown[] = []) => {
      return { id, jsonrpc: '2.0' as const, method, params };
    };
    const answers = await provider._send([
      call(1, 'eth_chainId'),
      call(2, 'eth_sendTransaction', [{}]),
      call(3, 'eth_getBalance', [bob, '0x0']),
    ]);
    expect(answers).toMatchObject([
      { id: 1, result: '0x539' },
      { id: 2, error: { code: -32601 } },
      { id: 3, result: '0x0' },
    ]);
  });

  it('deploys a contract, calls it and hears its events, also when a node dies', async () => {
    const [account] = richAccounts(1) as [HDNodeWallet];
    const contract = await store(account);
    const heard: [string, bigint, string][] = [];
    await contract.on('Stored', (by: string, value: bigint, { log }: { log: EventLog }) => {
      heard.push([by, value, log.transactionHash]);
    });
    const sent: string[] = [];
    let included = 0;
    for (const value of [5, 6, 7, 8]) {
      if (value === 7) {
        // A block that it alone has would be taken back, and with it its logs.
        await expect.poll(() => lowestHead(provider), patient).toBeGreaterThan(included);
        await nodeAt(0).crash();
      }
      const response = await contract.getFunction('set')(value);
      sent.push(response.hash);
      const receipt = await response.wait();
      expect(receipt?.status).toBe(1);
      included = receipt?.blockNumber ?? 0;
      expect(await contract.getFunction('value')()).toBe(BigInt(value));
    }
    const all = sent.map((hash, i) => [account.address, BigInt(5 + i), hash]);
    await expect.poll(() => heard, patient).toEqual(all);
    const past = await contract.queryFilter('Stored');
    expect(past.map(({ transactionHash }) => transactionHash)).toEqual(sent);
    await contract.removeAllListeners();
  }, 60_000);

  it('tells every block once, in order, also when a node dies', async () => {
    const heard: number[] = [];
    await provider.on('block', (number: number) => heard.push(number));
    await expect.poll(() => heard.length, patient).toBeGreaterThan(2);
    await nodeAt(1).crash();
    const before = heard.length;
    await expect.poll(() => heard.length, patient).toBeGreaterThan(before + 3);
    const [first = 0] = heard;
    expect(heard).toEqual(heard.map((_, i) => first + i));
    await provider.off('block');
    // What was heard of can be read.
    expect(await provider.getBlock(heard.at(-1) as number)).not.toBeNull();
  }, 60_000);

  it('sends 200 transactions of ten accounts without trouble about nonces while a node dies', async () => {
    const before = await provider.getBalance(bob);
    const accounts = richAccounts(10);
    const start = await Promise.all(
      accounts.map(({ address }) => provider.getTransactionCount(address, 'pending')),
    );
    const sent = accounts.map(async (account, a) => {
      const signer = account.connect(provider);
      const hashes: string[] = [];
      for (let i = 0; i < 20; i += 1) {
        if (a === 0 && i === 10) await nodeAt(2).crash();
        const { hash, nonce } = await signer.sendTransaction({ to: bob, value: 1n });
        expect(nonce).toBe((start[a] as number) + i);
        hashes.push(hash);
      }
      return hashes;
    });
    const hashes = (await Promise.all(sent)).flat();
    const receipts = await Promise.all(
      hashes.map((hash) => provider.waitForTransaction(hash, 1, 30_000)),
    );
    expect(receipts.every((receipt) => receipt?.status === 1)).toBe(true);
    expect(await provider.getBalance(bob)).toBe(before + 200n);
  }, 120_000);

  it('serves a signer that counts its own nonces', async () => {
    const [account] = richAccounts(1) as [HDNodeWallet];
    const signer = new NonceManager(account.connect(provider));
    const sent = await Promise.all(
      Array.from({ length: 10 }, () => signer.sendTransaction({ to: bob, value: 1n })),
    );
    for (const response of sent) expect((await response.wait())?.status).toBe(1);
  }, 60_000);

  it('looks up names where the network says', async () => {
    const [account] = richAccounts(1) as [HDNodeWallet];
    const factory = new ContractFactory([], namesBytecode, account.connect(provider));
    const names = await factory.deploy();
    const address = await (await names.waitForDeployment()).getAddress();
    const network = new Network('devnet', chainId).attachPlugin(new EnsPlugin(address, chainId));
    await using named = new EthProvider(provider.balancer, { network });
    expect(await named.resolveName('app.test')).toBe(address);
    await account.connect(named).sendTransaction({ to: 'app.test', value: 0n, gasLimit: 50_000n });
  }, 60_000);

  it('has the codes of ethers for what nodes say', async () => {
    await expect(provider.call({ data: '0x60006000fd' })).rejects.toMatchObject({
      code: 'CALL_EXCEPTION',
    });
    const poor = HDNodeWallet.createRandom().connect(provider);
    const fields = { to: bob, value: 1n, gasLimit: 21_000n };
    await expect(poor.sendTransaction(fields)).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
    });
    const [account] = richAccounts(1) as [HDNodeWallet];
    const old = { ...fields, nonce: 0 };
    await expect(account.connect(provider).sendTransaction(old)).rejects.toMatchObject({
      code: 'NONCE_EXPIRED',
    });
  });

  it('has the codes of ethers for what the engine says', async () => {
    await expect(provider.send('personal_sign', [])).rejects.toMatchObject({
      code: 'UNSUPPORTED_OPERATION',
    });
    await using nowhere = new EthProvider({
      upstreams: ['ws://127.0.0.1:1'],
      policy: { upstreamWaitMs: 50 },
      availabilityTimeoutMs: 50,
    });
    await expect(nowhere.getBalance(bob)).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
  });
});

describe('who owns an engine closes it', () => {
  it('and a provider owns the one that it made', async () => {
    const own = new EthProvider(poolOf(devnet));
    await own.getBlockNumber();
    const last = own.getBalance(bob);
    const refused = expect(last).rejects.toMatchObject({ code: 'UNSUPPORTED_OPERATION' });
    await own.destroy();
    await own.destroy();
    await refused;
    expect(own.destroyed).toBe(true);
    await expect(own.balancer.ready()).rejects.toMatchObject({ code: 'closed' });
    await expect(own.getBalance(bob)).rejects.toMatchObject({ code: 'UNSUPPORTED_OPERATION' });
  });

  it('and not one that was given to it', async () => {
    await using shared = createBalancer(poolOf(devnet));
    const one = new EthProvider(shared);
    await using other = new EthProvider(shared);
    await one.on('block', () => {});
    expect((await one.getNetwork()).chainId).toBe(BigInt(chainId));
    await one.destroy();
    expect(await other.getBalance(bob, 0)).toBe(0n);
    expect(shared.available).toBe(true);
  });

  it('and a provider of any chain is of the first that answers', async () => {
    const { upstreams } = poolOf(devnet);
    await using any = new EthProvider({ upstreams });
    expect((await any.getNetwork()).chainId).toBe(BigInt(chainId));
    await using wrong = new EthProvider({ upstreams, network: 1 });
    await expect(wrong.getNetwork()).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
  });
});

describe('on a chain with subscriptions', () => {
  let streaming: EthProvider;
  let engine: Balancer;

  beforeAll(() => {
    const base = ethereum({ chainId, blockTimeMs: 1000 });
    const subscribe = {
      ...base.traits('eth_getLogs'),
      kind: 'subscribe',
      subscription: {
        source: 'upstream',
        resume: 'resubscribe',
        notification: 'eth_subscription',
        unsubscribe: 'eth_unsubscribe',
      },
    } as const;
    engine = createBalancer({
      ...poolOf(devnet),
      chain: {
        ...base,
        traits: (method, allowed) =>
          method === 'eth_subscribe' ? subscribe : base.traits(method, allowed),
      },
    });
    streaming = new EthProvider(engine);
  });
  afterAll(async () => {
    await streaming.destroy();
    await engine.close();
  });

  it('hears events and pending transactions from them, also when nodes die', async () => {
    const [account] = richAccounts(1) as [HDNodeWallet];
    const contract = await store(account, streaming);
    const logs: string[] = [];
    const pending = new Set<string>();
    const filter = {
      address: await contract.getAddress(),
      topics: [id('Stored(address,uint256)')],
    };
    await streaming.on(filter, (log: Log) => logs.push(log.transactionHash));
    await streaming.on('pending', (hash: string) => pending.add(hash));
    await expect.poll(() => engine.snapshot().subscriptions, patient).toBe(2);
    const sent: string[] = [];
    const isHeard = (since: number): boolean => {
      const all = sent.slice(since);
      return all.some((hash) => logs.includes(hash)) && all.some((hash) => pending.has(hash));
    };
    for (const value of [1, 2]) {
      const since = sent.length;
      // What passes while a subscription is between two nodes is not heard on this bare row.
      const heard = async (): Promise<boolean> => {
        const response = await contract.getFunction('set')(value);
        sent.push(response.hash);
        await response.wait();
        return isHeard(since);
      };
      await expect.poll(heard, patient).toBe(true);
      if (value === 1) await nodeAt(0).crash();
    }
    expect(logs).toEqual(sent.filter((hash) => logs.includes(hash)));
    await streaming.removeAllListeners();
    await expect.poll(() => engine.snapshot().subscriptions, patient).toBe(0);
  }, 60_000);
});
