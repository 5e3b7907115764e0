import { seededRandom } from '@dshackle/core/testing';
import { methodNames } from '@dshackle/eth-provider/chain';
import { type History, word } from './history.ts';

/** One request: a method and its params. */
export type Asked = readonly [method: string, params: readonly unknown[]];

const nowhere = '0x000000000000000000000000000000000000dead';
const unknownHash = `0x${'ab'.repeat(32)}`;
/** What nobody takes for a block. */
const nonsense: readonly unknown[] = ['lattest', '0xzz', '', {}, true];

/** Varied requests of one chain; the same ones for the same history and seed. */
export function requestsOf(history: History, seed: number): readonly Asked[] {
  return new Requests(history, seed).all();
}

class Requests {
  readonly #history: History;
  readonly #random: () => number;

  constructor(history: History, seed: number) {
    this.#history = history;
    this.#random = seededRandom(seed);
  }

  all(): readonly Asked[] {
    return [
      ...this.#ofNoBlock(),
      ...this.#blocks(),
      ...this.#transactions(),
      ...this.#state(),
      ...this.#calls(),
      ...this.#fees(),
      ...this.#logs(),
      ...this.#traces(),
      ...this.#mistakes(),
    ];
  }

  #ofNoBlock(): Asked[] {
    return [
      ['eth_chainId', []],
      ['net_version', []],
      ['eth_blockNumber', []],
      ['web3_sha3', ['0x68656c6c6f']],
      ['web3_sha3', ['0x']],
      ['web3_sha3', []],
      ['eth_gasPrice', []],
      ['eth_maxPriorityFeePerGas', []],
      ['eth_blobBaseFee', []],
      ['eth_protocolVersion', []],
      ['eth_hashrate', []],
      ['eth_mining', []],
      ['eth_coinbase', []],
      ['eth_config', []],
      ['net_peerCount', []],
      ['txpool_status', []],
      ['txpool_inspect', []],
      ['txpool_content', []],
    ];
  }

  #blocks(): Asked[] {
    const byNumber = this.#heights().flatMap((block): Asked[] => [
      ['eth_getBlockByNumber', [block, this.#random() < 0.5]],
      ['eth_getBlockTransactionCountByNumber', [block]],
      ['eth_getBlockReceipts', [block]],
      ['eth_getUncleCountByBlockNumber', [block]],
      ['eth_getUncleByBlockNumberAndIndex', [block, '0x0']],
      ['eth_getTransactionByBlockNumberAndIndex', [block, '0x0']],
      ['eth_getRawTransactionByBlockNumberAndIndex', [block, this.#pick(['0x0', '0x1', '0x63'])]],
      ['eth_getHeaderByNumber', [block]],
    ]);
    const byHash = this.#hashes().flatMap((hash): Asked[] => [
      ['eth_getBlockByHash', [hash, this.#random() < 0.5]],
      ['eth_getBlockTransactionCountByHash', [hash]],
      ['eth_getBlockReceipts', [hash]],
      ['eth_getBlockReceipts', [{ blockHash: hash }]],
      ['eth_getUncleCountByBlockHash', [hash]],
      ['eth_getUncleByBlockHashAndIndex', [hash, '0x0']],
      ['eth_getTransactionByBlockHashAndIndex', [hash, '0x1']],
      ['eth_getRawTransactionByBlockHashAndIndex', [hash, '0x0']],
      ['eth_getHeaderByHash', [hash]],
    ]);
    return [...byNumber, ...byHash];
  }

  #transactions(): Asked[] {
    const { mined, pending } = this.#history;
    const some = Array.from({ length: 8 }, () => this.#pick(mined));
    return [mined[3], ...some, pending, unknownHash].flatMap((hash): Asked[] => [
      ['eth_getTransactionByHash', [hash]],
      ['eth_getTransactionReceipt', [hash]],
      ['eth_getRawTransactionByHash', [hash]],
    ]);
  }

  #state(): Asked[] {
    const { accounts, keeper } = this.#history;
    return this.#everyBlock().flatMap((block): Asked[] => [
      ['eth_getBalance', [this.#pick([...accounts, nowhere]), block]],
      ['eth_getCode', [this.#pick([keeper, nowhere]), block]],
      ['eth_getStorageAt', [keeper, this.#pick(['0x0', '0x1', word(0)]), block]],
      ['eth_getTransactionCount', [this.#pick(accounts), block]],
      ['eth_getProof', [keeper, [word(0)], block]],
      ['eth_getAccount', [this.#pick(accounts), block]],
    ]);
  }

  #calls(): Asked[] {
    const { accounts, keeper } = this.#history;
    const [from] = accounts;
    const value = { to: keeper, data: '0x' };
    const tell = { from, to: keeper, data: word(9) };
    const revert = { from, to: keeper, data: word(0) };
    return this.#everyBlock().flatMap((block): Asked[] => [
      ['eth_call', [this.#pick([value, tell, revert]), block]],
      ['eth_call', [revert, block]],
      ['eth_estimateGas', [this.#pick([tell, revert]), block]],
      ['eth_createAccessList', [this.#pick([tell, revert]), block]],
      ['eth_simulateV1', [{ blockStateCalls: [{ calls: [value, revert] }] }, block]],
      ['eth_fillTransaction', [this.#pick([tell, revert, { ...tell, nonce: '0x7' }])]],
      ['eth_call', [value, block, { [keeper]: { stateDiff: { [word(0)]: word(77) } } }]],
    ]);
  }

  #fees(): Asked[] {
    const blocks = this.#heights().flatMap((block): Asked[] => [
      ['eth_feeHistory', [this.#pick(['0x1', '0x4', '0x0', 5]), block, this.#pick([[], [10, 50]])]],
    ]);
    return [...blocks, ['eth_feeHistory', ['0x400', 'latest', [25]]]];
  }

  #logs(): Asked[] {
    const { keeper, topics } = this.#history;
    const filters: object[] = [{}, { address: keeper }, { address: nowhere }];
    for (const [fromBlock, toBlock] of [
      ['earliest', 'latest'],
      ['0x0', 'finalized'],
      ['0x2', '0x9'],
      ['safe', 'latest'],
      ['0x0', this.#above(5)],
      [this.#above(1), this.#above(3)],
      ['0x9', '0x2'],
      ['latest', undefined],
      ['pending', 'pending'],
      ['0x0', 'pending'],
    ]) {
      filters.push({ fromBlock, toBlock, address: this.#pick([keeper, [keeper, nowhere]]) });
      filters.push({ fromBlock, toBlock, topics: [[this.#pick(topics), this.#pick(topics)]] });
    }
    for (const blockHash of this.#hashes())
      filters.push({ blockHash }, { blockHash, topics: [[]] });
    filters.push({ blockHash: this.#hash(3), fromBlock: '0x1' }, { address: 'nonsense' });
    filters.push({ fromBlock: '0x0', topics: [null, this.#pick(topics)] });
    filters.push({ fromBlock: 'lattest' }, { topics: 'nonsense' }, { fromBlock: '0x0', limit: 2 });
    return filters.map((filter): Asked => ['eth_getLogs', [filter]]);
  }

  #traces(): Asked[] {
    const { mined, keeper, accounts } = this.#history;
    const transactions = [this.#pick(mined), this.#pick(mined), unknownHash];
    const call = { from: accounts[0], to: keeper, data: word(8) };
    const tracers = [{}, { tracer: 'callTracer' }, { tracer: 'prestateTracer' }];
    return [
      ...transactions.flatMap((hash): Asked[] => [
        ['debug_traceTransaction', [hash, this.#pick(tracers)]],
        ['trace_transaction', [hash]],
        ['debug_getRawTransaction', [hash]],
      ]),
      ...this.#heights().flatMap((block): Asked[] => [
        ['debug_traceCall', [call, block, this.#pick(tracers)]],
        ['debug_traceBlockByNumber', [block, { tracer: 'callTracer' }]],
        ['debug_getRawHeader', [block]],
        ['debug_getRawBlock', [block]],
        ['debug_getRawReceipts', [block]],
        ['trace_block', [block]],
      ]),
      ...this.#hashes().map(
        (hash): Asked => ['debug_traceBlockByHash', [hash, { tracer: 'callTracer' }]],
      ),
      ['trace_filter', [{ fromBlock: '0x1', toBlock: '0x4' }]],
    ];
  }

  #mistakes(): Asked[] {
    const [account] = this.#history.accounts;
    const ofBlock = nonsense.flatMap((block): Asked[] => [
      ['eth_getBalance', [account, block]],
      ['eth_getBlockByNumber', [block, false]],
      ['eth_getBlockByHash', [block, false]],
      ['eth_getTransactionByHash', [block]],
      ['eth_call', [{ to: account }, block]],
    ]);
    return [
      ...ofBlock,
      ...methodNames.map((method): Asked => [method, []]),
      ...methodNames.map((method): Asked => [method, [null]]),
      ['eth_getBalance', ['0x12', 'latest']],
      ['eth_getBalance', [account, 'latest', 'more']],
      ['eth_getBlockByNumber', []],
      ['eth_getBlockByNumber', ['latest']],
      ['eth_call', []],
      ['eth_call', [7, 'latest']],
      ['eth_getTransactionReceipt', []],
      ['eth_getStorageAt', [account, 'x', 'latest']],
      ['eth_sendRawTransaction', ['0x1234']],
      ['eth_sendRawTransaction', []],
      ['eth_noSuchMethod', []],
      ['nothing', [1]],
    ];
  }

  /** Blocks by tag, by height, and left out. */
  #heights(): readonly unknown[] {
    const heights = Array.from({ length: 3 }, () => this.#height());
    const tags = ['latest', 'safe', 'finalized', 'earliest', 'pending'];
    return [...tags, ...heights, '0x0', this.#above(0), this.#above(1), '0xffffffff'];
  }

  #hashes(): readonly string[] {
    const { retracted, blocks } = this.#history;
    return [blocks[0] as string, this.#hash(), this.#hash(), ...retracted, unknownHash];
  }

  /** Every form that a block param may have. */
  #everyBlock(): readonly unknown[] {
    const objects = this.#hashes().flatMap((blockHash) => [
      { blockHash },
      { blockHash, requireCanonical: this.#random() < 0.5 },
    ]);
    const numbered = [{ blockNumber: this.#height() }, { blockNumber: this.#above(1) }];
    return [...this.#heights(), undefined, null, ...this.#hashes(), ...objects, ...numbered];
  }

  #height(): string {
    return `0x${Math.floor(this.#random() * this.#history.blocks.length).toString(16)}`;
  }

  #above(count: number): string {
    return `0x${(this.#history.blocks.length - 1 + count).toString(16)}`;
  }

  #hash(number = Math.floor(this.#random() * this.#history.blocks.length)): string {
    return this.#history.blocks[number] as string;
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }
}
