import type { RawJson } from '@dshackle/core';
import { toNumber } from './header.ts';

/** A height as nodes write it; traces have it as a number. */
const height = /\s*:\s*(?:"(0x[0-9a-fA-F]+)"|(\d+)\s*[,}])/y;

/**
 * The block of the last object in a result that names one: of a transaction, a receipt, or the newest of
 * some logs, which come in the order of their blocks. Nothing is parsed, and from the end little is looked
 * at. What a string says cannot be taken for it: quotes in strings follow a backslash.
 */
export function toldByItem(result: RawJson, params: readonly unknown[]): number | undefined {
  if (isOfPending(params)) return undefined;
  return heightAfter(result, '"blockNumber"', result.lastIndexOf('"blockNumber"'));
}

/** The height of the block or header that a result is. */
export function toldByBlock(result: RawJson, params: readonly unknown[]): number | undefined {
  if (isOfPending(params)) return undefined;
  return heightAfter(result, '"number"', result.indexOf('"number"'));
}

/** A pending block has a height that the chain may have yet to reach. */
function isOfPending([first]: readonly unknown[]): boolean {
  if (typeof first !== 'object' || first === null) return first === 'pending';
  const { blockNumber, fromBlock, toBlock } = first as Readonly<Record<string, unknown>>;
  return [blockNumber, fromBlock, toBlock].includes('pending');
}

/** The height that a result is. */
export function toldByHeight(result: RawJson): number | undefined {
  return result.startsWith('"') ? toNumber(result.slice(1, -1)) : undefined;
}

function heightAfter(result: RawJson, name: string, at: number): number | undefined {
  if (at < 0) return undefined;
  height.lastIndex = at + name.length;
  const found = height.exec(result);
  if (!found) return undefined;
  const number = Number(found[1] ?? found[2]);
  return Number.isSafeInteger(number) ? number : undefined;
}
