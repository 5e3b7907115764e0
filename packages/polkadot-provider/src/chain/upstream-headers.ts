import type { Block, RawJson, UpstreamClient } from '@dshackle/core';
import { ask } from './ask.ts';
import {
  type HeaderHasher,
  type HeaderJson,
  headerHash,
  isHash,
  parseHeader,
  toBlock,
} from './header.ts';
import type { Identity } from './identity.ts';

/** Blocks remembered where each costs calls: a few forks of a few unfinalized heights. */
const rememberedBlocks = 64;

/**
 * Turns the headers of one upstream into blocks, each under a hash that we computed.
 *
 * Some chains hash other fields or with another function, so the computing is calibrated: it
 * counts once it has given the very hash under which this upstream served a header. From then on
 * a header that does not have the hash it was asked under is refused. Until then, and for good on
 * chains where it never fits, a hash is the upstream's word, which costs calls. It is calibrated
 * per upstream, so that none can settle it wrongly for the others.
 */
export class UpstreamHeaders {
  readonly #client: UpstreamClient;
  readonly #identity: Identity;
  readonly #hashers: readonly HeaderHasher[];
  #hasher: HeaderHasher | undefined;
  readonly #located = new Map<string, Block>();

  /**
   * `hashers`: the hash function of the chain's headers where it is known for sure; else those to
   * try; none to take the upstream's word always.
   */
  constructor(
    client: UpstreamClient,
    identity: Identity,
    hashers: HeaderHasher | readonly HeaderHasher[],
  ) {
    this.#client = client;
    this.#identity = identity;
    if (typeof hashers === 'function') this.#hasher = hashers;
    this.#hashers = typeof hashers === 'function' ? [] : hashers;
  }

  /** The block of a header that came without its hash; `undefined` when that takes asking. */
  read(raw: RawJson): Block | undefined {
    if (this.#hasher === undefined) return undefined;
    const header = parseHeader(raw);
    if (Number(header.number) === 0) return this.#genesis(header, raw);
    return toBlock(header, headerHash(header, this.#hasher), raw);
  }

  /**
   * The block of a header that came without its hash, asking the upstream for it. `undefined` when
   * it serves another block at that height: the header was of a fork, or is one no more.
   */
  async locate(raw: RawJson): Promise<Block | undefined> {
    const header = parseHeader(raw);
    if (Number(header.number) === 0) return this.#genesis(header, raw);
    const key = identityOf(header);
    const known = this.#located.get(key);
    if (known !== undefined) return known;
    const hash = await this.#hashAt(Number(header.number));
    const block = hash === undefined ? undefined : await this.fetch(hash);
    if (block === undefined || identityOf(parseHeader(block.header)) !== key) return undefined;
    this.#remember(key, block);
    return block;
  }

  /**
   * The block with this hash; `undefined` when the upstream does not have it, or answers with
   * another one (Chopsticks serves genesis for every hash that it does not know).
   */
  async fetch(hash: string): Promise<Block | undefined> {
    const raw = await ask((...call) => this.#client.request(...call), 'chain_getHeader', hash);
    if (raw === 'null') return undefined;
    const header = parseHeader(raw);
    return (await this.#has(header, hash.toLowerCase())) ? toBlock(header, hash, raw) : undefined;
  }

  async #has(header: HeaderJson, hash: string): Promise<boolean> {
    // Development nodes make up the hash of their genesis; the identity check knows it.
    if (Number(header.number) === 0) return hash === (this.#identity.genesisHash ?? hash);
    if (this.#hasher !== undefined) return headerHash(header, this.#hasher) === hash;
    this.#hasher = this.#hashers.find((hasher) => headerHash(header, hasher) === hash);
    return this.#hasher !== undefined || (await this.#hashAt(Number(header.number))) === hash;
  }

  async #hashAt(number: number): Promise<string | undefined> {
    const request = (...call: Parameters<UpstreamClient['request']>) =>
      this.#client.request(...call);
    const hash: unknown = JSON.parse(await ask(request, 'chain_getBlockHash', number));
    return isHash(hash) ? hash.toLowerCase() : undefined;
  }

  #genesis(header: HeaderJson, raw: RawJson): Block | undefined {
    const hash = this.#identity.genesisHash;
    return hash === undefined ? undefined : toBlock(header, hash, raw);
  }

  #remember(key: string, block: Block): void {
    this.#located.set(key, block);
    const [oldest] = this.#located.keys();
    if (this.#located.size > rememberedBlocks && oldest !== undefined) this.#located.delete(oldest);
  }
}

/** Equal for two headers of the same block as far as headers can tell. */
function identityOf(header: HeaderJson): string {
  const { parentHash, stateRoot, extrinsicsRoot, digest } = header;
  return [parentHash, stateRoot, extrinsicsRoot, ...digest.logs].join();
}
