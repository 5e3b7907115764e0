/** How a chain tells which blocks are final: by the `finalized` tag, or so many blocks deep. */
export type Finality = 'tag' | { readonly depth: number };

/** What is fixed about a chain that we know by name. */
export interface KnownChain {
  /** What `eth_chainId` answers (EIP-155). */
  readonly chainId: number;
  /** Hash of block 0, lower-case hex with 0x. */
  readonly genesisHash: string;
  /** Time between blocks that the chain aims for, in milliseconds. */
  readonly blockTimeMs: number;
  readonly finality: Finality;
}

const mainnetGenesis = '0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3';

/** Chains known by id. */
export const knownChains = {
  ethereum: {
    chainId: 1,
    genesisHash: mainnetGenesis,
    blockTimeMs: 12_000,
    finality: 'tag',
  },
  sepolia: {
    chainId: 11_155_111,
    genesisHash: '0x25a5cc106eea7138acab33231d7160d69cb777ee0c2c553fcddf5138993e6dd9',
    blockTimeMs: 12_000,
    finality: 'tag',
  },
  holesky: {
    chainId: 17_000,
    genesisHash: '0xb5f7f912443c940f21fd611f12828d75b534364ed9e95ca4e307729a4661bde4',
    blockTimeMs: 12_000,
    finality: 'tag',
  },
  hoodi: {
    chainId: 560_048,
    genesisHash: '0xbbe312868b376a3001692a646dd2d7d1e4406380dfd86b98aa8a34d1557c971b',
    blockTimeMs: 12_000,
    finality: 'tag',
  },
  // Shares its beginning with Ethereum: the chain id tells them apart. Proof of work: nothing is
  // ever final; its largest reorganisations went some thousands deep before MESS, hence the depth.
  'ethereum-classic': {
    chainId: 61,
    genesisHash: mainnetGenesis,
    blockTimeMs: 13_000,
    finality: { depth: 120 },
  },
} as const satisfies Record<string, KnownChain>;

/** An id that needs no chain id of the user's. */
export type KnownChainId = keyof typeof knownChains;
