import { hexToU8a, u8aToHex } from '@polkadot/util';
import { describe, expect, it } from 'vitest';
import { encodeHeader, type HeaderJson } from '../chain/header.ts';
import { coreVersion } from '../testing/new-api-node.ts';
import { decodeHeader, decodeNonce, decodeOpaque, decodeRuntimeVersion } from './decode.ts';

const word = (byte: string): string => `0x${byte.repeat(32)}`;
const header: HeaderJson = {
  parentHash: word('01'),
  number: '0x12d687',
  stateRoot: word('02'),
  extrinsicsRoot: word('03'),
  digest: {
    logs: [
      // Each sort of digest item: sp_runtime `DigestItem`.
      '0x066175726108abcd',
      '0x046265656604ff',
      '0x08',
      '0x000c010203',
      `0x0561757261${'0101'}${'ee'.repeat(64)}`,
    ],
  },
};
const encoded = u8aToHex(encodeHeader(header));

describe('a header in SCALE', () => {
  it('is read as nodes write it in JSON, with every sort of digest item', () => {
    expect(decodeHeader(encoded)).toEqual(header);
  });

  it('is refused when it is too short anywhere, too long, or has an unknown item', () => {
    const bytes = hexToU8a(encoded);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeHeader(u8aToHex(bytes.subarray(0, length))), `${length}`).toThrow(
        RangeError,
      );
    }
    expect(() => decodeHeader(`${encoded}00`)).toThrow('1 bytes more');
    const strange = { ...header, digest: { logs: ['0x63'] } };
    expect(() => decodeHeader(u8aToHex(encodeHeader(strange)))).toThrow('unknown digest item 99');
  });
});

describe('other answers in SCALE', () => {
  it('are a version of the runtime, also of an old one that ends sooner', () => {
    const whole = coreVersion(42);
    expect(decodeRuntimeVersion(whole)).toMatchObject({
      specName: 'scripted',
      specVersion: 42,
      transactionVersion: 7,
      stateVersion: 1,
    });
    // Without the state version, and without the version of transactions.
    expect(decodeRuntimeVersion(whole.slice(0, -2))).toMatchObject({ stateVersion: 0 });
    expect(decodeRuntimeVersion(whole.slice(0, -10))).toMatchObject({ transactionVersion: 1 });
    expect(() => decodeRuntimeVersion(whole.slice(0, 40))).toThrow(RangeError);
    expect(() => decodeRuntimeVersion('0x0000000000000000000000000000feffffff')).toThrow(
      RangeError,
    );
  });

  it('are metadata with a length, and nonces of any size', () => {
    expect(decodeOpaque('0x0c6d6574')).toBe('0x6d6574');
    expect(() => decodeOpaque('0x106d6574')).toThrow(RangeError);
    expect(decodeNonce('0x01020000')).toBe(513);
    expect(decodeNonce('0x0102000000000000')).toBe(513);
  });
});
