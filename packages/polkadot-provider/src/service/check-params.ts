import { isHash } from '../chain/header.ts';

/** A param that is not what the method takes; the message says what is. */
export class ParamError extends Error {
  override readonly name = 'ParamError';
}

const hex = /^(?:0x)?((?:[0-9a-f]{2})*)$/i;

/** @throws ParamError when the value is no string */
export function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new ParamError(`${name} must be a string`);
}

/** @throws ParamError when the value is not a hash of 32 bytes in hex */
export function hash(name: string, value: unknown): string {
  if (isHash(value)) return value.toLowerCase();
  throw new ParamError(`${name} must be a hash of 32 bytes in hex`);
}

/**
 * Bytes in hex, with 0x. Nodes take them without it, too, and polkadot-api writes none as `""`.
 * @throws ParamError when the value is something else
 */
export function bytes(name: string, value: unknown): string {
  const digits = typeof value === 'string' ? hex.exec(value)?.[1] : undefined;
  if (digits !== undefined) return `0x${digits.toLowerCase()}`;
  throw new ParamError(`${name} must be bytes in hex`);
}

/** @throws ParamError when the value is no boolean */
export function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new ParamError(`${name} must be true or false`);
}

/** @throws ParamError when the value is neither a hash nor a list of hashes */
export function hashes(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [hash(name, value)];
  return value.map((each) => hash(name, each));
}
