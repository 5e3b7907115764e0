/**
 * Milliseconds of CLOCK_MONOTONIC: one clock for all processes of a machine, of Node and of C alike.
 * (`performance.now()` counts from the start of each process.)
 */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Blocks below the best one that are not final yet. */
export const finalityLag = 2;

/** Blocks that exist when the first one is announced. */
const firstBlocks = 20;

/** When which block is announced: the same for every node that has this schedule. */
export class Schedule {
  /** @param {number} startMs of {@link nowMs} @param {number} paceMs between two blocks */
  constructor(startMs, paceMs) {
    this.startMs = startMs;
    this.paceMs = paceMs;
  }

  /** When a block becomes the best one. */
  bestAtMs(number) {
    return this.startMs + (number - firstBlocks) * this.paceMs;
  }

  /** When a block becomes final: half a pace after the block that is `finalityLag` above it. */
  finalAtMs(number) {
    return this.bestAtMs(number + finalityLag) + this.paceMs / 2;
  }

  /** The best block at some time. */
  best(atMs) {
    return firstBlocks + Math.max(0, Math.floor((atMs - this.startMs) / this.paceMs));
  }

  /** The finalized block at some time. */
  final(atMs) {
    return this.best(atMs - this.paceMs / 2) - finalityLag;
  }
}
