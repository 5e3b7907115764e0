import type { Random } from '../time/clock.ts';
import type { Candidate, Selector } from './selector.ts';

/** Options of {@link p2c}. */
export interface P2cOptions {
  /** Where its chances come from, uniform in [0, 1). @default Math.random */
  readonly random?: Random;
}

/**
 * Power of two choices: the less loaded of two upstreams drawn at random (Envoy: `LEAST_REQUEST`,
 * Finagle and tower: `p2c`). Nearly as even as asking all of them, at a constant cost, and without
 * the herd that forms when everybody picks the same best one from figures that are a moment old.
 *
 * M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE Transactions on
 * Parallel and Distributed Systems 12(10), 2001:
 *
 * 1. Draw one candidate, then another one from the rest.
 * 2. Take the one with the lower load. On a tie the first drawn, which is as random as a third draw.
 */
export function p2c(options: P2cOptions = {}): Selector {
  const random = options.random ?? Math.random;
  return {
    name: 'p2c',
    pick<T extends Candidate>(candidates: readonly T[]): T {
      const count = candidates.length;
      if (count === 1) return candidates[0]!;
      const one = Math.floor(random() * count);
      let other = Math.floor(random() * (count - 1));
      if (other >= one) other++;
      const first = candidates[one]!;
      const second = candidates[other]!;
      return second.load < first.load ? second : first;
    },
  };
}
