/** How one upstream fared. */
export interface CallCounts {
  calls: number;
  successes: number;
}

/** When an upstream is an outlier. */
export interface OutlierRule {
  /**
   * An upstream with fewer calls since the last judgement is not judged (Envoy:
   * `success_rate_request_volume`). @default 100
   */
  readonly minCalls: number;
  /**
   * With fewer upstreams that can be judged nobody is (Envoy: `success_rate_minimum_hosts`). Below
   * five the rule cannot speak anyway: one of n values is never more than √(n − 1) standard
   * deviations from their mean, and √3 < 1.9. Small pools rely on the circuit breaker. @default 5
   */
  readonly minUpstreams: number;
  /**
   * Standard deviations below the mean at which an upstream is an outlier (Envoy:
   * `success_rate_stdev_factor`, which is a thousand times this). @default 1.9
   */
  readonly stdevFactor: number;
  /**
   * With at least this success ratio (0–1) an upstream is never an outlier: where all others are
   * perfect, one failure in a thousand calls lies far below the mean. 1 leaves it to the mean
   * alone, as Envoy does. @default 0.9
   */
  readonly acceptableRatio: number;
}

/** Who lies too far below the rest. */
export interface Outliers<T> {
  /** The worst first. */
  readonly outliers: readonly T[];
  /** The success ratio (0–1) they should have reached. */
  readonly threshold: number;
}

/**
 * Finds the upstreams whose success ratio lies far below that of the others: below mean −
 * `stdevFactor` × standard deviation, as in Envoy's `successRateEjectionThreshold`
 * (https://github.com/envoyproxy/envoy, source/common/upstream/outlier_detection_impl.cc).
 */
export function findOutliers<T extends CallCounts>(
  upstreams: readonly T[],
  rule: OutlierRule,
): Outliers<T> {
  const judged = upstreams.filter(({ calls }) => calls > 0 && calls >= rule.minCalls);
  if (judged.length === 0 || judged.length < rule.minUpstreams) {
    return { outliers: [], threshold: 0 };
  }
  const mean = average(judged.map(successRatioOf));
  const variance = average(judged.map((upstream) => (successRatioOf(upstream) - mean) ** 2));
  const expected = mean - rule.stdevFactor * Math.sqrt(variance);
  const threshold = Math.min(expected, rule.acceptableRatio);
  const outliers = judged
    .filter((upstream) => successRatioOf(upstream) < threshold)
    .sort((one, other) => successRatioOf(one) - successRatioOf(other));
  return { outliers, threshold };
}

/** Successes per call, 0–1. */
export function successRatioOf({ calls, successes }: CallCounts): number {
  return successes / calls;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
