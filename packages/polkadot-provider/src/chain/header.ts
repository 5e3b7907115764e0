import type { Block, RawJson } from '@dshackle/core';
import { compactToU8a, hexToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsU8a } from '@polkadot/util-crypto/blake2';
import { keccakAsU8a } from '@polkadot/util-crypto/keccak';

/** A block header as nodes write it in JSON. */
export interface HeaderJson {
  readonly parentHash: string;
  /** Hex, at times with leading zeros (`0x00000002`). */
  readonly number: string | number;
  readonly stateRoot: string;
  readonly extrinsicsRoot: string;
  /** Each log is the SCALE encoding of one digest item in hex. */
  readonly digest: { readonly logs: readonly string[] };
}

/** Hash function of a chain's headers, 32 bytes out. */
export type HeaderHasher = (bytes: Uint8Array) => Uint8Array;

/**
 * BLAKE2b-256, the hash of all chains of the Polkadot family but a few. Runs as wasm once
 * `cryptoWaitReady()` resolved and as plain JavaScript before; the value is the same.
 */
export const blake2: HeaderHasher = (bytes) => blake2AsU8a(bytes, 256);

/** Keccak-256, which some Ethereum-minded chains use instead. */
export const keccak: HeaderHasher = (bytes) => keccakAsU8a(bytes, 256);

/** The hash functions of chains by their names. */
export const headerHashers = { 'blake2-256': blake2, 'keccak-256': keccak } as const;

/** Name of a chain's hash function. */
export type HasherName = keyof typeof headerHashers;

const hash32 = /^0x[0-9a-f]{64}$/i;

/** True for a hex string of 32 bytes. */
export function isHash(value: unknown): value is string {
  return typeof value === 'string' && hash32.test(value);
}

/**
 * Reads a header from a node's answer.
 * @throws Error when it is not a header
 */
export function parseHeader(raw: RawJson): HeaderJson {
  const header = JSON.parse(raw) as HeaderJson | null;
  if (
    !isHash(header?.parentHash) ||
    !isHash(header.stateRoot) ||
    !isHash(header.extrinsicsRoot) ||
    !Number.isSafeInteger(Number(header.number)) ||
    !Array.isArray(header.digest?.logs)
  ) {
    throw new Error(`not a block header: ${raw.slice(0, 120)}`);
  }
  return header;
}

/**
 * The SCALE encoding of a header:
 * `parentHash ‖ compact(number) ‖ stateRoot ‖ extrinsicsRoot ‖ compact(#logs) ‖ logs`
 * (Polkadot specification, definition "Block header").
 */
export function encodeHeader(header: HeaderJson): Uint8Array {
  const { logs } = header.digest;
  return u8aConcat(
    hexToU8a(header.parentHash),
    compactToU8a(Number(header.number)),
    hexToU8a(header.stateRoot),
    hexToU8a(header.extrinsicsRoot),
    compactToU8a(logs.length),
    ...logs.map((log) => hexToU8a(log)),
  );
}

/** Hash of a header: the hash of its SCALE encoding. */
export function headerHash(header: HeaderJson, hasher: HeaderHasher): string {
  return u8aToHex(hasher(encodeHeader(header)));
}

/** The engine's view of a header, under the hash that it was found to have. */
export function toBlock(header: HeaderJson, hash: string, raw: RawJson): Block {
  return {
    number: Number(header.number),
    hash: hash.toLowerCase(),
    parentHash: header.parentHash.toLowerCase(),
    header: raw,
  };
}
