import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';

/** An account everybody knows the key of. */
export interface DevAccount {
  /** `Alice` … `Ferdie`. */
  readonly name: string;
  /** The secret as polkadot-js derives it from the well-known development phrase: `//Alice`. */
  readonly suri: string;
}

/** The six development accounts, all funded at genesis. */
export const devAccounts: readonly DevAccount[] = [
  'Alice',
  'Bob',
  'Charlie',
  'Dave',
  'Eve',
  'Ferdie',
].map((name) => ({ name, suri: `//${name}` }));

/** A keyring that holds {@link devAccounts} (sr25519), by `getPairs()` in the same order. */
export async function devKeyring(): Promise<Keyring> {
  // sr25519 is WebAssembly, which must be compiled first.
  await cryptoWaitReady();
  const keyring = new Keyring({ type: 'sr25519' });
  for (const { name, suri } of devAccounts) keyring.addFromUri(suri, { name });
  return keyring;
}
