import { ask, type Request } from './ask.ts';
import { isHash, toNumber } from './header.ts';

/**
 * Which chain the nodes of a pool must be of: its chain id, and the hash of block 0, as forks share
 * the one or the other.
 */
export class Identity {
  readonly #chain: string;
  #chainId: number | undefined;
  #genesisHash: string | undefined;

  /** What is left out the first node that answers decides for all others. */
  constructor(chain: string, chainId?: number, genesisHash?: string) {
    this.#chain = chain;
    this.#chainId = chainId;
    this.#genesisHash = genesisHash?.toLowerCase();
  }

  /** Once known. */
  get chainId(): number | undefined {
    return this.#chainId;
  }

  /**
   * Asks a node for both; resolves with the hash of block 0.
   * @throws Error that says what was expected and what was found
   */
  async check(request: Request): Promise<string> {
    const [rawId, rawBlock] = await Promise.all([
      ask(request, 'eth_chainId'),
      ask(request, 'eth_getBlockByNumber', '0x0', false),
    ]);
    const chainId = toNumber(JSON.parse(rawId));
    if (chainId === undefined)
      throw new Error(`${this.#chain}: no chain id, but ${rawId.slice(0, 80)}`);
    if (chainId !== (this.#chainId ?? chainId)) {
      throw new Error(
        `wrong chain: ${this.#chain} has chain id ${this.#chainId}, the node ${chainId}`,
      );
    }
    const hash: unknown = (JSON.parse(rawBlock) as { readonly hash?: unknown } | null)?.hash;
    if (!isHash(hash)) throw new Error(`${this.#chain}: no block 0, but ${rawBlock.slice(0, 80)}`);
    const genesisHash = hash.toLowerCase();
    if (genesisHash !== (this.#genesisHash ?? genesisHash)) {
      throw new Error(
        `wrong chain: ${this.#chain} has genesis ${this.#genesisHash}, the node ${genesisHash}`,
      );
    }
    this.#chainId = chainId;
    this.#genesisHash = genesisHash;
    return genesisHash;
  }
}
