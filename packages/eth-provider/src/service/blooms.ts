import type { Block } from '@dshackle/core';
import { hexToBytes } from '@noble/hashes/utils.js';
import type { LogFilter } from './log-filter.ts';

const inHeader = /"logsBloom"\s*:\s*"0x([0-9a-f]{512})"/i;

/**
 * Tells by the headers which blocks have none of the logs that somebody wants, so that nobody need be
 * asked. On some chains all blooms are empty: an empty one is believed once there was another one.
 */
export class Blooms {
  readonly #read = new WeakMap<Block, Uint8Array | undefined>();
  #isKept = false;

  /** True when that block surely has no such log. */
  ruleOut(block: Block, filter: LogFilter): boolean {
    const bloom = this.#bloomOf(block);
    if (bloom === undefined) return false;
    const isEmpty = bloom.every((byte) => byte === 0);
    if (isEmpty) return this.#isKept;
    this.#isKept = true;
    return !filter.mayBeIn(bloom);
  }

  /** True when that block surely has some such log. */
  promise(block: Block, filter: LogFilter): boolean {
    return filter.wantsAll && (this.#bloomOf(block)?.some((byte) => byte !== 0) ?? false);
  }

  #bloomOf(block: Block): Uint8Array | undefined {
    if (this.#read.has(block)) return this.#read.get(block);
    const digits = inHeader.exec(block.header)?.[1];
    const bloom = digits === undefined ? undefined : hexToBytes(digits);
    this.#read.set(block, bloom);
    return bloom;
  }
}
