import { bnToU8a, stringToHex, stringToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsU8a, xxhashAsU8a } from '@polkadot/util-crypto';
import { chainSpec } from '@substrate/connect-known-chains/rococo_v2_2_asset_hub';
import { devKeyring } from './dev-accounts.ts';

/** What each development account owns at genesis: a million units of 12 decimals. */
export const initialBalance = 1_000_000n * 10n ** 12n;

/**
 * The clock at genesis. Without it the first block would take the wall clock, and no two nodes
 * would agree on a hash.
 */
const GENESIS_TIME_MS = 1_700_000_000_000;

/** The raw chain specification as chopsticks reads it. */
export interface Genesis {
  readonly id: string;
  readonly name: string;
  readonly properties: {
    readonly ss58Format: number;
    readonly tokenDecimals: number;
    readonly tokenSymbol: string;
  };
  readonly genesis: { readonly raw: { readonly top: Readonly<Record<string, string>> } };
}

/**
 * The genesis of a chain of our own: the runtime of Rococo's asset hub, with the development
 * accounts funded and the clock fixed. The same name gives the same genesis hash, another name
 * another one.
 */
export async function createGenesis(name: string): Promise<Genesis> {
  const { genesis } = JSON.parse(chainSpec) as Genesis;
  const pairs = (await devKeyring()).getPairs();
  const top = {
    ...genesis.raw.top,
    // Part of the state and so of the genesis hash; the runtime never reads it.
    [stringToHex(':devnet')]: stringToHex(name),
    [storageKey('Timestamp', 'Now')]: little(GENESIS_TIME_MS, 64),
    [storageKey('Balances', 'TotalIssuance')]: little(initialBalance * BigInt(pairs.length), 128),
    ...Object.fromEntries(
      pairs.map(({ publicKey }) => [accountKey(publicKey), accountInfo(initialBalance)]),
    ),
  };
  return {
    id: name,
    name: 'Dshackle devnet',
    properties: { ss58Format: 42, tokenDecimals: 12, tokenSymbol: 'UNIT' },
    // Chopsticks walks the keys in the order they stand here and takes it for sorted.
    genesis: { raw: { top: Object.fromEntries(Object.entries(top).sort(byKey)) } },
  };
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

/** twox128(pallet) ++ twox128(item): https://docs.polkadot.com, "storage keys". */
function storageKey(pallet: string, item: string): string {
  return u8aToHex(keyPrefix(pallet, item));
}

function keyPrefix(pallet: string, item: string): Uint8Array {
  return u8aConcat(xxhashAsU8a(stringToU8a(pallet), 128), xxhashAsU8a(stringToU8a(item), 128));
}

/** System.Account is a map hashed by blake2_128_concat. */
function accountKey(publicKey: Uint8Array): string {
  return u8aToHex(
    u8aConcat(keyPrefix('System', 'Account'), blake2AsU8a(publicKey, 128), publicKey),
  );
}

/**
 * AccountInfo of this runtime (statemine 900): nonce, consumers, providers and sufficients as
 * u32, then free, reserved, frozen and a fourth amount as u128. One provider keeps it alive.
 */
function accountInfo(free: bigint): string {
  const counts = [0, 0, 1, 0].map((count) => bnToU8a(count, { bitLength: 32 }));
  const amounts = [free, 0n, 0n, 0n].map((amount) => bnToU8a(amount, { bitLength: 128 }));
  return u8aToHex(u8aConcat(...counts, ...amounts));
}

function little(value: number | bigint, bitLength: number): string {
  return u8aToHex(bnToU8a(value, { bitLength }));
}
