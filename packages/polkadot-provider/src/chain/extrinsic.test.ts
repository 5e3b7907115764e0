import { TypeRegistry } from '@polkadot/types';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto/blake2';
import { describe, expect, it } from 'vitest';
import { madeUpExtrinsic } from '../testing/extrinsic.ts';
import { accountOf, readExtrinsic } from './extrinsic.ts';

const registry = new TypeRegistry();
/** polkadot-js's own reading of an era is the measure of ours. */
const mortal = (current: number, period: number) => {
  const made = registry.createType('MortalEra', { current, period });
  // Read back: only what fits into its two bytes goes to the chain.
  return registry.createType('MortalEra', made.toU8a()) as unknown as {
    toU8a(): Uint8Array;
    death(current: number): number;
  };
};
const account = `0x${'07'.repeat(32)}`;

describe('an extrinsic', () => {
  it('has the hash of all its bytes, however its hex is written', () => {
    const hex = madeUpExtrinsic();
    const read = readExtrinsic(hex);
    expect(read).toMatchObject({ id: blake2AsHex(hexToU8a(hex)), body: hex });
    expect(readExtrinsic(`0x${hex.slice(2).toUpperCase()}`)).toMatchObject({
      id: read?.id,
      body: hex,
    });
  });

  it('tells its signer and nonce under each sort of signature, mortal or not', () => {
    for (const signature of [0, 1, 2]) {
      for (const nonce of [0, 63, 64, 20_000, 2 ** 31]) {
        for (const era of [new Uint8Array([0]), mortal(1000, 64).toU8a()]) {
          const read = readExtrinsic(madeUpExtrinsic({ signature, nonce, era }));
          expect(read?.sender).toEqual({ account, nonce });
        }
      }
    }
  });

  it('expires where its era says, and never sooner for a pool that lags a little', () => {
    for (const period of [4, 64, 128, 4096, 8192, 65_536]) {
      for (const signedAt of [0, 1, 1000, 65_535, 12_345_678]) {
        const era = mortal(signedAt, period);
        const read = readExtrinsic(madeUpExtrinsic({ era: era.toU8a() }));
        const last = era.death(signedAt) - 1;
        for (const best of [signedAt - 3, signedAt, signedAt + 1]) {
          expect(read?.lastHeight?.(best)).toBeGreaterThanOrEqual(last);
          expect(read?.lastHeight?.(best)).toBeLessThanOrEqual(last + 16 + period);
        }
      }
    }
    const era = mortal(1000, 64);
    const read = readExtrinsic(madeUpExtrinsic({ era: era.toU8a() }));
    expect(read?.lastHeight?.(1003)).toBe(era.death(1003) - 1);
  });

  it('does not expire when it is immortal', () => {
    expect(readExtrinsic(madeUpExtrinsic())).not.toHaveProperty('lastHeight');
  });

  it('is not guessed at when it is not of the known form', () => {
    const strange = [
      { version: 0x04 },
      { version: 0x05 },
      { version: 0x45 },
      { address: 1 },
      { signature: 3 },
      { era: new Uint8Array([0x00 + 1, 0xff]) },
    ];
    for (const like of strange) {
      const read = readExtrinsic(madeUpExtrinsic(like));
      expect(Object.keys(read ?? {}).sort()).toEqual(['body', 'id']);
    }
    // It ends within the signature, and within the era.
    expect(Object.keys(readExtrinsic('0x0c840007') ?? {}).sort()).toEqual(['body', 'id']);
    const cut = `0x9d01${madeUpExtrinsic({ era: mortal(1000, 64).toU8a() }).slice(6, 6 + 200)}`;
    expect(readExtrinsic(cut)?.sender).toBeUndefined();
  });

  it('is none when it is no hex, or not as long as it says', () => {
    const hex = madeUpExtrinsic();
    for (const none of [undefined, null, 1, '', '0x', '0x8', '0xzz', 'hello', [hex], {}]) {
      expect(readExtrinsic(none)).toBeUndefined();
    }
    expect(readExtrinsic(`${hex}00`)).toBeUndefined();
    expect(readExtrinsic(hex.slice(0, -2))).toBeUndefined();
    expect(readExtrinsic('0x03ffffffff00')).toBeUndefined();
    expect(readExtrinsic(`0x${'ff'.repeat(9)}`)).toBeUndefined();
  });
});

describe('an account', () => {
  it('is the same by any of its addresses, and by its public key', () => {
    const alice = '0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d';
    for (const address of [
      '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
      '15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5',
      'HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F',
      alice,
      alice.toUpperCase().replace('0X', '0x'),
    ]) {
      expect(accountOf(address)).toBe(alice);
    }
    expect(u8aToHex(hexToU8a(alice))).toBe(alice);
  });

  it('is none when it cannot be read', () => {
    for (const none of [undefined, null, 5, '', 'alice', {}]) {
      expect(accountOf(none)).toBeUndefined();
    }
  });

  it('is none when it is longer than any, and is not decoded then: that would take hours', () => {
    expect(accountOf(`0x${'07'.repeat(100)}`)).toBeUndefined();
    expect(accountOf('x'.repeat(10_000_000))).toBeUndefined();
  });
});
