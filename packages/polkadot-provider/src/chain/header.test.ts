import { TypeRegistry } from '@polkadot/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { blake2, type HeaderJson, headerHash, parseHeader, toBlock } from './header.ts';
import { knownChains } from './known-chains.ts';

const zero = `0x${'00'.repeat(32)}`;
/** Root of the empty trie: the extrinsics root of every genesis. */
const emptyRoot = '0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314';

/** Genesis state roots as the chains' published specifications give them. */
const genesisStateRoots = {
  polkadot: '0x29d0d972cd27cbc511e9589fcb7a4506d5eb6a9e8df205f00472e5ab354a4e17',
  'polkadot-asset-hub': '0xc1ef26b567de07159e4ecd415fbbb0340c56a09c4d72c82516d0f3bc2b782c80',
  kusama: '0xb0006203c3a6e6bd2c6a17b1d4ae8ca49a31da0f4579da950b127774b44aef6b',
  'kusama-asset-hub': '0x299ac939ea4722d1fcf7f4873675040ebc83d144620c76206dbeb7468cf30cdf',
  westend: '0x7e92439a94f79671f9cade9dff96a094519b9001a7432244d46ab644bb6f746f',
  'westend-asset-hub': '0x1d0ce8ef6a9eef1685c4715925cf91ed1af635a752eac4f9945b1a1a4e2b6e51',
  paseo: '0x070b57c91484ab48bfa87a8af91ec6c20667aa4b0e7b34e3c0689dd00e7980ca',
  'paseo-asset-hub': '0xe24abb446f9aa757610fedc53cc631536f3b456a927a1ab1b9018ea2df3c925d',
} satisfies Record<keyof typeof knownChains, string>;

/** Block 789629 of Polkadot. */
const polkadot789629: HeaderJson = {
  parentHash: '0x205da5dba43bbecae52b44912249480aa9f751630872b6b6ba1a9d2aeabf0177',
  number: '0xc0c7d',
  stateRoot: '0x023b5bb1bc10a1a91a9ef683f46a8bb09666c50476d5592bd6575a73777eb173',
  extrinsicsRoot: '0x4c1d65bf6b57086f00d5df40aa0686ffbc581ef60878645613b1fc3303de5030',
  digest: {
    logs: [
      `0x0642414245b501${'036d000000f4f4d80f00000000ec9bd8e2d0368c97f3d888837f7283bbe08266869eb613159db547905026c2502a70f168b9ffcc233344005d11ebecd166769200d270a2eaa642118a00acb708a0487a440b0caf3dd5c91ab173e80ddfe5735ef8b938ea87a6105a1161612707'}`,
      `0x05424142450101${'ae78514e1de84a7d32e55b9b652f9d408ab1f7b4bfdbf6b2fad9cad94a91b86b0161cabf08f5ae1d3a1aa4993e2d96d56c94b03cee0898ccb8385a546084f88b'}`,
    ],
  },
};

describe.each([
  ['in plain JavaScript', false],
  ['in wasm', true],
])('the hash of a header, %s', (_, wasm) => {
  beforeAll(async () => {
    if (wasm) await cryptoWaitReady();
  });

  it.each(Object.entries(genesisStateRoots))(
    'of the genesis of %s is its genesis hash',
    (id, stateRoot) => {
      const header = {
        parentHash: zero,
        number: '0x0',
        stateRoot,
        extrinsicsRoot: emptyRoot,
        digest: { logs: [] },
      };
      expect(headerHash(header, blake2)).toBe(
        knownChains[id as keyof typeof knownChains].genesisHash,
      );
    },
  );

  it('of a mainnet block with digest logs is the hash by which the chain knows it', () => {
    expect(headerHash(polkadot789629, blake2)).toBe(
      '0x7b713de604a99857f6c25eacc115a4f28d2611a23d9ddff99ab0e4f1c17a8578',
    );
  });

  it('equals what @polkadot/types computes, at every width of the compact number', () => {
    const registry = new TypeRegistry();
    for (const number of [0, 63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30, 2 ** 32 - 1]) {
      const header = { ...polkadot789629, number: `0x${number.toString(16)}` };
      const expected = registry.createType('Header', header).hash.toHex();
      expect(headerHash(header, blake2)).toBe(expected);
    }
  });
});

describe('reading a header', () => {
  it('takes padded numbers and writes hashes in lower case', () => {
    const raw = JSON.stringify({
      ...polkadot789629,
      parentHash: polkadot789629.parentHash.toUpperCase().replace('0X', '0x'),
      number: '0x000c0c7d',
    });
    const block = toBlock(parseHeader(raw), '0xAB', raw);
    expect(block).toEqual({
      number: 789_629,
      hash: '0xab',
      parentHash: polkadot789629.parentHash,
      header: raw,
    });
    expect(headerHash(parseHeader(raw), blake2)).toBe(headerHash(polkadot789629, blake2));
  });

  it.each([
    'null',
    '"0x00"',
    '{}',
    JSON.stringify({ ...polkadot789629, number: 'latest' }),
    JSON.stringify({ ...polkadot789629, digest: {} }),
  ])('refuses %s', (raw) => {
    expect(() => parseHeader(raw)).toThrow('not a block header');
  });
});
