import { EthProvider } from '@dshackle/eth-provider';
import {
  FallbackProvider,
  FetchRequest,
  JsonRpcProvider,
  Network,
  WebSocketProvider,
} from 'ethers';
import { createPublicClient, fallback, http } from 'viem';
import { WebSocket } from 'ws';
import { ethBenchChain, ethChainId } from './eth-chain.mjs';

const network = Network.from(ethChainId);
const account = `0x${'ab'.repeat(20)}`;
const options = { staticNetwork: network, cacheTimeout: -1, batchMaxCount: 1 };

function jsonRpc(url) {
  const request = new FetchRequest(url);
  request.timeout = 60_000;
  return new JsonRpcProvider(request, network, options);
}

const raw = (provider) => ({
  balance: () => provider.getBalance(account),
  logs: (filter) => provider.send('eth_getLogs', [filter]),
});

/** Clients by name: each made for some URLs, and asked for a balance or for logs. */
export const ethClients = {
  JsonRpcProvider: (urls) => raw(jsonRpc(urls[0])),
  /** ethers' own reader of HTTP takes seconds over tens of megabytes, wherever they come from. */
  fetch: ([url]) => ({
    logs: async (filter) => {
      const body = JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'eth_getLogs',
        params: [filter],
      });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(url, { method: 'POST', headers, body });
      const { result, error } = await response.json();
      if (error) throw new Error(error.message);
      return result;
    },
  }),
  WebSocketProvider: (urls) =>
    raw(new WebSocketProvider(new WebSocket(urls[0], { maxPayload: 2 ** 28 }), network, options)),
  EthProvider: (urls) => raw(new EthProvider({ upstreams: urls, chain: ethBenchChain(), network })),
  /** Any one answer will do, as with the others. */
  FallbackProvider: (urls) => {
    const list = urls.map((url, i) => ({ provider: jsonRpc(url), priority: i + 1, weight: 1 }));
    const provider = new FallbackProvider(list, network, { quorum: 1, cacheTimeout: -1 });
    return { balance: () => provider.getBalance(account) };
  },
  'viem fallback': (urls) => {
    const client = createPublicClient({
      transport: fallback(
        urls.map((url) => http(url)),
        { rank: false },
      ),
    });
    return { balance: () => client.getBalance({ address: account }) };
  },
};
