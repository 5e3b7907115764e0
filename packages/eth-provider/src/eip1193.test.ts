import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import {
  BaseError,
  type Chain,
  createPublicClient,
  createWalletClient,
  custom,
  defineChain,
  getAddress,
  type Hex,
  parseAbi,
} from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ethereum } from './chain/ethereum.ts';
import { type Eip1193Provider, eip1193 } from './eip1193.ts';
import { storeAbi, storeBytecode } from './testing/contracts.ts';
import { allServe, poolOf } from './testing/eth-pool.ts';

const bob = getAddress('0x000000000000000000000000000000000000b0b0');
const abi = parseAbi(storeAbi as never) as readonly unknown[] as never;
const phrase = 'test test test test test test test test test test test junk';
const accounts = Array.from({ length: 10 }, (_, addressIndex) =>
  mnemonicToAccount(phrase, { addressIndex }),
);
const chain: Chain = defineChain({
  ...{ id: chainId, name: 'devnet', rpcUrls: { default: { http: [] } } },
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
});
/** For a busy machine. */
const patient = { timeout: 30_000 };

let devnet: EthDevnet;
let balancer: Balancer;
let provider: Eip1193Provider;
const nodeAt = (index: number): EthNode => devnet.nodes[index] as EthNode;

beforeAll(async () => {
  devnet = await startEthDevnet({ nodes: 3, blockTimeMs: 300 });
  balancer = createBalancer(poolOf(devnet));
  provider = eip1193(balancer);
}, 60_000);
beforeEach(() => allServe(devnet, balancer), 60_000);
afterAll(async () => {
  provider?.close();
  await balancer?.close();
  await devnet?.close();
});

describe('viem over three real nodes', () => {
  const clients = () => {
    const options = { chain, transport: custom(provider), pollingInterval: 100, cacheTime: 0 };
    return { reader: createPublicClient(options), wallet: createWalletClient(options) };
  };

  it('reads, deploys a contract and hears its events, also when a node dies', async () => {
    const { reader, wallet } = clients();
    expect(await reader.getChainId()).toBe(chainId);
    expect(await reader.getBalance({ address: bob })).toBe(0n);
    const [account] = accounts;
    const deployed = await wallet.deployContract({
      ...{ abi, account: account as NonNullable<typeof account>, bytecode: storeBytecode as Hex },
      args: [] as never,
    });
    const receipt = await reader.waitForTransactionReceipt({ hash: deployed });
    const address = receipt.contractAddress as Hex;
    const heard: Hex[] = [];
    const stop = reader.watchEvent({
      address,
      onLogs: (logs) => {
        for (const { transactionHash } of logs) heard.push(transactionHash as Hex);
      },
    });
    const sent: Hex[] = [];
    for (const value of [1n, 2n, 3n]) {
      if (value === 2n) await nodeAt(0).crash();
      const hash = await wallet.writeContract({
        ...{ abi, address, functionName: 'set' as never, args: [value] as never },
        account: account as NonNullable<typeof account>,
      });
      sent.push(hash);
      const { status } = await reader.waitForTransactionReceipt({ hash });
      expect(status).toBe('success');
      const kept = await reader.readContract({ abi, address, functionName: 'value' as never });
      expect(kept).toBe(value);
    }
    await expect.poll(() => heard, patient).toEqual(sent);
    stop();
  }, 60_000);

  it('sends 200 transactions of ten accounts without trouble about nonces while a node dies', async () => {
    const { reader, wallet } = clients();
    const before = await reader.getBalance({ address: bob });
    const sent = accounts.map(async (account, a) => {
      const hashes: Hex[] = [];
      for (let i = 0; i < 20; i += 1) {
        if (a === 0 && i === 10) await nodeAt(1).crash();
        hashes.push(await wallet.sendTransaction({ account, to: bob, value: 1n, gas: 30_000n }));
      }
      return hashes;
    });
    const hashes = (await Promise.all(sent)).flat();
    const receipts = await Promise.all(
      hashes.map((hash) => reader.waitForTransactionReceipt({ hash, ...patient })),
    );
    expect(receipts.every(({ status }) => status === 'success')).toBe(true);
    expect(await reader.getBalance({ address: bob })).toBe(before + 200n);
  }, 120_000);

  it('tells errors that viem knows', async () => {
    const { reader } = clients();
    const refused = reader.request({ method: 'personal_sign' as never, params: [] as never });
    await expect(refused).rejects.toMatchObject({ name: 'MethodNotFoundRpcError', code: -32601 });
    const reverted: unknown = await reader.call({ data: '0x60006000fd' }).catch((error) => error);
    expect(reverted).toBeInstanceOf(BaseError);
    expect((reverted as BaseError).details).toContain('execution reverted');
  });
});

describe('an EIP-1193 provider', () => {
  it('tells when it can serve, and when it cannot any more', async () => {
    await using other = await startEthDevnet({ nodes: 1, blockTimeMs: 0 });
    await using pool = createBalancer(poolOf(other));
    const one = eip1193(pool);
    const told: unknown[] = [];
    one.on('connect', ({ chainId: id }) => told.push(id));
    one.on('disconnect', ({ code }) => told.push(code));
    await expect.poll(() => told, patient).toEqual(['0x539']);
    await other.nodes[0]?.crash();
    await expect.poll(() => told, patient).toEqual(['0x539', 4900]);
    await other.nodes[0]?.restart();
    await expect.poll(() => told, patient).toEqual(['0x539', 4900, '0x539']);
    one.close();
    one.close();
    await expect(one.request({ method: 'eth_chainId' })).rejects.toMatchObject({ code: 4900 });
    expect(pool.available).toBe(true);
  }, 60_000);

  it('says that nobody can be asked', async () => {
    await using nowhere = createBalancer({
      ...{ chain: ethereum({ chainId }), upstreams: ['ws://127.0.0.1:1'] },
      policy: { upstreamWaitMs: 50 },
    });
    const alone = eip1193(nowhere, { availabilityTimeoutMs: 50 });
    await expect(alone.request({ method: 'eth_gasPrice' })).rejects.toMatchObject({ code: 4900 });
    alone.close();
  });

  it('carries subscriptions, where the chain has them', async () => {
    const base = ethereum({ chainId, blockTimeMs: 1000 });
    const subscription = {
      source: 'upstream',
      resume: 'resubscribe',
      notification: 'eth_subscription',
      unsubscribe: 'eth_unsubscribe',
    } as const;
    const rows = new Map([
      [
        'eth_subscribe',
        { ...base.traits('eth_getLogs'), kind: 'subscribe', subscription } as const,
      ],
      ['eth_unsubscribe', { ...base.traits('eth_getLogs'), kind: 'unsubscribe' } as const],
    ]);
    await using pool = createBalancer({
      ...poolOf(devnet),
      chain: {
        ...base,
        traits: (method, allowed) => rows.get(method) ?? base.traits(method, allowed),
      },
    });
    const one = eip1193(pool);
    const told: unknown[] = [];
    const listener = ({ type, data }: { type: string; data: { subscription: string } }): void => {
      told.push([type, data.subscription]);
    };
    one.on('message', listener);
    const id = await one.request({ method: 'eth_subscribe', params: ['newHeads'] });
    await expect.poll(() => told.length, patient).toBeGreaterThan(2);
    expect(told[0]).toEqual(['eth_subscription', id]);
    one.removeListener('message', listener);
    expect(await one.request({ method: 'eth_unsubscribe', params: [id] })).toBe(true);
    expect(await one.request({ method: 'eth_unsubscribe', params: [id] })).toBe(false);
    expect(pool.snapshot().subscriptions).toBe(0);
    one.close();
  }, 60_000);
});
