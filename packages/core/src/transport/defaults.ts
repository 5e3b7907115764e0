import { BalancerError } from '../errors.ts';

/**
 * Takes each number from `options` or else from `defaults`.
 * @throws BalancerError `invalid request` unless it is a positive number
 */
export function withDefaults<T extends Readonly<Record<keyof T, number>>>(
  defaults: T,
  options: Partial<T>,
): T {
  const limits = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof T & string)[]) {
    const value = options[name] ?? defaults[name];
    if (!(value > 0)) throw new BalancerError('invalid request', `${name} must be positive`);
    limits[name] = value;
  }
  return limits;
}
