import { Transaction, type TransactionLike, Wallet } from 'ethers';
import { describe, expect, it } from 'vitest';
import { accountOf, readTransaction } from './transaction.ts';

const wallet = new Wallet('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80');
const account = wallet.address.toLowerCase();
const to = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const shared = { to, value: 1n, gasLimit: 21_000n, chainId: 1337n };
const fees = { maxFeePerGas: 9n, maxPriorityFeePerGas: 2n };
const hash32 = `0x01${'ab'.repeat(31)}`;
const word = `0x${'0'.repeat(64)}`;

/** Signed by ethers. */
function signed(fields: TransactionLike): Transaction {
  const made = Transaction.from({ ...shared, ...fields } as TransactionLike);
  made.signature = wallet.signingKey.sign(made.unsignedHash);
  return made;
}

const kinds: Readonly<Record<string, TransactionLike>> = {
  'without a type': { type: 0, gasPrice: 5n, nonce: 7 },
  'without a type or a chain id': { type: 0, gasPrice: 5n, nonce: 7, chainId: 0n },
  'without a type, of a chain with a great id': {
    ...{ type: 0, gasPrice: 5n, nonce: 300, chainId: 11_155_111n },
  },
  'of type 1': {
    ...{ type: 1, gasPrice: 5n, nonce: 0, accessList: [{ address: to, storageKeys: [word] }] },
  },
  'of type 2': { type: 2, ...fees, nonce: 70_000 },
  'of type 2 that creates a contract': { type: 2, ...fees, nonce: 2, to: null, data: '0x6000' },
  'of type 3': {
    ...{ type: 3, ...fees, nonce: 3, maxFeePerBlobGas: 1n, blobVersionedHashes: [hash32] },
  },
  'of type 4': {
    ...{ type: 4, ...fees, nonce: 4 },
    authorizationList: [
      { address: to, nonce: 1n, chainId: 1n, signature: wallet.signingKey.sign(word) },
    ],
  },
};

describe('a raw transaction', () => {
  it.each(Object.entries(kinds))('%s is read as ethers reads it', (_, fields) => {
    const made = signed(fields);
    expect(made.from?.toLowerCase()).toBe(account);
    const read = readTransaction(made.serialized);
    expect(read).toMatchObject({ id: made.hash, body: made.hash });
    expect(read?.sender).toEqual({ account, nonce: made.nonce });
    expect(readTransaction(made.serialized.toUpperCase().replace('0X', '0x'))?.id).toBe(made.hash);
  });

  it.each(['EIP-4844', 'EIP-7594'] as const)(
    'with its blobs beside it, as %s says, has the hash of the part without them',
    (form) => {
      const whole = Transaction.from({ ...shared, ...kinds['of type 3'] } as TransactionLike);
      const commitment = `0x${'c0'.repeat(48)}`;
      whole.blobs = [{ data: `0x${'00'.repeat(131_072)}`, proof: commitment, commitment }];
      if (form === 'EIP-7594') whole.blobWrapperVersion = 1;
      whole.signature = wallet.signingKey.sign(whole.unsignedHash);
      const raw = whole.serialized;
      expect(raw.length).toBeGreaterThan(262_144);
      expect(readTransaction(raw)?.id).toBe(whole.hash);
      expect(readTransaction(raw)?.sender).toEqual({ account, nonce: 3 });
    },
  );

  it('is nothing where it is no signed transaction of a known type', () => {
    const { serialized, unsignedSerialized } = signed(kinds['of type 2'] as TransactionLike);
    for (const raw of [
      undefined,
      7,
      '',
      '0x',
      'zz',
      '0x02',
      '0xc0',
      '0x80',
      unsignedSerialized,
      serialized.slice(0, -2),
      `${serialized}00`,
      `${serialized}0`,
      `0x05${serialized.slice(4)}`,
      `0x7e${serialized.slice(4)}`,
      `0x01${serialized.slice(4)}`,
      Transaction.from({ ...shared, type: 0, nonce: 1 } as TransactionLike).unsignedSerialized,
    ]) {
      expect([raw, readTransaction(raw)]).toEqual([raw, undefined]);
    }
  });

  it('has no sender where its signature is none', () => {
    const { serialized, signature } = signed(kinds['of type 2'] as TransactionLike);
    const raw = serialized.replace(signature?.r.slice(2) as string, 'ff'.repeat(32));
    expect(raw).not.toBe(serialized);
    const read = readTransaction(raw);
    expect(read?.id).toMatch(/^0x[0-9a-f]{64}$/);
    expect(read?.sender).toBeUndefined();
  });
});

it('an account is an address in lower case', () => {
  expect(accountOf(wallet.address)).toBe(account);
  for (const other of [undefined, 1, '0x', `${account}0`, account.slice(2)])
    expect(accountOf(other)).toBeUndefined();
});
