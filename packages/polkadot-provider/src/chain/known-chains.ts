/** What is fixed about a chain that we know by name. */
export interface KnownChain {
  /** Hash of block 0, lower-case hex with 0x. */
  readonly genesisHash: string;
  /** Time between blocks that the chain aims for, in milliseconds. */
  readonly blockTimeMs: number;
}

/**
 * Chains known by id. Each hash was computed from the genesis state root of the chain's published
 * chain specification (a genesis header holds nothing else), and `header.test.ts` repeats that.
 */
export const knownChains = {
  polkadot: {
    genesisHash: '0x91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3',
    blockTimeMs: 6000,
  },
  'polkadot-asset-hub': {
    genesisHash: '0x68d56f15f85d3136970ec16946040bc1752654e906147f7e43e9d539d7c3de2f',
    blockTimeMs: 6000,
  },
  kusama: {
    genesisHash: '0xb0a8d493285c2df73290dfb7e61f870f17b41801197a149ca93654499ea3dafe',
    blockTimeMs: 6000,
  },
  'kusama-asset-hub': {
    genesisHash: '0x48239ef607d7928874027a43a67689209727dfb3d3dc5e5b03a39bdc2eda771a',
    blockTimeMs: 6000,
  },
  westend: {
    genesisHash: '0xe143f23803ac50e8f6f8e62695d1ce9e4e1d68aa36c1cd2cfd15340213f3423e',
    blockTimeMs: 6000,
  },
  'westend-asset-hub': {
    genesisHash: '0x67f9723393ef76214df0118c34bbbd3dbebc8ed46a10973a8c969d48fe7598c9',
    blockTimeMs: 6000,
  },
  // The relay chain that replaced the first Paseo (genesis 0x77afd619…) in July 2026.
  paseo: {
    genesisHash: '0x374057be67b355151f271ff70c3db98308c62c8adc48dc6724b6a009a1a014fd',
    blockTimeMs: 6000,
  },
  'paseo-asset-hub': {
    genesisHash: '0xd6eec26135305a8ad257a20d003357284c8aa03d0bdb2b357ab0a22371e11ef2',
    blockTimeMs: 6000,
  },
} as const satisfies Record<string, KnownChain>;

/** An id that needs no genesis hash of the user's. */
export type KnownChainId = keyof typeof knownChains;
