import { compactFromU8aLim, hexToU8a, u8aToHex } from '@polkadot/util';

/** Reads SCALE items one after the other. All methods throw RangeError past the end. */
export class ScaleReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array | string) {
    this.#bytes = typeof bytes === 'string' ? hexToU8a(bytes) : bytes;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  bytes(count: number): Uint8Array {
    if (count > this.left) throw new RangeError(`${count} bytes wanted, ${this.left} left`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** Bytes in hex. */
  hex(count: number): string {
    return u8aToHex(this.bytes(count));
  }

  /** An unsigned little-endian integer of so many bytes. */
  uint(count: number): number {
    return this.bytes(count).reduceRight((sum, byte) => sum * 256 + byte, 0);
  }

  /** A compact integer of at most 48 bits. */
  compact(): number {
    if (this.left === 0) throw new RangeError('a compact integer wanted, nothing left');
    const rest = this.#bytes.subarray(this.#at);
    const mode = (rest[0] as number) & 0b11;
    const size = mode === 0b11 ? ((rest[0] as number) >>> 2) + 5 : 1 << mode;
    if (size > 7) throw new RangeError('a compact integer of more than 48 bits');
    const [, value] = compactFromU8aLim(rest);
    this.bytes(size);
    return value;
  }

  text(): string {
    return new TextDecoder().decode(this.bytes(this.compact()));
  }

  /** What `read` reads over, in hex. */
  span(read: () => void): string {
    const from = this.#at;
    read();
    return u8aToHex(this.#bytes.subarray(from, this.#at));
  }
}
