import { compactAddLength, compactToU8a, u8aConcat, u8aToHex } from '@polkadot/util';

/** What a made-up extrinsic is like. */
export interface MadeUp {
  /** @default 0x84, signed and of version 4 */
  readonly version?: number;
  /** First byte of the address. @default 0, `MultiAddress::Id` */
  readonly address?: number;
  /** Public key of the signer. @default 32 times 7 */
  readonly account?: Uint8Array;
  /** First byte of the signature: 0, 1 or 2. @default 1, sr25519 */
  readonly signature?: number;
  /** @default immortal */
  readonly era?: Uint8Array;
  /** @default 0 */
  readonly nonce?: number;
}

/** An extrinsic in hex that no chain made: a signature of zeros, and some call. */
export function madeUpExtrinsic(like: MadeUp = {}): string {
  const { version = 0x84, address = 0, signature = 1, nonce = 0 } = like;
  const body = u8aConcat(
    [version, address],
    like.account ?? new Uint8Array(32).fill(7),
    [signature],
    new Uint8Array(signature === 2 ? 65 : 64),
    like.era ?? [0],
    compactToU8a(nonce),
    // No tip; then the call.
    [0, 6, 0, 1, 2, 3],
  );
  return u8aToHex(compactAddLength(body));
}
