/** The middle one of some numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median and range. */
export function spread(numbers) {
  return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) };
}

/** The least of some numbers that a share `q` (0–1) of them does not exceed; `NaN` of none. */
export function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** What a report says of many durations. */
export function summaryOf(numbers) {
  return {
    count: numbers.length,
    p50: quantile(numbers, 0.5),
    p99: quantile(numbers, 0.99),
    most: numbers.length === 0 ? Number.NaN : Math.max(...numbers),
  };
}
