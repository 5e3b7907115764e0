import { type Balancer, createBalancer } from '@dshackle/core';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import {
  createConfig,
  getBalance,
  getBlockNumber,
  getChainId,
  readContract,
  waitForTransactionReceipt,
  watchBlockNumber,
} from '@wagmi/core';
import type { HDNodeWallet } from 'ethers';
import { custom, defineChain, encodeFunctionData, type Hex, parseAbi } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Eip1193Provider, eip1193 } from './eip1193.ts';
import { storeAbi, storeBytecode } from './testing/contracts.ts';
import { poolOf, richAccounts } from './testing/eth-pool.ts';

const bob = '0x000000000000000000000000000000000000b0b0';
const abi = parseAbi(storeAbi as never) as readonly unknown[] as never;
const chain = defineChain({
  ...{ id: chainId, name: 'devnet', rpcUrls: { default: { http: [] } } },
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
});
/** For a busy machine. */
const patient = { timeout: 30_000 };

let devnet: EthDevnet;
let balancer: Balancer;
let provider: Eip1193Provider;
let nonce = 0;

/** wagmi, whose transport is the engine in this process. */
function configured() {
  return createConfig({
    chains: [chain],
    transports: { [chain.id]: custom(provider) },
    pollingInterval: 100,
    cacheTime: 0,
    // There is no browser to remember things in.
    storage: null,
  });
}

/** Sends one transaction of an account of the devnet; resolves with its hash. */
async function send(transaction: { to?: string; data?: string; value?: bigint }): Promise<Hex> {
  const [account] = richAccounts(1) as [HDNodeWallet];
  const fees = { gasLimit: 200_000, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n };
  const raw = await account.signTransaction({ ...transaction, ...fees, chainId, nonce, type: 2 });
  nonce += 1;
  return balancer.request<Hex>('eth_sendRawTransaction', [raw]);
}

beforeAll(async () => {
  devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
  balancer = createBalancer(poolOf(devnet));
  provider = eip1193(balancer);
  await balancer.ready();
}, 60_000);
afterAll(async () => {
  provider?.close();
  await balancer?.close();
  await devnet?.close();
});

describe('wagmi over eip1193()', () => {
  it('reads the chain, balances and a contract, no older than the receipt that it saw', async () => {
    const config = configured();
    expect(getChainId(config)).toBe(chainId);
    const deployed = await send({ data: storeBytecode });
    await devnet.mine();
    const { contractAddress } = await waitForTransactionReceipt(config, { hash: deployed });
    const address = contractAddress as Hex;
    for (const value of [7n, 8n]) {
      const data = encodeFunctionData({ abi, functionName: 'set', args: [value] } as never);
      await send({ to: bob, value });
      const hash = await send({ to: address, data });
      await devnet.mine();
      const receipt = await waitForTransactionReceipt(config, { hash });
      expect(receipt.status).toBe('success');
      expect(await getBlockNumber(config)).toBeGreaterThanOrEqual(receipt.blockNumber);
      expect(await readContract(config, { abi, address, functionName: 'value' as never })).toBe(
        value,
      );
    }
    expect((await getBalance(config, { address: bob })).value).toBe(15n);
  }, 60_000);

  it('hears of every block, also when a node dies', async () => {
    const config = configured();
    const heard: number[] = [];
    const errors: Error[] = [];
    const stop = watchBlockNumber(config, {
      emitMissed: true,
      emitOnBegin: true,
      onBlockNumber: (number) => heard.push(Number(number)),
      onError: (error) => errors.push(error),
    });
    const last = () => devnet.blocks.at(-1)?.number;
    await expect.poll(() => heard.at(-1), patient).toBe(last());
    for (let i = 0; i < 4; i += 1) {
      if (i === 1) await (devnet.nodes[0] as EthNode).crash();
      await devnet.mine();
      await expect.poll(() => heard.at(-1), patient).toBe(last());
    }
    stop();
    expect(heard).toEqual(heard.map((_, i) => (heard[0] as number) + i));
    expect(errors).toEqual([]);
  }, 60_000);
});
