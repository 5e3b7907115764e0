import {
  HDNodeWallet,
  type JsonRpcApiProvider,
  type Log,
  SocketSubscriber,
  type WebSocketProvider,
} from 'ethers';
import type { HeadListener } from '../../clients/client.ts';
import { endOf } from '../../clients/end-of.ts';
import { LogRecord } from '../log-record.ts';
import { type EthClient, type EthClientOptions, inclusionTimeoutMs, phrase } from './eth-client.ts';

/** ethers over a provider, which it destroys in the end. */
export function ethers(
  provider: JsonRpcApiProvider,
  options: EthClientOptions & {
    /** Follows heads by their hashes. @default by the heights of ethers' block event */
    readonly followHeads?: (listener: HeadListener) => void;
  },
): EthClient {
  const { name, account, contract, followHeads } = options;
  const wallet = HDNodeWallet.fromPhrase(phrase, undefined, `m/44'/60'/0'/0/${account}`);
  const signer = wallet.connect(provider);
  const troubles: string[] = [];
  const logs = new LogRecord();
  const heights: number[] = [];
  let count = 0;
  return {
    name,
    troubles,
    logs,
    heights,
    // It tells a removal by an event of that log alone ("drop-log"), for which nobody can listen in time.
    hearsRemovedLogs: false,
    async follow(heads) {
      if (followHeads) followHeads(heads);
      else await provider.on('block', (height: number) => heights.push(height));
      await provider.on('error', (error: Error) => troubles.push(error.message));
      await provider.on({ address: contract }, (log: Log) => logs.note(log));
    },
    reads: [
      () => provider.getBlockNumber(),
      async () => (await provider.getBlock('latest'))?.number,
      async () => void (await provider.getBalance(wallet.address)),
    ],
    async transfer(listener) {
      try {
        count += 1;
        const data = `0x${count.toString(16).padStart(8, '0')}`;
        const sent = await signer.sendTransaction({ to: contract, data });
        listener.sent(sent.hash);
        const receipt = await sent.wait(1, inclusionTimeoutMs);
        if (!receipt) throw new Error('no receipt');
        const { blockHash, status } = receipt;
        listener.ended({ type: 'included', block: blockHash, succeeded: status === 1 });
      } catch (error) {
        listener.ended(endOf(error));
      }
    },
    async close() {
      await provider.removeAllListeners();
      // What is not answered when it is destroyed is rejected, and ethers awaits no `eth_unsubscribe`.
      await provider.getBlockNumber();
      await provider.destroy();
    },
  };
}

/** Follows the `newHeads` of ethers' own provider, of which its block event tells the heights only. */
export function socketHeads(provider: WebSocketProvider): (listener: HeadListener) => void {
  return (listener) => new HeadSubscriber(provider, listener).start();
}

class HeadSubscriber extends SocketSubscriber {
  readonly #listener: HeadListener;

  constructor(provider: WebSocketProvider, listener: HeadListener) {
    super(provider, ['newHeads']);
    this.#listener = listener;
  }

  override async _emit(_: unknown, head: { hash: string; parentHash: string }): Promise<void> {
    this.#listener.best(head.hash, head.parentHash);
  }
}
