import type { Block, RawJson, UpstreamClient } from '@dshackle/core';
import { ask } from './ask.ts';
import { type HeaderJson, headerHash, parseHeader, toBlock, toQuantity } from './header.ts';

/**
 * How far hashes are checked: `strict` refuses every header that does not have its hash; `adaptive`
 * does so once one has fitted, as some chains hash other fields; `none` takes the upstream's word.
 */
export type Verification = 'strict' | 'adaptive' | 'none';

/** A block by its tag or height. */
export type BlockName = 'latest' | 'safe' | 'finalized' | number;

/** Reads blocks of one upstream, each under a hash that we computed where we can. */
export class UpstreamBlocks {
  readonly #client: UpstreamClient;
  #verification: Verification;

  constructor(client: UpstreamClient, verification: Verification) {
    this.#client = client;
    this.#verification = verification;
  }

  /**
   * The block of a header that the upstream told.
   * @throws Error when it is no header, or has another hash than it says
   */
  read(raw: RawJson): Block {
    const header = parseHeader(raw);
    this.#verify(header);
    return toBlock(header, raw);
  }

  /**
   * The block of that name; `undefined` when the upstream has none.
   * @throws RpcResponseError when it answers with an error
   */
  async named(name: BlockName): Promise<Block | undefined> {
    const param = typeof name === 'number' ? toQuantity(name) : name;
    const block = await this.#ask('eth_getBlockByNumber', param);
    if (typeof name === 'number' && block !== undefined && block.number !== name) {
      throw new Error(`asked for block ${name}, it gave block ${block.number}`);
    }
    return block;
  }

  /** The block with this hash; `undefined` when the upstream does not have it. */
  async fetch(hash: string): Promise<Block | undefined> {
    const block = await this.#ask('eth_getBlockByHash', hash);
    return block?.hash === hash.toLowerCase() ? block : undefined;
  }

  async #ask(method: string, param: string): Promise<Block | undefined> {
    const request = (...call: Parameters<UpstreamClient['request']>) =>
      this.#client.request(...call);
    const raw = await ask(request, method, param, false);
    return raw === 'null' ? undefined : this.read(raw);
  }

  #verify(header: HeaderJson): void {
    if (this.#verification === 'none') return;
    if (this.#verification === 'adaptive') {
      if (hasItsHash(header)) this.#verification = 'strict';
      return;
    }
    const hash = headerHash(header);
    if (hash !== header.hash.toLowerCase()) {
      throw new Error(`header of block ${Number(header.number)} says ${header.hash}, has ${hash}`);
    }
  }
}

function hasItsHash(header: HeaderJson): boolean {
  try {
    return headerHash(header) === header.hash.toLowerCase();
  } catch {
    // Fields that Ethereum does not have, or lacks: another format.
    return false;
  }
}
