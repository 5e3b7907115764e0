import type { EthDevnet, EthNode } from '@dshackle/devnet/ethereum';

/** The first account of every Anvil. */
export const alice = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';

/**
 * Emits one log without data: its topic is the first word of the call's data.
 * PUSH1 0 CALLDATALOAD PUSH1 0 PUSH1 0 LOG1 STOP
 */
const runtime = '60003560006000a100';
/** PUSH9 runtime PUSH1 0 MSTORE PUSH1 9 PUSH1 23 RETURN */
const creation = `0x68${runtime}60005260096017f3`;

/** A contract on a devnet that emits what it is told to. */
export class Emitter {
  readonly address: string;
  readonly #node: EthNode;

  private constructor(address: string, node: EthNode) {
    this.address = address;
    this.#node = node;
  }

  /** Deploys one, in a block of its own. */
  static async deploy(devnet: EthDevnet, node: EthNode): Promise<Emitter> {
    const hash = await node.call('eth_sendTransaction', { from: alice, data: creation });
    await devnet.mine();
    const receipt = await node.call<{ contractAddress: string }>('eth_getTransactionReceipt', hash);
    return new Emitter(receipt.contractAddress.toLowerCase(), node);
  }

  /** The same contract, called by way of another node. */
  through(node: EthNode): Emitter {
    return new Emitter(this.address, node);
  }

  /** Has one log emitted in the next block. */
  async emit(topic: number): Promise<void> {
    const data = topicOf(topic);
    await this.#node.call('eth_sendTransaction', {
      from: alice,
      to: this.address,
      data,
      gas: '0x186a0',
    });
  }
}

/** A number as a topic. */
export function topicOf(number: number): string {
  return `0x${number.toString(16).padStart(64, '0')}`;
}
