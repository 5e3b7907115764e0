import type { Transaction } from '@dshackle/core';
import { compactFromU8aLim, hexToU8a, u8aToHex } from '@polkadot/util';
import { decodeAddress } from '@polkadot/util-crypto/address';
import { blake2, type HeaderHasher } from './header.ts';

/** `0b1000_0100`: signed, of version 4 (sp-runtime, `UncheckedExtrinsic`). */
const signedV4 = 0x84;
/** `MultiAddress::Id`: the public key follows. */
const addressId = 0x00;
const accountBytes = 32;
/** Bytes of a `MultiSignature` by its first one: ed25519, sr25519, ecdsa. */
const signatureBytes = [64, 64, 65] as const;
/**
 * How far above the pool's best block a signer may have seen the chain. An era is told by its place
 * in a cycle, so a best block that lags the signer's could be in the cycle before.
 */
const maxLead = 16;

/** What signers vouch for beside the call, as far as every standard chain has it in this place. */
interface Extra {
  readonly era: Era | undefined;
  readonly nonce: number;
}

/** A mortal era: valid from a block whose height leaves `phase` when divided by `period`, for `period` blocks. */
interface Era {
  readonly period: number;
  readonly phase: number;
}

/**
 * Reads an extrinsic in hex, as it is submitted. Its hash is that of all its bytes. Signer,
 * nonce and era are read of signed ones of version 4 with the address, the signatures and the order of
 * extensions of Polkadot and the chains like it; of all others they are left out, never guessed.
 *
 * `hasher`: the chain's own. `undefined` when it is no hex, or not as long as it says: no node takes that.
 */
export function readExtrinsic(
  hex: unknown,
  hasher: HeaderHasher = blake2,
): Transaction | undefined {
  if (typeof hex !== 'string' || !/^0x(?:[0-9a-f]{2}){2,}$/i.test(hex)) return undefined;
  const bytes = hexToU8a(hex);
  const length = readCompact(bytes, 0);
  if (length === undefined || length.value !== bytes.length - length.next) return undefined;
  const id = u8aToHex(hasher(bytes));
  const plain = { id, body: hex.toLowerCase() };
  const at = length.next;
  if (bytes[at] !== signedV4 || bytes[at + 1] !== addressId) return plain;
  const account = bytes.subarray(at + 2, at + 2 + accountBytes);
  const signatureAt = at + 2 + accountBytes;
  const signature = signatureBytes[bytes[signatureAt] as number];
  const extra = signature && readExtra(bytes, signatureAt + 1 + signature);
  if (!extra) return plain;
  const { era, nonce } = extra;
  const sender = { account: u8aToHex(account), nonce };
  return era
    ? { ...plain, sender, lastHeight: (best) => lastHeight(era, best + maxLead) }
    : { ...plain, sender };
}

/**
 * Characters of an address at most: SS58 takes 50 for 32 bytes, hex 66. Decoding base 58 takes time that
 * grows with the square of the length: a minute for 100 kB.
 */
export const maxAddressChars = 128;

/** The account that an address names, as {@link readExtrinsic} writes it; `undefined` for none. */
export function accountOf(address: unknown): string | undefined {
  if (typeof address !== 'string' || address.length > maxAddressChars) return undefined;
  try {
    return u8aToHex(decodeAddress(address));
  } catch {
    // No address: the node will say so.
    return undefined;
  }
}

/** `CheckMortality` then `CheckNonce`: the first two extensions that put bytes into an extrinsic. */
function readExtra(bytes: Uint8Array, at: number): Extra | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const era = first === 0 ? undefined : readEra(first, bytes[at + 1]);
  if (first !== 0 && era === undefined) return undefined;
  const nonce = readCompact(bytes, at + (first === 0 ? 1 : 2));
  return nonce && { era, nonce: nonce.value };
}

/**
 * Two bytes: the low four bits are the period, a power of two from 4 to 65536, the others the phase in
 * steps of period / 4096 (sp-runtime, `generic/era.rs`).
 */
function readEra(low: number, high: number | undefined): Era | undefined {
  if (high === undefined) return undefined;
  const encoded = low + (high << 8);
  const period = 2 << (encoded % 16);
  const phase = (encoded >> 4) * Math.max(period >> 12, 1);
  return period >= 4 && phase < period ? { period, phase } : undefined;
}

/** The last height at which an era is valid that was valid at `current`, or is soon. */
function lastHeight({ period, phase }: Era, current: number): number {
  const birth = Math.floor((Math.max(current, phase) - phase) / period) * period + phase;
  return birth + period - 1;
}

/** A SCALE compact number of at most 48 bits and where the next item begins. */
function readCompact(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly next: number } | undefined {
  const rest = bytes.subarray(at, at + 7);
  const [first] = rest;
  if (first === undefined) return undefined;
  const mode = first & 0b11;
  const size = mode === 0b11 ? (first >>> 2) + 5 : 1 << mode;
  if (size > rest.length) return undefined;
  const [, value] = compactFromU8aLim(rest);
  return { value, next: at + size };
}
