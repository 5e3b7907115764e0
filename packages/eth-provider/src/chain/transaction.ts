import type { Sender, Transaction } from '@dshackle/core';
import { type NestedUint8Array, RLP } from '@ethereumjs/rlp';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js';

/** One item of RLP: bytes, or a list of items. */
type Item = Uint8Array | NestedUint8Array;

/** A signed transaction, taken apart as far as its sender and its hash need it. */
interface Signed {
  /** What its hash is of. */
  readonly bytes: Uint8Array;
  /** What its signature is of. */
  readonly unsigned: () => Uint8Array;
  readonly nonce: Uint8Array;
  /** 0 or 1. */
  readonly parity: number;
  readonly r: Uint8Array;
  readonly s: Uint8Array;
}

/** Fields of an untyped transaction (Yellow Paper, section 4.2; EIP-155). */
const legacyFields = 9;

/**
 * How many fields each type has, its signature the last three, its nonce the second: EIP-2930,
 * EIP-1559, EIP-4844 and EIP-7702.
 */
const fieldsOfType: ReadonlyMap<number, number> = new Map([
  [1, 11],
  [2, 12],
  [3, 14],
  [4, 13],
]);
/** Travels with its blobs beside it, which its hash is not of (EIP-4844, "Networking"). */
const blobType = 3;

const hexBytes = /^0x(?:[0-9a-f]{2})+$/i;
const hexAddress = /^0x[0-9a-f]{40}$/i;

/** The account that an address names, however it is written; `undefined` when it is no address. */
export function accountOf(address: unknown): string | undefined {
  return typeof address === 'string' && hexAddress.test(address)
    ? address.toLowerCase()
    : undefined;
}

/**
 * Reads a signed raw transaction. `undefined` when it is none, or of a type that we do not know:
 * what the hash of such a one is of, only its chain can say.
 */
export function readTransaction(raw: unknown): Transaction | undefined {
  if (typeof raw !== 'string' || !hexBytes.test(raw)) return undefined;
  let signed: Signed | undefined;
  try {
    signed = takeApart(hexToBytes(raw.slice(2)));
  } catch {
    // No RLP: any upstream can tell the caller what is wrong with it.
    return undefined;
  }
  if (signed === undefined) return undefined;
  const id = `0x${bytesToHex(keccak_256(signed.bytes))}`;
  return new RawTransaction(id, signed);
}

/** Its sender is recovered when it is asked for: that is a hundred times the work of the hash. */
class RawTransaction implements Transaction {
  readonly id: string;
  readonly #signed: Signed;

  constructor(id: string, signed: Signed) {
    this.id = id;
    this.#signed = signed;
  }

  /** Blocks and pools are asked for hashes. */
  get body(): string {
    return this.id;
  }

  get sender(): Sender | undefined {
    const { nonce } = this.#signed;
    const account = recover(this.#signed);
    // A nonce beyond 6 bytes is no account's (EIP-2681 allows 8, which nobody reaches).
    if (account === undefined || nonce.length > 6) return undefined;
    return { account, nonce: nonce.length === 0 ? 0 : Number(`0x${bytesToHex(nonce)}`) };
  }
}

function takeApart(bytes: Uint8Array): Signed | undefined {
  const [first = 0] = bytes;
  // EIP-2718: a list is untyped, anything up to 0x7f is a type.
  if (first >= 0xc0) return takeApartLegacy(bytes);
  const count = fieldsOfType.get(first);
  if (count === undefined) return undefined;
  const whole = listOf(RLP.decode(bytes.subarray(1)));
  const isWrapped = first === blobType && Array.isArray(whole?.[0]);
  const fields = isWrapped ? listOf(whole?.[0]) : whole;
  if (fields?.length !== count) return undefined;
  const envelope = (items: readonly Item[]): Uint8Array =>
    concatBytes(Uint8Array.of(first), RLP.encode([...items]));
  const [parity, r, s] = bytesOf(fields.slice(-3));
  const [nonce] = bytesOf(fields.slice(1, 2));
  if (!parity || !nonce || !r?.length || !s?.length) return undefined;
  return {
    bytes: isWrapped ? envelope(fields) : bytes,
    unsigned: () => envelope(fields.slice(0, -3)),
    nonce,
    parity: parity[0] ?? 0,
    r,
    s,
  };
}

function takeApartLegacy(bytes: Uint8Array): Signed | undefined {
  const fields = listOf(RLP.decode(bytes));
  if (fields?.length !== legacyFields) return undefined;
  const [v, r, s] = bytesOf(fields.slice(-3));
  const [nonce] = bytesOf(fields.slice(0, 1));
  // Of an unsigned one the last three are its chain id and nothing, twice.
  if (!v?.length || !nonce || !r?.length || !s?.length) return undefined;
  const mark = toBigInt(v);
  const content = fields.slice(0, -3);
  // EIP-155: `{0, 1} + 35 + 2 × chain id`; before it 27 or 28, and no chain id was signed.
  const isBound = mark >= 35n;
  const parity = Number((mark - (isBound ? 35n : 27n)) & 1n);
  const signed = isBound ? [...content, toBytes((mark - 35n) / 2n), empty, empty] : content;
  return { bytes, unsigned: () => RLP.encode(signed), nonce, parity, r, s };
}

/** The address whose key made the signature; `undefined` when it is no signature. */
function recover({ unsigned, parity, r, s }: Signed): string | undefined {
  try {
    const signature = new secp256k1.Signature(toBigInt(r), toBigInt(s), parity);
    const point = signature.recoverPublicKey(keccak_256(unsigned())).toBytes(false);
    return `0x${bytesToHex(keccak_256(point.subarray(1)).subarray(12))}`;
  } catch {
    // No point of the curve: nobody's transaction, as the upstreams will say.
    return undefined;
  }
}

const empty = new Uint8Array();

function listOf(item: Item | undefined): readonly Item[] | undefined {
  return Array.isArray(item) ? item : undefined;
}

function bytesOf(items: readonly Item[]): readonly (Uint8Array | undefined)[] {
  return items.map((item) => (item instanceof Uint8Array ? item : undefined));
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytesToHex(bytes)}`);
}

function toBytes(value: bigint): Uint8Array {
  if (value === 0n) return empty;
  const digits = value.toString(16);
  return hexToBytes(digits.length % 2 === 0 ? digits : `0${digits}`);
}
