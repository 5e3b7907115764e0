/** What a selector may know of an upstream that is eligible for the call at hand. */
export interface Candidate {
  readonly id: string;
  /** Expected cost of one more call: lower is better (see `peakEwma`). */
  readonly load: number;
}

/** Picks one of the eligible upstreams. Holds no state of a single upstream. */
export interface Selector {
  /** For snapshots and logs. */
  readonly name: string;
  /** Never called with an empty list; must return one of its members. */
  pick<T extends Candidate>(candidates: readonly T[]): T;
}
