import { chainId, devPhrase } from '@dshackle/devnet/ethereum';
import {
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  parseAbi,
  type Transport,
} from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import type { StoreApp, StoreAppOptions } from './store-app.ts';
import { storeAbi, storeBytecode } from './store-contract.ts';

const chain: Chain = defineChain({
  ...{ id: chainId, name: 'devnet', rpcUrls: { default: { http: [] } } },
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
});
const abi = parseAbi(storeAbi);
const [stored] = abi;

/** viem over a transport, which `close` closes in the end. */
export function viemApp(
  transport: Transport,
  { name, account: addressIndex, hasSession = true }: StoreAppOptions,
  close: () => Promise<void> | void = () => {},
): StoreApp {
  const account = mnemonicToAccount(devPhrase, { addressIndex });
  const shared = { chain, transport, pollingInterval: 100, cacheTime: 0 };
  const reader = createPublicClient(shared);
  const wallet = createWalletClient({ ...shared, account });
  const heard: number[] = [];
  const troubles: unknown[] = [];
  let address: Hex;
  let changes: StoreApp['changes'];
  let stop: (() => void) | undefined;
  return {
    name,
    heard,
    hasSession,
    hearsRemovals: true,
    async read() {
      const blockNumber = await reader.getBlockNumber();
      const block = await reader.getBlock({ blockNumber, includeTransactions: true });
      const balance = await reader.getBalance({ address: account.address, blockNumber });
      const id = await reader.getChainId();
      if (block.number !== blockNumber || balance === 0n || id !== chainId) {
        throw new Error(`${name}: block ${block.number}, balance ${balance}, chain ${id}`);
      }
    },
    async deploy() {
      const hash = await wallet.deployContract({ abi, bytecode: storeBytecode });
      const { contractAddress } = await reader.waitForTransactionReceipt({ hash });
      address = contractAddress as Hex;
      const filter = await reader.createEventFilter({ address, event: stored });
      changes = async () =>
        (await reader.getFilterChanges({ filter })).map(
          ({ args, removed }) => (removed ? -1 : 1) * Number(args.value),
        );
      stop = reader.watchContractEvent({
        ...{ abi, address, eventName: 'Stored' },
        onLogs(logs) {
          for (const { args, removed } of logs) {
            const value = Number(args.value);
            if (removed) heard.splice(heard.lastIndexOf(value), 1);
            else heard.push(value);
          }
        },
        onError: (error) => troubles.push(error),
      });
    },
    async send(value) {
      const hash = await wallet.writeContract({
        ...{ abi, address, functionName: 'set' },
        args: [BigInt(value)],
      });
      return async () => {
        const { status } = await reader.waitForTransactionReceipt({ hash });
        if (status !== 'success') throw new Error(`${name}: ${value} failed`);
      };
    },
    value: async () => Number(await reader.readContract({ abi, address, functionName: 'value' })),
    async past() {
      const logs = await reader.getLogs({ address, event: stored, fromBlock: 0n });
      return logs.map(({ args }) => Number(args.value));
    },
    changes: () => changes(),
    async close() {
      stop?.();
      // viem awaits no `eth_unsubscribe`, and opens a closed socket again for it.
      await reader.getBlockNumber();
      await close();
      if (troubles.length > 0) throw new Error(`${name}: ${String(troubles[0])}`);
    },
  };
}
