/** What libraries say of a log. */
export interface ToldLog {
  readonly blockHash: string;
  readonly blockNumber: number;
  readonly index: number;
  /** Its block was taken back. */
  readonly removed: boolean;
}

/** The logs that one application was told of: what stands is what was told less what was removed. */
export class LogRecord {
  readonly #standing = new Map<string, ToldLog>();
  /** Logs told twice, and those removed that did not stand: none is allowed. */
  readonly broken: string[] = [];
  /** Logs that were told as removed. */
  removed = 0;

  /** Notes one log. */
  note(log: ToldLog): void {
    const key = keyOf(log);
    if (log.removed) {
      this.removed += 1;
      if (!this.#standing.delete(key)) this.broken.push(`removed without being told: ${key}`);
      return;
    }
    if (this.#standing.has(key)) this.broken.push(`told twice: ${key}`);
    this.#standing.set(key, log);
  }

  /**
   * The logs that stand in blocks above this height, as {@link keyOf} writes them, sorted; of
   * these blocks only, for an application that is not told what was removed.
   */
  standing(above: number, blocks?: ReadonlySet<string>): readonly string[] {
    return [...this.#standing.values()]
      .filter(({ blockNumber }) => blockNumber > above)
      .filter(({ blockHash }) => blocks?.has(blockHash) ?? true)
      .map(keyOf)
      .sort();
  }
}

/** A log by its place: height, block and index. */
export function keyOf({ blockNumber, blockHash, index }: Omit<ToldLog, 'removed'>): string {
  return `${String(blockNumber).padStart(6, '0')} ${blockHash} ${index}`;
}
