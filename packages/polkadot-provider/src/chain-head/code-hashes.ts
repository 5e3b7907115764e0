import type { StateReader } from '../service/state-reader.ts';

/** Key of the runtime's code. */
export const codeKey = '0x3a636f6465';

/** Blocks whose code hash is remembered: a few of the newest, which every client asks about. */
const maxKnown = 256;

/**
 * The hash of the runtime's code at each block: the first thing that every client asks of every
 * block, and megabytes to be hashed where an upstream does not do it itself.
 */
export class CodeHashes {
  readonly #reader: StateReader;
  readonly #known = new Map<string, Promise<string | null>>();
  readonly #signal: AbortSignal;

  /** `signal` ends what is under way: no client's own may, since others wait for the same. */
  constructor(reader: StateReader, signal: AbortSignal) {
    this.#reader = reader;
    this.#signal = signal;
  }

  /** Rejects as {@link StateReader.valueHash} does; the next one asks anew then. */
  at(hash: string): Promise<string | null> {
    let known = this.#known.get(hash);
    if (known === undefined) {
      known = this.#reader.valueHash(hash, null, codeKey, this.#signal);
      this.#known.set(hash, known);
      known.catch(() => this.#known.delete(hash));
      if (this.#known.size > maxKnown) {
        const [oldest] = this.#known.keys();
        this.#known.delete(oldest as string);
      }
    }
    return known;
  }
}
