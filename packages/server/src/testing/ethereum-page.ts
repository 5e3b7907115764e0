import { createBalancer } from '@dshackle/core';
import { EthProvider } from '@dshackle/eth-provider';
import { ethereum } from '@dshackle/eth-provider/chain';
import { eip1193 } from '@dshackle/eth-provider/eip1193';
import { createPublicClient, custom } from 'viem';

/** What the page and the test that opens it share. */
export interface EthereumPageState {
  /** Endpoints to use, and the chain at them; set before the page's script runs. */
  readonly upstreams: readonly string[];
  readonly chainId: number;
  /** An account to read. */
  readonly account: string;
  /** What ethers and viem read of it, in wei. */
  balances?: readonly string[];
  /** Heights heard by ethers and by viem, in order. */
  readonly byEthers: number[];
  readonly byViem: number[];
  /** What went wrong. */
  error?: string;
}

/** The application of the browser test: ethers and viem over one engine in the page. */
async function main(state: EthereumPageState): Promise<void> {
  const balancer = createBalancer({
    chain: ethereum({ chainId: state.chainId, blockTimeMs: 1000 }),
    upstreams: state.upstreams,
  });
  const provider = new EthProvider(balancer);
  const client = createPublicClient({
    transport: custom(eip1193(balancer)),
    pollingInterval: 100,
    cacheTime: 0,
  });
  const balances = await Promise.all([
    provider.getBalance(state.account),
    client.getBalance({ address: state.account as `0x${string}` }),
  ]);
  state.balances = balances.map(String);
  await provider.on('block', (number: number) => state.byEthers.push(number));
  client.watchBlockNumber({
    emitMissed: true,
    onBlockNumber: (number) => state.byViem.push(Number(number)),
    onError: (error) => {
      state.error = String(error);
    },
  });
}

const { dshackle } = globalThis as unknown as { readonly dshackle: EthereumPageState };
main(dshackle).catch((error: unknown) => {
  dshackle.error = String(error);
});
