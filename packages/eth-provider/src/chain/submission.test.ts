import type { SubmissionVerdict } from '@dshackle/core';
import { describe, expect, it } from 'vitest';
import { ethereumSubmissions } from './submission.ts';

const { read, judge, listed, pending, block, watch } = ethereumSubmissions;
const hash = `0x${'aB'.repeat(32)}`;
const id = hash.toLowerCase();

/** As the clients' sources have them. */
const words: Readonly<Record<SubmissionVerdict, readonly (readonly [number, string])[]>> = {
  known: [
    [-32_000, 'already known'],
    [-32_010, 'AlreadyKnown'],
    [-32_000, 'INTERNAL_ERROR: existing tx with same hash'],
    [-32_000, 'ALREADY_EXISTS: already known'],
    [-32_000, 'Known transaction'],
    [-32_000, 'Known transaction: 0x12'],
    [-32_003, 'transaction already imported'],
  ],
  contestable: [
    [-32_000, 'nonce too low: next nonce 3, tx nonce 1'],
    [-32_003, 'nonce too low'],
    [-32_001, 'Nonce too low'],
    [-32_010, 'OldNonce, Current nonce: 3, nonce of rejected tx: 1'],
    [-32_006, 'Incorrect nonce'],
    [-32_000, 'Nonce too high. Expected nonce to be 0 but got 5.'],
    [-32_000, 'insufficient funds for gas * price + value: balance 0, tx cost 1'],
    [-32_000, "Sender doesn't have enough funds to send tx. The max upfront cost is: 1"],
    [-32_004, 'Upfront cost exceeds account balance'],
    [-32_000, 'replacement transaction underpriced'],
    [-32_000, 'future transaction tries to replace pending'],
    [-32_000, 'address already reserved'],
    [-32_000, 'transaction underpriced: gas tip cap 0, minimum needed 1'],
    [-32_010, 'FeeTooLow, MaxFeePerGas too low.'],
    [-32_000, 'could not replace existing tx'],
    [-32_009, 'Gas price below configured minimum gas price'],
    [-32_000, 'max fee per gas less than block base fee'],
    [-32_000, 'exceeds block gas limit'],
    [-32_000, 'tx fee (1.10 ether) exceeds the configured cap (1.00 ether)'],
    [-32_000, 'only replay-protected (EIP-155) transactions allowed over RPC'],
    [-32_000, 'transaction type not supported'],
    [-32_000, 'fork supporting this transaction type is not activated yet'],
    [-32_000, 'Transaction nonce is too distant from current sender nonce'],
    [-32_000, 'gapped-nonce tx from delegated accounts'],
    [-32_003, 'something that nobody said before'],
  ],
  'not taken': [
    [-32_000, 'txpool is full'],
    [-32_000, 'pending sub-pool is full'],
    [-32_000, 'Transaction pool not enabled'],
    [-32_000, 'in-flight transaction limit reached for delegated accounts'],
    [-32_000, 'account limit exceeded'],
    [-32_603, 'Internal error'],
    [-32_601, 'the method eth_sendRawTransaction does not exist/is not available'],
    [-32_005, 'daily request count exceeded'],
    [429, 'slow down'],
  ],
  rejected: [
    [-32_000, 'invalid sender'],
    [-32_000, 'invalid chain id for signer: have 1 want 5'],
    [-32_000, 'Wrong chainId'],
    [-32_002, 'Invalid signature'],
    [-32_000, 'intrinsic gas too low: gas 1, minimum needed 21000'],
    [-32_000, 'IntrinsicGas'],
    [-32_000, 'Transaction requires at least 21064 gas but got 21000'],
    [-32_000, 'max priority fee per gas higher than max fee per gas: 2, 1'],
    [-32_000, 'rlp: expected input list for types.LegacyTx'],
    [-32_602, 'Failed to decode signed transaction'],
    [-32_602, 'odd number of digits'],
  ],
};

describe('a submission', () => {
  it.each(Object.entries(words))('is %s by the words of the nodes', (verdict, said) => {
    for (const [code, message] of said) {
      expect([message, judge({ code, message })]).toEqual([message, verdict]);
    }
  });

  it('is that of a raw transaction and no other', () => {
    const raw = `0x02${'00'.repeat(9)}`;
    expect(read('eth_sendRawTransaction', [raw])).toBeUndefined();
    expect(read('eth_sendRawTransactionSync', [raw])).toBeUndefined();
    expect(watch('eth_sendRawTransaction')).toBeUndefined();
  });

  it('is looked for by its hash', () => {
    expect(pending({ id, body: id })).toEqual({
      method: 'eth_getTransactionByHash',
      params: `["${id}"]`,
    });
    expect(block('0x12')).toEqual({ method: 'eth_getBlockByHash', params: '["0x12",false]' });
    expect(listed(JSON.stringify({ hash, blockHash: null }))).toEqual([id]);
    expect(listed(JSON.stringify({ hash: '0x12', transactions: [hash] }))).toEqual([id]);
    expect(listed(JSON.stringify({ hash: '0x12', transactions: [] }))).toEqual([]);
  });

  it('is not told by an answer that is neither a transaction nor a block', () => {
    for (const result of ['null', '{}', '"0x12"', '[]', '{"hash":"0x12"}', '{"transactions":[1]}'])
      expect(() => listed(result)).toThrow('neither a transaction nor a block');
  });
});
