import { type AbstractProvider, formatEther } from 'ethers';

/** What moved in one block. */
export interface Payments {
  readonly height: number;
  readonly count: number;
  /** Together, in wei. */
  readonly value: bigint;
}

/** Tells what moves in each new block, in order, until `stop` is called. */
export class PaymentWatch {
  readonly #provider: AbstractProvider;
  readonly #onBlock: (payments: Payments) => void;
  /** Blocks are read one after another, so that they are told in order. */
  #last: Promise<void> = Promise.resolve();

  constructor(provider: AbstractProvider, onBlock: (payments: Payments) => void) {
    this.#provider = provider;
    this.#onBlock = onBlock;
  }

  async start(): Promise<void> {
    await this.#provider.on('block', this.#listener);
  }

  /** Resolves once what was heard of is told. */
  async stop(): Promise<void> {
    await this.#provider.off('block', this.#listener);
    await this.#last;
  }

  readonly #listener = (height: number): void => {
    this.#last = this.#last.then(() => this.#read(height));
  };

  async #read(height: number): Promise<void> {
    const block = await this.#provider.getBlock(height, true);
    if (block === null) throw new Error(`block ${height} was told of and is not there`);
    const values = block.prefetchedTransactions.map(({ value }) => value);
    const value = values.reduce((sum, each) => sum + each, 0n);
    this.#onBlock({ height, count: values.length, value });
  }
}

/** One line about one block. */
export function describe({ height, count, value }: Payments): string {
  return `block ${height}: ${count} transactions moved ${formatEther(value)} ether`;
}
