/** A quantile is off by at most this ratio of itself. */
const accuracy = 0.05;
const gamma = (1 + accuracy) / (1 - accuracy);
const logGamma = Math.log(gamma);
/** Shorter times all count as this: no hedge is that quick. */
const shortestMs = 0.1;
/** Longer ones all count as this: every deadline is shorter. */
const longestMs = 120_000;
const buckets = bucketOf(longestMs) + 1;

function bucketOf(ms: number): number {
  return Math.ceil(Math.log(ms / shortestMs) / logGamma);
}

/**
 * The distribution of some latencies in 141 counters, whatever their count.
 *
 * DDSketch (C. Masson, J. E. Rim, H. K. Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch
 * with Relative-Error Guarantees", VLDB 2019, https://arxiv.org/abs/1908.10693) with fixed bounds
 * instead of collapsing buckets:
 *
 * 1. Bucket i counts the values in (γ^(i−1), γ^i], with γ = (1 + accuracy) / (1 − accuracy).
 * 2. The quantile q lies in the first bucket up to which more than q × (count − 1) values lie.
 * 3. It is given as 2 γ^i / (γ + 1), which is within `accuracy` of every value in that bucket.
 */
export class LatencySketch {
  readonly #counts = new Uint32Array(buckets);
  #count = 0;
  /** The first bucket that holds anything, from which a quantile is sought. */
  #lowest = buckets;

  /** Values noted since the last `clear`. */
  get count(): number {
    return this.#count;
  }

  observe(ms: number): void {
    const bounded = Math.min(Math.max(ms, shortestMs), longestMs);
    const bucket = bucketOf(bounded);
    this.#counts[bucket]!++;
    this.#count++;
    if (bucket < this.#lowest) this.#lowest = bucket;
  }

  clear(): void {
    if (this.#count === 0) return;
    this.#counts.fill(0);
    this.#count = 0;
    this.#lowest = buckets;
  }

  /** The quantile `q` (0–1) of all values in this sketch and `other`; 0 when both are empty. */
  quantileWith(other: LatencySketch, q: number): number {
    const rank = q * (this.#count + other.#count - 1);
    let seen = 0;
    for (let bucket = Math.min(this.#lowest, other.#lowest); bucket < buckets; bucket++) {
      seen += this.#counts[bucket]! + other.#counts[bucket]!;
      if (seen > rank) return (shortestMs * 2 * gamma ** bucket) / (gamma + 1);
    }
    return 0;
  }
}
