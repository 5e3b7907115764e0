import { ask, type Request } from './ask.ts';
import { isHash } from './header.ts';

/** Which chain the nodes of a pool must be of. */
export class Identity {
  readonly #chain: string;
  #genesisHash: string | undefined;

  /** `genesisHash` may be left out: then the first node that answers decides for all others. */
  constructor(chain: string, genesisHash?: string) {
    this.#chain = chain;
    this.#genesisHash = genesisHash?.toLowerCase();
  }

  /** Hash of block 0, once known. */
  get genesisHash(): string | undefined {
    return this.#genesisHash;
  }

  /**
   * Asks a node for its genesis hash.
   * @throws Error that says what was expected and what was found
   */
  async check(request: Request): Promise<string> {
    const raw = await ask(request, 'chain_getBlockHash', 0);
    const found: unknown = JSON.parse(raw);
    if (!isHash(found)) {
      throw new Error(`${this.#chain}: no genesis hash, but ${raw.slice(0, 80)}`);
    }
    const genesisHash = found.toLowerCase();
    this.#genesisHash ??= genesisHash;
    if (genesisHash !== this.#genesisHash) {
      throw new Error(
        `wrong chain: ${this.#chain} has genesis ${this.#genesisHash}, the node ${genesisHash}`,
      );
    }
    return genesisHash;
  }
}
