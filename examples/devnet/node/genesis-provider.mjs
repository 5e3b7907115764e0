import { calculateStateRoot, GenesisProvider } from '@acala-network/chopsticks-core';
import { hexToU8a, u8aConcat } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';

const ZERO_HASH = `0x${'00'.repeat(32)}`;

/** Root of an empty trie: the genesis block holds no extrinsic. */
const EMPTY_ROOT = '0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314';

/** Methods whose last parameter, when given, names the block to answer from. */
const BLOCK_PARAM = { chain_getHeader: 0, chain_getBlock: 0 };

/**
 * Chopsticks' genesis provider with a genesis hash of its own, computed as Substrate does, where
 * chopsticks says `0x4545…45` for every chain. It also admits not to know other blocks, where
 * chopsticks answers for any hash and any number from the genesis.
 */
export async function genesisProvider(genesis) {
  const stateRoot = await calculateStateRoot(Object.entries(genesis.genesis.raw.top), 1);
  const header = {
    number: '0x0',
    parentHash: ZERO_HASH,
    stateRoot,
    extrinsicsRoot: EMPTY_ROOT,
    digest: { logs: [] },
  };
  const number = new Uint8Array([0]);
  const digest = new Uint8Array([0]);
  const hash = blake2AsHex(
    u8aConcat(hexToU8a(ZERO_HASH), number, hexToU8a(stateRoot), hexToU8a(EMPTY_ROOT), digest),
    256,
  );

  class DevnetGenesisProvider extends GenesisProvider {
    get blockHash() {
      return hash;
    }

    getHeader = async () => header;

    #send = this.send;

    send = async (method, params, isCacheable) => {
      if (method === 'chain_getBlockHash') return params[0] === 0 ? hash : null;
      const asked = params[BLOCK_PARAM[method]];
      if (asked !== undefined && asked !== hash) return null;
      return this.#send(method, params, isCacheable);
    };
  }
  return new DevnetGenesisProvider(genesis);
}
