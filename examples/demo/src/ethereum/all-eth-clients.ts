import type { Balancer } from '@dshackle/core';
import { chainId } from '@dshackle/devnet/ethereum';
import { type Eip1193Message, EthProvider, eip1193 } from '@dshackle/eth-provider';
import { Network, WebSocketProvider } from 'ethers';
import { custom, webSocket } from 'viem';
import { WebSocket } from 'ws';
import type { EthClient } from './clients/eth-client.ts';
import { ethers, socketHeads } from './clients/ethers.ts';
import { viem } from './clients/viem.ts';

/** What clients are opened over. */
export interface EthDoors {
  /** WebSocket URL of the server's route. */
  readonly serverUrl: string;
  /** The engine inside the application. */
  readonly inside: Balancer;
  /** Address of the contract that logs each call. */
  readonly contract: string;
}

/** What a node says of a head, as far as it is read here. */
interface Head {
  readonly hash: string;
  readonly parentHash: string;
}

/** Both libraries over both doors, an account each so that nonces do not meet. */
export async function allEthClients(doors: EthDoors): Promise<readonly EthClient[]> {
  const { serverUrl, inside, contract } = doors;
  const network = Network.from(chainId);
  const socket = new WebSocketProvider(() => new WebSocket(serverUrl) as never, network, {
    staticNetwork: network,
    cacheTimeout: -1,
  });
  const provider = eip1193(inside);
  const transport = webSocket(serverUrl, { retryCount: 0 });
  // viem's WebSocket transport carries subscriptions; it is one connection for all its clients.
  const { value } = transport({});
  const insideProvider = new EthProvider(inside);
  return [
    ethers(socket, {
      ...{ name: 'ethers over the server', account: 0, contract },
      followHeads: socketHeads(socket),
    }),
    ethers(insideProvider, { name: 'ethers, engine inside', account: 1, contract }),
    viem(transport, {
      ...{ name: 'viem over the server', account: 2, contract },
      async followHeads(heads, onTrouble) {
        await value!.subscribe({
          params: ['newHeads'],
          onData: ({ result }) => heads.best((result as Head).hash, (result as Head).parentHash),
          onError: (error: Error) => onTrouble(error.message),
        });
      },
      close: () => void value!.getRpcClient().then((client) => client.close()),
    }),
    viem(custom(provider, { retryCount: 0 }), {
      ...{ name: 'viem, engine inside', account: 3, contract },
      async followHeads(heads, onTrouble) {
        const told = (message: Eip1193Message): void => {
          if (message.data.subscription !== id) return;
          const { hash, parentHash } = message.data.result as Head;
          heads.best(hash, parentHash);
        };
        let id: unknown;
        provider.on('message', told);
        provider.on('disconnect', ({ message }) => onTrouble(message));
        id = await provider.request({ method: 'eth_subscribe', params: ['newHeads'] });
      },
      close: () => provider.close(),
    }),
  ];
}
