import { chainId } from '@dshackle/devnet/ethereum';
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  getAddress,
  numberToHex,
  type Transport,
} from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import type { HeadListener } from '../../clients/client.ts';
import { endOf } from '../../clients/end-of.ts';
import { LogRecord } from '../log-record.ts';
import { type EthClient, type EthClientOptions, inclusionTimeoutMs, phrase } from './eth-client.ts';

const chain = defineChain({
  id: chainId,
  name: 'devnet',
  rpcUrls: { default: { http: [] } },
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
});

/** viem over a transport. */
export function viem(
  transport: Transport,
  options: EthClientOptions & {
    /** Follows heads by their hashes. */
    readonly followHeads: (
      listener: HeadListener,
      onTrouble: (trouble: string) => void,
    ) => Promise<void>;
    readonly close: () => void;
  },
): EthClient {
  const { name, followHeads, close } = options;
  const account = mnemonicToAccount(phrase, { addressIndex: options.account });
  const contract = getAddress(options.contract);
  const shared = { chain, transport, pollingInterval: 250, cacheTime: 0 };
  const reader = createPublicClient(shared);
  const wallet = createWalletClient({ ...shared, account });
  const troubles: string[] = [];
  const logs = new LogRecord();
  let stopLogs: (() => void) | undefined;
  let count = 0;
  return {
    name,
    troubles,
    logs,
    heights: [],
    hearsRemovedLogs: true,
    async follow(heads) {
      await followHeads(heads, (trouble) => troubles.push(trouble));
      stopLogs = reader.watchEvent({
        address: contract,
        onLogs(told) {
          for (const { blockHash, blockNumber, logIndex, removed } of told) {
            if (blockHash === null || blockNumber === null || logIndex === null) continue;
            logs.note({ blockHash, blockNumber: Number(blockNumber), index: logIndex, removed });
          }
        },
        onError: (error) => troubles.push(error.message),
      });
    },
    reads: [
      async () => Number(await reader.getBlockNumber()),
      async () => Number((await reader.getBlock()).number),
      async () => void (await reader.getBalance({ address: account.address })),
    ],
    async transfer(listener) {
      try {
        count += 1;
        const data = numberToHex(count, { size: 4 });
        const hash = await wallet.sendTransaction({ to: contract, data });
        listener.sent(hash);
        const { blockHash, status } = await reader.waitForTransactionReceipt({
          hash,
          timeout: inclusionTimeoutMs,
        });
        listener.ended({ type: 'included', block: blockHash, succeeded: status === 'success' });
      } catch (error) {
        listener.ended(endOf(error));
      }
    },
    async close() {
      stopLogs?.();
      close();
    },
  };
}
