import { writeFileSync } from 'node:fs';
import { compactToU8a, hexToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsU8a, cryptoWaitReady } from '@polkadot/util-crypto';
import { genesisHash } from './chain.mjs';

const word = (byte) => `0x${byte.toString(16).padStart(2, '0').repeat(32)}`;

/**
 * Writes a chain for `moving-node.mjs` to announce: `[{ hash, header }]` from genesis on, the headers as
 * JSON text. All but genesis are under the hashes that they really have, so that they can be verified.
 */
export async function writeMovingChain(path, blocks) {
  await cryptoWaitReady();
  const chain = [{ hash: genesisHash, header: JSON.stringify(headerOf(word(0), 0)) }];
  while (chain.length <= blocks) {
    const header = headerOf(chain.at(-1).hash, chain.length);
    chain.push({ hash: hashOf(header), header: JSON.stringify(header) });
  }
  writeFileSync(path, JSON.stringify(chain));
}

/** A header of the size that they have on Polkadot: a slot, a beacon, a seal. */
function headerOf(parentHash, number) {
  return {
    parentHash,
    number: `0x${number.toString(16)}`,
    stateRoot: word(0xa1),
    extrinsicsRoot: word(0xb1),
    digest: { logs: number === 0 ? [] : [`0x06${'b5'.repeat(15)}`, `0x05${'5e'.repeat(70)}`] },
  };
}

/** Polkadot specification, "Block header": the hash of the SCALE encoding. */
function hashOf({ parentHash, number, stateRoot, extrinsicsRoot, digest }) {
  const encoded = u8aConcat(
    hexToU8a(parentHash),
    compactToU8a(Number(number)),
    hexToU8a(stateRoot),
    hexToU8a(extrinsicsRoot),
    compactToU8a(digest.logs.length),
    ...digest.logs.map((log) => hexToU8a(log)),
  );
  return u8aToHex(blake2AsU8a(encoded, 256));
}
