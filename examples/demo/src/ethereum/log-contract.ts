import type { EthDevnet } from '@dshackle/devnet/ethereum';
import { id } from 'ethers';

/** Told by each call of the contract, with what it was called with. */
const topic = id('Called()').slice(2);

/** CALLDATACOPY all, LOG1 of that with the topic, STOP. */
const runtime = `3660006000377f${topic}366000a100`;
const size = (runtime.length / 2).toString(16).padStart(2, '0');
/** Leaves that as the code of the contract. */
const bytecode = `0x60${size}600c60003960${size}6000f3${runtime}`;

/** The last of the accounts that have money; the clients have the first ones. */
const deployer = '0xa0Ee7A142d267C1f36714E4a8F75612F20a79720';

/** Puts a contract on the chain that logs each call; its address. */
export async function deployLogContract({ nodes }: EthDevnet): Promise<string> {
  const [node] = nodes;
  const hash = await node!.call('eth_sendTransaction', { from: deployer, data: bytecode });
  for (;;) {
    const receipt = await node!.call<Receipt | null>('eth_getTransactionReceipt', hash);
    if (receipt?.status === '0x0') throw new Error('the contract was not made');
    if (receipt) return receipt.contractAddress;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface Receipt {
  readonly status: string;
  readonly contractAddress: string;
}
