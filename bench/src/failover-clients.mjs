import { EthProvider } from '@dshackle/eth-provider';
import { PolkadotProvider } from '@dshackle/polkadot-provider';
import { WsProvider } from '@polkadot/rpc-provider';
import { Network, WebSocketProvider } from 'ethers';
import { WebSocket } from 'ws';
import { benchChain, mortalUpstreams } from './chain.mjs';
import { ethBenchChain, ethChainId } from './eth-chain.mjs';

/**
 * What a caller does by its library.
 * @typedef {object} FailoverClient
 * @property {() => Promise<unknown>} ready
 * @property {(onHead: (number: number) => void) => Promise<unknown>} follow
 * @property {(key: string) => Promise<unknown>} read rejects, or gives nothing, when there is no answer
 */

/** @returns {FailoverClient} */
function ofPolkadot(provider) {
  return {
    ready: () => provider.isReady,
    follow: (onHead) =>
      provider.subscribe('chain_newHead', 'chain_subscribeNewHeads', [], (_, header) =>
        onHead(Number(header.number)),
      ),
    read: (key) => provider.send('state_getStorage', [key], false),
  };
}

const account = `0x${'22'.repeat(20)}`;

/** @returns {FailoverClient} */
function ofEthereum(provider) {
  return {
    ready: () => provider.getBlockNumber(),
    follow: (onHead) => provider.on('block', onHead),
    read: (key) => provider.send('eth_getStorageAt', [account, key, '0x1']),
  };
}

/** A caller over the server, one with the engine inside, and what they call. */
export const families = {
  polkadot: {
    node: 'moving-node.mjs',
    /** Of the key of one account. */
    keyLength: 162,
    overServer: (url) => ofPolkadot(new WsProvider(url)),
    embedded: (urls, paceMs) =>
      ofPolkadot(
        new PolkadotProvider({ upstreams: mortalUpstreams(urls), chain: benchChain(paceMs) }),
      ),
    alone: (urls) => ofPolkadot(new WsProvider(urls)),
  },
  ethereum: {
    node: 'eth-moving-node.mjs',
    /** Of a slot. */
    keyLength: 66,
    overServer: (url) =>
      ofEthereum(
        new WebSocketProvider(() => new WebSocket(url), Network.from(ethChainId), {
          staticNetwork: Network.from(ethChainId),
          cacheTimeout: -1,
        }),
      ),
    embedded: (urls, paceMs) =>
      ofEthereum(
        new EthProvider({ upstreams: mortalUpstreams(urls), chain: ethBenchChain(paceMs) }),
      ),
  },
};
