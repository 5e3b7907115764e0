import { blake2, type HeaderJson, headerHash } from '../chain/header.ts';
import { childOf, word } from './scripted-chain.ts';

/** One block of a {@link ForkChain}. */
export interface ForkBlock {
  readonly hash: string;
  readonly number: number;
  readonly parentHash: string;
  readonly header: HeaderJson;
}

/** What is special about a block. */
export interface ForkBlockOptions {
  /** Digest items in hex. @default none */
  readonly logs?: readonly string[];
}

/** All blocks that the nodes of one test may have: a tree of headers, each under its true hash. */
export class ForkChain {
  readonly genesis: ForkBlock;
  readonly #blocks = new Map<string, ForkBlock>();
  #made = 0;

  constructor() {
    const header = childOf(word(0), 0);
    this.genesis = { hash: word(0x45), number: 0, parentHash: word(0), header };
    this.#blocks.set(this.genesis.hash, this.genesis);
  }

  /** A new block on this one; each call makes another. */
  child(parent: ForkBlock, { logs = [] }: ForkBlockOptions = {}): ForkBlock {
    this.#made += 1;
    const root = `0x${this.#made.toString(16).padStart(64, '0')}`;
    const header = { ...childOf(parent.hash, parent.number + 1, root), digest: { logs } };
    const block = {
      hash: headerHash(header, blake2),
      number: parent.number + 1,
      parentHash: parent.hash,
      header,
    };
    this.#blocks.set(block.hash, block);
    return block;
  }

  /** That many blocks, one on another. */
  grow(parent: ForkBlock, count: number): readonly ForkBlock[] {
    const made: ForkBlock[] = [];
    for (let i = 0; i < count; i += 1) made.push(this.child(made.at(-1) ?? parent));
    return made;
  }

  get(hash: string): ForkBlock | undefined {
    return this.#blocks.get(hash);
  }
}
