import { chainId, type EthDevnet, type EthNode } from '@dshackle/devnet/ethereum';
import { getCreateAddress, HDNodeWallet, type TransactionLike } from 'ethers';

/**
 * Keeps a word of its own, emits a log for each that it is told, gives it back to who calls without data,
 * and reverts with 42 when told 0. Written by hand, for want of a compiler.
 */
const keeper = [
  // Data: go on at 0x0f. None: RETURN(SLOAD(0)).
  '36600f5760005460005260206000f3',
  // Not 0: go on at 0x21. 0: REVERT(42).
  '5b6000358060215760 2a60005260206000fd',
  // SSTORE(0, word), LOG1(caller, topic: word), STOP.
  '5b8060005533600052 60206000a100',
]
  .join('')
  .replaceAll(' ', '');
const length = (keeper.length / 2).toString(16).padStart(2, '0');
const deployment = `0x60${length}600c60003960${length}6000f3${keeper}`;

const phrase = 'test test test test test test test test test test test junk';
const gwei = 1_000_000_000n;

/** What a chain has been through. */
export interface History {
  readonly accounts: readonly string[];
  /** The contract; and of what it emitted, the topics. */
  readonly keeper: string;
  readonly topics: readonly string[];
  /** Hashes of what is in blocks. */
  readonly mined: readonly string[];
  /** Hash of what waits in the pools of all nodes, raw. */
  readonly pending: string;
  /** Hashes of blocks that a reorg took back. */
  readonly retracted: readonly string[];
  /** Hashes of the blocks of the chain, from block 0. */
  readonly blocks: readonly string[];
}

/** A number as 32 bytes. */
export function word(number: number): string {
  return `0x${number.toString(16).padStart(64, '0')}`;
}

/**
 * Takes the nodes of a devnet through transfers of every type, deployments, calls, logs, reverts and empty
 * blocks; then takes two blocks back. What is left waits in every pool.
 */
export class HistoryMaker {
  readonly #devnet: EthDevnet;
  readonly #accounts = [2, 3, 4].map((i) =>
    HDNodeWallet.fromPhrase(phrase, undefined, `m/44'/60'/0'/0/${i}`),
  );
  readonly #nonces = this.#accounts.map(() => 0);
  readonly #sent: string[] = [];
  readonly #topics: string[] = [];
  #keeper = '';

  constructor(devnet: EthDevnet) {
    this.#devnet = devnet;
  }

  /** 20 blocks and what is in them. */
  async make(): Promise<void> {
    const to = '0x000000000000000000000000000000000000b0b0';
    for (const type of [0, 1, 2]) {
      const accessList = type > 0 ? [{ address: to, storageKeys: [word(7)] }] : null;
      await this.#send(type, { type, to, value: 5n, ...(accessList && { accessList }) });
    }
    this.#keeper = getCreateAddress({ from: this.#address(0), nonce: this.#nonces[0] as number });
    await this.#send(0, { data: deployment });
    await this.#devnet.mine();
    for (let block = 2; block <= 18; block += 1) {
      if (block % 5 === 0) {
        await this.#devnet.mine();
        continue;
      }
      for (let i = 0; i <= block % 4; i += 1) await this.#tell(i % 3, block * 10 + i);
      // Reverts in its block.
      if (block % 3 === 0) await this.#send(1, { to: this.#keeper, data: word(0) });
      await this.#send(2, { to: this.#address(0), value: BigInt(block) * gwei });
      await this.#devnet.mine();
    }
    await this.#devnet.mine(2);
  }

  /** Takes the two newest blocks back, and leaves a transaction waiting everywhere. */
  async settle(): Promise<History> {
    const retracted = this.#devnet.blocks.slice(-2).map(({ hash }) => hash);
    await this.#devnet.reorg(2);
    const raw = await this.#sign(0, { to: this.#address(1), value: 1n });
    const pending = await this.#node.call<string>('eth_sendRawTransaction', raw);
    for (const node of this.#devnet.nodes.slice(1)) await node.hear([raw]);
    const first = await this.#node.call<{ hash: string }>('eth_getBlockByNumber', '0x0', false);
    return {
      accounts: this.#accounts.map(({ address }) => address),
      keeper: this.#keeper,
      topics: this.#topics,
      mined: this.#sent,
      pending,
      retracted,
      blocks: [first.hash, ...this.#devnet.blocks.map(({ hash }) => hash)],
    };
  }

  get #node(): EthNode {
    return this.#devnet.nodes[0] as EthNode;
  }

  #address(index: number): string {
    return this.#accounts[index]?.address as string;
  }

  async #tell(account: number, value: number): Promise<void> {
    this.#topics.push(word(value));
    await this.#send(account, { to: this.#keeper, data: word(value) });
  }

  async #send(account: number, transaction: TransactionLike): Promise<void> {
    const raw = await this.#sign(account, transaction);
    this.#sent.push(await this.#node.call<string>('eth_sendRawTransaction', raw));
  }

  async #sign(account: number, transaction: TransactionLike): Promise<string> {
    const nonce = this.#nonces[account] as number;
    this.#nonces[account] = nonce + 1;
    const { type = 2 } = transaction;
    const fees =
      type === 2
        ? { maxFeePerGas: 10n * gwei, maxPriorityFeePerGas: gwei }
        : { gasPrice: 10n * gwei };
    return (this.#accounts[account] as HDNodeWallet).signTransaction({
      ...{ type, chainId, nonce, gasLimit: 200_000n, ...fees },
      ...transaction,
    });
  }
}
