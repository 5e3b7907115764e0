import type { BlockNeed, BlockParams, HeadName } from '@dshackle/core';
import { isHash, toNumber, toQuantity } from './header.ts';

/**
 * Tags by the head that they speak of (Ethereum execution APIs, "Block tag"). `earliest` is a height
 * and `pending` is what one node makes of its pool.
 */
const heads: ReadonlyMap<unknown, HeadName> = new Map<unknown, HeadName>([
  [undefined, 'best'],
  [null, 'best'],
  ['latest', 'best'],
  ['safe', 'safe'],
  ['finalized', 'finalized'],
]);

/** The head that a tag speaks of, or that is meant where none is given. */
export function headOfTag(param: unknown): HeadName | undefined {
  return heads.get(param);
}

/** Blocks as Ethereum's callers name them; a head is written as a height, which every method takes. */
export const blockParams: BlockParams = {
  headOf: (param) => {
    if (typeof param !== 'object' || param === null || 'blockHash' in param)
      return headOfTag(param);
    // No word of EIP-1898, but nodes take a tag there, too.
    const { blockNumber } = param as Readonly<Record<string, unknown>>;
    return typeof blockNumber === 'string' ? headOfTag(blockNumber) : undefined;
  },
  // Its place is after params that must be given.
  pads: false,
  write: ({ number }) => toQuantity(number),
};

/** The block that a param names: a tag, a height, a hash, or an object of EIP-1898. */
export function needOf(param: unknown): BlockNeed {
  const head = heads.get(param);
  if (head !== undefined) return { kind: head === 'finalized' ? 'finalized' : 'best' };
  if (param === 'pending') return { kind: 'best' };
  if (param === 'earliest') return { kind: 'number', number: 0 };
  if (isHash(param)) return { kind: 'hash', hash: param.toLowerCase() };
  if (typeof param === 'object' && param !== null) {
    const { blockHash, blockNumber } = param as Readonly<Record<string, unknown>>;
    if (isHash(blockHash)) return { kind: 'hash', hash: blockHash.toLowerCase() };
    return blockNumber === undefined ? { kind: 'none' } : needOf(blockNumber);
  }
  const number = toNumber(param);
  // Anything else is the client's mistake, which any upstream can tell it.
  return number === undefined ? { kind: 'none' } : { kind: 'number', number };
}
