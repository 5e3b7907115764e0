import { maxAddressChars } from './extrinsic.ts';

/** What a param may be, and how that is said to who gave something else. */
interface Kind {
  readonly isValid: (value: unknown) => boolean;
  readonly description: string;
  /** Where it may be a list: what each item must be. */
  readonly isItem?: (value: unknown) => boolean;
}

const hash32 = /^(?:0x)?[0-9a-f]{64}$/i;
const hex = /^(?:0x)?[0-9a-f]*$/i;

const isHash = (value: unknown): boolean => typeof value === 'string' && hash32.test(value);
/** Nodes take an odd number of digits, and none of them need the 0x (impl-serde, `from_hex`). */
const isHex = (value: unknown): boolean => typeof value === 'string' && hex.test(value);
const isNumber = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0;
/** `NumberOrHex` of sp-rpc. */
const isHeight = (value: unknown): boolean => isNumber(value) || (isHex(value) && value !== '');

/** Which addresses there are is the chain's business; no node should have to decode a long one. */
const isAddress = (value: unknown): boolean =>
  typeof value === 'string' && value.length <= maxAddressChars;

/**
 * The kinds of params. Each declines only what no Substrate node takes: jsonrpsee answers it with
 * -32602 in words of its parser, and other servers with an internal error, with nonsense or not at all.
 */
const kinds = {
  any: { isValid: () => true, description: 'anything' },
  hash: { isValid: isHash, description: 'a hash of 32 bytes in hex' },
  hashes: {
    isValid: (value) => (Array.isArray(value) ? value.every(isHash) : isHash(value)),
    isItem: isHash,
    description: 'a hash of 32 bytes in hex, or a list of them',
  },
  bytes: { isValid: isHex, description: 'bytes in hex' },
  keys: {
    isValid: (value) => Array.isArray(value) && value.every(isHex),
    isItem: isHex,
    description: 'a list of keys in hex',
  },
  address: {
    isValid: isAddress,
    description: `an address of at most ${maxAddressChars} characters`,
  },
  text: { isValid: (value) => typeof value === 'string', description: 'a string' },
  u32: {
    isValid: (value) => isNumber(value) && Number(value) <= 0xffff_ffff,
    description: 'a whole number from 0 to 4294967295',
  },
  number: { isValid: isNumber, description: 'a whole number of at least 0' },
  height: {
    isValid: (value) => (Array.isArray(value) ? value.every(isHeight) : isHeight(value)),
    isItem: isHeight,
    description: 'a block number of at least 0 (a number, or a string in hex), or a list of them',
  },
  flag: { isValid: (value) => typeof value === 'boolean', description: 'true or false' },
  list: { isValid: Array.isArray, description: 'a list' },
} as const satisfies Readonly<Record<string, Kind>>;

/** Name of one of the {@link paramKinds}. */
export type ParamKind = keyof typeof kinds;

/** What each kind takes. */
export const paramKinds: Readonly<Record<ParamKind, Kind>> = kinds;

/** Is there a kind of this name? */
export function isParamKind(name: string): name is ParamKind {
  return Object.hasOwn(kinds, name);
}
