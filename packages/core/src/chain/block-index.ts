/** What selection may ask of the chain's known blocks. */
export interface BlockIndex {
  /** Height of a known block; `undefined` for a block never heard of (or long forgotten). */
  numberOf(hash: string): number | undefined;
  /** True when `ancestor` is `descendant` or one of its known ancestors. */
  isAncestor(ancestor: string, descendant: string): boolean;
  /** True when the pool agrees that this block is final. */
  isFinal(hash: string): boolean;
}
