import { blake2, type HeaderHasher, type HeaderJson, headerHash } from '../chain/header.ts';

/** A word of 32 equal bytes. */
export function word(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0').repeat(32)}`;
}

/**
 * A chain of headers that grows on command, each under its true hash. Its genesis has a made-up
 * hash, as on a development node.
 */
export class ScriptedChain {
  readonly genesisHash: string;
  readonly #hasher: HeaderHasher;
  readonly #headers: HeaderJson[];
  readonly #hashes: string[];

  constructor(blocks = 0, hasher: HeaderHasher = blake2, genesisHash: string = word(0x45)) {
    this.genesisHash = genesisHash;
    this.#hasher = hasher;
    this.#headers = [childOf(word(0), 0)];
    this.#hashes = [genesisHash];
    this.grow(blocks);
  }

  /** Number of the newest block. */
  get height(): number {
    return this.#headers.length - 1;
  }

  /** Adds blocks; gives the number of the newest. */
  grow(blocks = 1): number {
    for (let i = 0; i < blocks; i += 1) {
      const header = childOf(this.hash(this.height), this.height + 1);
      this.#headers.push(header);
      this.#hashes.push(headerHash(header, this.#hasher));
    }
    return this.height;
  }

  hash(number: number): string {
    const hash = this.#hashes[number];
    if (hash === undefined) throw new Error(`no block ${number}`);
    return hash;
  }

  header(number: number): HeaderJson | undefined {
    return this.#headers[number];
  }

  /** The header's JSON text. */
  raw(number: number): string {
    return JSON.stringify(this.#headers[number]);
  }

  /** Number of the block with this hash; `undefined` when there is none. */
  numberOf(hash: string): number | undefined {
    const number = this.#hashes.indexOf(hash);
    return number < 0 ? undefined : number;
  }
}

/** A header on top of a block; `extrinsicsRoot` makes it another one. */
export function childOf(
  parentHash: string,
  number: number,
  extrinsicsRoot: string = word(number % 256),
): HeaderJson {
  return {
    parentHash,
    // Padded, as some nodes write it.
    number: `0x${number.toString(16).padStart(8, '0')}`,
    stateRoot: word(0),
    extrinsicsRoot,
    digest: { logs: [] },
  };
}
