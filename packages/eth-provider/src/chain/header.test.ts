import { describe, expect, it } from 'vitest';
import { type HeaderJson, headerHash, parseHeader, toBlock } from './header.ts';
import { knownChains } from './known-chains.ts';

const zero = `0x${'0'.repeat(64)}`;
const noUncles = '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347';
const empty = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';
const noRequests = '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** A header of block 0 with what all chains have in common. */
function genesis(fields: Readonly<Record<string, string>>): HeaderJson {
  return {
    hash: zero,
    parentHash: zero,
    sha3Uncles: noUncles,
    miner: `0x${'0'.repeat(40)}`,
    transactionsRoot: empty,
    receiptsRoot: empty,
    logsBloom: `0x${'0'.repeat(512)}`,
    number: '0x0',
    gasUsed: '0x0',
    timestamp: '0x0',
    extraData: '0x',
    mixHash: zero,
    nonce: '0x0000000000000000',
    ...fields,
  };
}

/** Of the genesis files in go-ethereum (core/genesis.go, params/config.go). */
const mainnet = genesis({
  stateRoot: '0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544',
  difficulty: '0x400000000',
  gasLimit: '0x1388',
  extraData: '0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa',
  nonce: '0x0000000000000042',
});

const genesisHeaders = {
  ethereum: mainnet,
  'ethereum-classic': mainnet,
  sepolia: genesis({
    stateRoot: '0x5eb6e371a698b8d68f665192350ffcecbbbf322916f4b51bd79bb6887da3f494',
    difficulty: '0x20000',
    gasLimit: '0x1c9c380',
    timestamp: '0x6159af19',
    extraData: `0x${Buffer.from('Sepolia, Athens, Attica, Greece!').toString('hex')}`,
    baseFeePerGas: '0x3b9aca00',
  }),
  holesky: genesis({
    stateRoot: '0x69d8c9d72f6fa4ad42d4702b433707212f90db395eb54dc20bc85de253788783',
    difficulty: '0x1',
    gasLimit: '0x17d7840',
    timestamp: `0x${(1_695_902_100).toString(16)}`,
    nonce: '0x0000000000001234',
    baseFeePerGas: '0x3b9aca00',
  }),
  hoodi: genesis({
    stateRoot: '0xda87d7f5f91c51508791bbcbd4aa5baf04917830b86985eeb9ad3d5bfb657576',
    difficulty: '0x1',
    gasLimit: '0x2255100',
    timestamp: `0x${(1_742_212_800).toString(16)}`,
    nonce: '0x0000000000001234',
    baseFeePerGas: '0x3b9aca00',
    withdrawalsRoot: empty,
    blobGasUsed: '0x0',
    excessBlobGas: '0x0',
    parentBeaconBlockRoot: zero,
  }),
};

describe('the hash of a header', () => {
  it.each(Object.entries(genesisHeaders))('is that of block 0 of %s', (id, header) => {
    expect(headerHash(header)).toBe(knownChains[id as keyof typeof knownChains].genesisHash);
  });

  // What each fork adds; Anvil, as of Prague, computed the first, and no client the last.
  const prague = genesis({
    stateRoot: empty,
    difficulty: '0x0',
    gasLimit: '0x1c9c380',
    timestamp: '0x6b0363b1',
    baseFeePerGas: '0x3b9aca00',
    withdrawalsRoot: empty,
    blobGasUsed: '0x0',
    excessBlobGas: '0x0',
    parentBeaconBlockRoot: zero,
    requestsHash: noRequests,
  });

  it('covers the fields of every fork up to Prague', () => {
    expect(headerHash(prague)).toBe(
      '0x0757f1697a70f324103f32c667ee86e490d0220d7311ec64cdbe58f487e8d263',
    );
  });

  it('covers each field', () => {
    const amsterdam = { ...prague, blockAccessListHash: empty, slotNumber: '0x1' };
    const hash = headerHash(amsterdam);
    for (const [name, value] of Object.entries(amsterdam)) {
      if (name === 'hash') continue;
      const other = String(value).endsWith('1') ? '2' : '1';
      const next = name === 'extraData' ? '0x11' : `${String(value).slice(0, -1)}${other}`;
      const changed = { ...amsterdam, [name]: next };
      expect(headerHash(changed as HeaderJson), name).not.toBe(hash);
    }
  });

  it('takes quantities with leading zeros for what they are', () => {
    expect(headerHash({ ...mainnet, gasLimit: '0x001388' })).toBe(headerHash(mainnet));
  });

  it('refuses a header with a hole, and fields that are not hex', () => {
    const { withdrawalsRoot: _, ...holed } = prague as HeaderJson & { withdrawalsRoot: string };
    expect(() => headerHash(holed)).toThrow('header has blobGasUsed but no withdrawalsRoot');
    expect(() => headerHash({ ...mainnet, stateRoot: 7 })).toThrow(
      'header has no stateRoot, but 7',
    );
    expect(() => headerHash({ ...mainnet, miner: '0x1' })).toThrow('header has no miner');
  });
});

describe('reading a header', () => {
  it.each(['null', '{}', '[]', '7', '{"hash":"0x1"}', `{"hash":"${zero}","parentHash":"${zero}"}`])(
    'refuses %s',
    (raw) => {
      expect(() => parseHeader(raw)).toThrow('not a block header');
    },
  );

  it('gives the engine a block, whose body is left out', () => {
    const raw = JSON.stringify(mainnet);
    expect(toBlock(parseHeader(raw), raw)).toEqual({
      number: 0,
      hash: zero,
      parentHash: zero,
      header: raw,
    });
    const full = JSON.stringify({ ...mainnet, size: '0x1', uncles: [], transactions: ['0x1'] });
    expect(JSON.parse(toBlock(parseHeader(full), full).header)).toEqual(mainnet);
  });
});
