import { chainId, devPhrase } from '@dshackle/devnet/ethereum';
import {
  type BaseContract,
  ContractFactory,
  type EventLog,
  HDNodeWallet,
  type JsonRpcApiProvider,
} from 'ethers';
import type { StoreApp, StoreAppOptions } from './store-app.ts';
import { storeAbi, storeBytecode } from './store-contract.ts';

interface RawLog {
  readonly data: string;
  readonly removed?: boolean;
}

/** ethers over a provider, which it destroys in the end. */
export function ethersApp(
  provider: JsonRpcApiProvider,
  { name, account, hasSession = true }: StoreAppOptions,
): StoreApp {
  const path = `m/44'/60'/0'/0/${account}`;
  const wallet = HDNodeWallet.fromPhrase(devPhrase, undefined, path).connect(provider);
  const heard: number[] = [];
  let contract: BaseContract;
  let filter: string;
  return {
    name,
    heard,
    hasSession,
    // It tells a removal by an event of that log alone, for which nobody can listen in time.
    hearsRemovals: false,
    async read() {
      const number = await provider.getBlockNumber();
      const block = await provider.getBlock(number, true);
      const balance = await provider.getBalance(wallet.address, number);
      const { chainId: id } = await provider.getNetwork();
      if (block?.number !== number || balance === 0n || id !== BigInt(chainId)) {
        throw new Error(`${name}: block ${block?.number}, balance ${balance}, chain ${id}`);
      }
    },
    async deploy() {
      const factory = new ContractFactory(storeAbi, storeBytecode, wallet);
      contract = await factory.deploy();
      await contract.waitForDeployment();
      await contract.on('Stored', (value: bigint) => heard.push(Number(value)));
      filter = await provider.send('eth_newFilter', [{ address: await contract.getAddress() }]);
    },
    async send(value) {
      const sent = await contract.getFunction('set')(value);
      return async () => {
        const receipt = await sent.wait();
        if (receipt?.status !== 1) throw new Error(`${name}: ${value} failed`);
      };
    },
    value: async () => Number(await contract.getFunction('value')()),
    async past() {
      const logs = (await contract.queryFilter('Stored')) as EventLog[];
      return logs.map(({ args }) => Number(args[0]));
    },
    async changes() {
      const logs: readonly RawLog[] = await provider.send('eth_getFilterChanges', [filter]);
      return logs.map(({ data, removed }) => (removed ? -1 : 1) * Number(data));
    },
    async close() {
      await contract.removeAllListeners();
      // What is not answered when it is destroyed is rejected, and ethers awaits no `eth_unsubscribe`.
      await provider.getBlockNumber();
      await provider.destroy();
    },
  };
}
