import { BalancerError } from '../errors.ts';

/** What the platforms' timers take at most, in milliseconds: 24 days. Past it they fire at once. */
export const maxTimerMs = 2 ** 31 - 1;

/**
 * Takes each number from `options` or else from `defaults`.
 *
 * @param off numbers that may also be 0, which switches something off. @default none
 * @throws BalancerError `invalid request` unless it is a positive number, and no duration that
 *   timers cannot wait
 */
export function withDefaults<T extends Readonly<Record<keyof T, number>>>(
  defaults: T,
  options: Partial<T>,
  off: readonly (keyof T)[] = [],
): T {
  const limits = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof T & string)[]) {
    const value = options[name] ?? defaults[name];
    if (!(value > 0 || (value === 0 && off.includes(name)))) {
      throw new BalancerError('invalid request', `${name} must be positive`);
    }
    if (name.endsWith('Ms') && value > maxTimerMs) {
      throw new BalancerError('invalid request', `${name} must be at most ${maxTimerMs}`);
    }
    limits[name] = value;
  }
  return limits;
}
