import type { Block, RawJson } from '@dshackle/core';
import { RLP } from '@ethereumjs/rlp';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';

/** A block header as nodes write it in JSON: each field in hex. */
export type HeaderJson = Readonly<Record<string, unknown>> & {
  readonly hash: string;
  readonly parentHash: string;
  readonly number: string;
};

/** `bytes` are taken as they are, a `quantity` without leading zeros. */
type Encoding = 'bytes' | 'quantity';

/**
 * The fields of a header in the order of its RLP list. Those from `baseFeePerGas` on came with later
 * forks, each present in a header that has any after it (Ethereum execution specifications,
 * `blocks.py` of each fork: London, Shanghai, Cancun, Prague, Amsterdam).
 */
const fields: readonly (readonly [name: string, encoding: Encoding, optional?: 'optional'])[] = [
  ['parentHash', 'bytes'],
  ['sha3Uncles', 'bytes'],
  ['miner', 'bytes'],
  ['stateRoot', 'bytes'],
  ['transactionsRoot', 'bytes'],
  ['receiptsRoot', 'bytes'],
  ['logsBloom', 'bytes'],
  ['difficulty', 'quantity'],
  ['number', 'quantity'],
  ['gasLimit', 'quantity'],
  ['gasUsed', 'quantity'],
  ['timestamp', 'quantity'],
  ['extraData', 'bytes'],
  ['mixHash', 'bytes'],
  ['nonce', 'bytes'],
  ['baseFeePerGas', 'quantity', 'optional'],
  ['withdrawalsRoot', 'bytes', 'optional'],
  ['blobGasUsed', 'quantity', 'optional'],
  ['excessBlobGas', 'quantity', 'optional'],
  ['parentBeaconBlockRoot', 'bytes', 'optional'],
  ['requestsHash', 'bytes', 'optional'],
  ['blockAccessListHash', 'bytes', 'optional'],
  ['slotNumber', 'quantity', 'optional'],
];

/** What a block has in JSON beyond its header. */
const beyondHeader = ['transactions', 'uncles', 'withdrawals', 'size', 'totalDifficulty'] as const;

const hash32 = /^0x[0-9a-f]{64}$/i;
const hexNumber = /^0x[0-9a-f]{1,13}$/i;
const hexBytes = /^0x(?:[0-9a-f]{2})*$/i;
const hexQuantity = /^0x[0-9a-f]+$/i;

/** The address that nobody has the key of, and no event comes from. */
export const nobody = '0x0000000000000000000000000000000000000000';

/** True for a hex string of 32 bytes. */
export function isHash(value: unknown): value is string {
  return typeof value === 'string' && hash32.test(value);
}

/** The number that a hex quantity of at most 52 bits stands for; `undefined` for anything else. */
export function toNumber(value: unknown): number | undefined {
  return typeof value === 'string' && hexNumber.test(value) ? Number(value) : undefined;
}

/** A height as params and results have it: hex without leading zeros. */
export function toQuantity(number: number): string {
  return `0x${number.toString(16)}`;
}

/**
 * Reads the header of a block, or of a notice of a new one.
 * @throws Error when it is none
 */
export function parseHeader(raw: RawJson): HeaderJson {
  const header = JSON.parse(raw) as HeaderJson | null;
  if (
    !isHash(header?.hash) ||
    !isHash(header.parentHash) ||
    toNumber(header.number) === undefined
  ) {
    throw new Error(`not a block header: ${raw.slice(0, 120)}`);
  }
  return header;
}

/**
 * Hash of a header: Keccak-256 of its RLP encoding (Ethereum Yellow Paper, section 4.4).
 * @throws Error that names the first field which is not there or not hex
 */
export function headerHash(header: HeaderJson): string {
  const list: Uint8Array[] = [];
  let missing: string | undefined;
  for (const [name, encoding, optional] of fields) {
    const value = header[name];
    if (optional && (value === undefined || value === null)) {
      missing ??= name;
      continue;
    }
    if (missing !== undefined) throw new Error(`header has ${name} but no ${missing}`);
    list.push(encode(name, value, encoding));
  }
  return `0x${bytesToHex(keccak_256(RLP.encode(list)))}`;
}

function encode(name: string, value: unknown, encoding: Encoding): Uint8Array {
  const isHex = encoding === 'bytes' ? hexBytes : hexQuantity;
  if (typeof value !== 'string' || !isHex.test(value)) {
    throw new Error(`header has no ${name}, but ${JSON.stringify(value)?.slice(0, 80)}`);
  }
  if (encoding === 'bytes') return hexToBytes(value.slice(2));
  const digits = value.slice(2).replace(/^0+/, '');
  return hexToBytes(digits.length % 2 === 0 ? digits : `0${digits}`);
}

/** The engine's view of a header, under the hash that it was found to have. */
export function toBlock(header: HeaderJson, raw: RawJson): Block {
  return {
    number: Number(header.number),
    hash: header.hash.toLowerCase(),
    parentHash: header.parentHash.toLowerCase(),
    header: 'transactions' in header ? withoutBody(header) : raw,
  };
}

/** A block as the notice of a new head has it. */
function withoutBody(block: HeaderJson): RawJson {
  const header: Record<string, unknown> = { ...block };
  for (const name of beyondHeader) delete header[name];
  return JSON.stringify(header);
}
