import type { Random } from '../time/clock.ts';

/**
 * A random source that says the same numbers for the same seed.
 *
 * mulberry32 by Tommy Ettinger, public domain
 * (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c):
 * 1. step a 32-bit counter by an odd constant (a Weyl sequence);
 * 2. mix its bits by two rounds of xor-shift and multiply;
 * 3. scale to [0, 1).
 *
 * Good enough to spread choices in a test; no source of secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
