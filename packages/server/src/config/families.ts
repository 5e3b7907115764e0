import { knownChains as ethereumChains, methodGroups } from '@dshackle/eth-provider/chain';
import { knownChains as substrateChains } from '@dshackle/polkadot-provider/chain';

/** What the chains of one family have in common. */
interface FamilyTraits {
  /** Key of an upstream's `connection`. */
  readonly connection: 'polkadot' | 'ethereum';
  /** Chains that need no `chains` entry. */
  readonly chainIds: readonly string[];
  /** Time between the blocks of a chain that says none, in milliseconds. */
  readonly blockTimeMs: number;
  /** Peers that a node of a chain of one's own should have, unless the file says so. */
  readonly customMinPeers: number;
  /** Methods that are enabled together, by the name of the group. */
  readonly methodGroups: Readonly<Record<string, readonly string[]>>;
}

/** The families of chains that there are. */
export const families = {
  substrate: {
    connection: 'polkadot',
    chainIds: Object.keys(substrateChains),
    blockTimeMs: 6000,
    // Its nodes say whether they should have any.
    customMinPeers: 1,
    methodGroups: {},
  },
  ethereum: {
    connection: 'ethereum',
    chainIds: Object.keys(ethereumChains),
    blockTimeMs: 12_000,
    customMinPeers: 0,
    methodGroups,
  },
} as const satisfies Record<string, FamilyTraits>;

export type Family = keyof typeof families;

/** The names of all families. */
export const familyNames = Object.keys(families) as readonly Family[];

/** Chains that need no `chains` entry. */
export const knownChainIds: readonly string[] = familyNames.flatMap(
  (name) => families[name].chainIds,
);

/** The keys that `connection` may have. */
export const connectionKeys = familyNames.map((name) => families[name].connection);

/** The methods of a group; none where no family has one of that name. */
export function methodsOfGroup(group: string): readonly string[] {
  return familyNames.flatMap((name) => groupsOf(name)[group] ?? []);
}

/** The groups of methods that chains of a family have. */
export function groupsOf(family: Family): FamilyTraits['methodGroups'] {
  return families[family].methodGroups;
}

/** The family of a chain known by id. */
export function familyOfKnown(id: string): Family | undefined {
  return familyNames.find((name) => (families[name].chainIds as readonly string[]).includes(id));
}
