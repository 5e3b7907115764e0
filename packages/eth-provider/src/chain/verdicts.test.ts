import { describe, expect, it } from 'vitest';
import { asksForLess, judge } from './verdicts.ts';

/** What nodes and providers say, and what is to be made of it. */
const said: readonly (readonly [who: string, code: number, message: string, means: string])[] = [
  ['geth', 3, 'execution reverted: Ownable: caller is not the owner', 'return'],
  ['geth', -32_000, 'execution reverted', 'return'],
  ['geth', -32_000, 'gas required exceeds allowance (30000000)', 'return'],
  [
    'geth',
    -32_000,
    'insufficient funds for gas * price + value: address 0x1 have 0 want 1',
    'return',
  ],
  ['geth', -32_000, 'nonce too low: next nonce 5, tx nonce 4', 'return'],
  ['geth', -32_000, 'already known', 'return'],
  ['geth', -32_000, 'replacement transaction underpriced', 'return'],
  ['geth', -32_000, 'intrinsic gas too low: gas 1, minimum needed 21000', 'return'],
  ['geth', -32_602, 'missing value for required argument 0', 'return'],
  [
    'geth',
    -32_602,
    'invalid argument 0: json: cannot unmarshal hex string without 0x prefix',
    'return',
  ],
  ['geth', -32_000, 'header not found', 'lacks the block'],
  ['geth', -32_000, 'header for hash not found', 'lacks the block'],
  ['geth', -32_000, 'finalized block not found', 'lacks the block'],
  [
    'geth',
    -32_000,
    'missing trie node 8f (path ) state 0x8f is not available, not found',
    'lacks the block',
  ],
  ['geth', -32_000, 'required historical state unavailable (reexec=128)', 'lacks the block'],
  ['geth', -32_000, 'historical state 0x8f is not available', 'lacks the block'],
  ['geth', 4444, 'pruned history unavailable', 'lacks the block'],
  ['geth', -32_000, 'transaction indexing is in progress', 'missing'],
  ['geth', -32_601, 'the method trace_block does not exist/is not available', 'missing'],
  ['geth', -32_000, 'exceed maximum block range: 5000', 'missing'],
  ['geth', -32_002, 'request timed out', 'failure'],
  ['geth', -32_000, 'leveldb: closed', 'failure'],
  ['geth', -32_603, 'method handler crashed', 'failure'],
  ['Nethermind', -32_015, 'VM execution error.', 'return'],
  ['Nethermind', -32_010, 'AlreadyKnown, Transaction is already known', 'return'],
  ['Nethermind', -32_002, 'No state available for block 0x8f', 'lacks the block'],
  ['Nethermind', -32_000, 'Block 0x12 could not be found: block 18 not found', 'lacks the block'],
  ['Erigon', -32_000, 'state for block 5 is pruned', 'lacks the block'],
  ['Erigon', -32_000, 'block not found: 5', 'lacks the block'],
  ['Reth', 4444, 'history has been pruned for this block', 'lacks the block'],
  ['Reth', -32_001, 'block not found: hash 0x8f', 'lacks the block'],
  ['Reth', -32_602, 'query exceeds max block range 100000', 'missing'],
  ['Reth', -32_602, 'query exceeds max results 20000, retry with the range 1-9', 'missing'],
  ['Besu', -32_000, 'World state unavailable', 'lacks the block'],
  ['Besu', -32_000, 'Block not found', 'lacks the block'],
  ['Besu', -32_005, 'Requested range exceeds maximum range limit', 'missing'],
  ['Infura', -32_005, 'query returned more than 10000 results', 'missing'],
  ['a provider', -32_005, 'too many results, limit 10000', 'missing'],
  ['a provider', 429, 'block range limit: too many requests', 'cool down'],
  ['Alchemy', -32_000, 'Query timeout exceeded. Consider reducing your block range.', 'missing'],
  ['dRPC', 35, 'ranges over 10000 blocks are not supported on free plan', 'missing'],
  ['QuickNode', -32_614, 'eth_getLogs is limited to a 10,000 range', 'missing'],
  [
    'QuickNode',
    -32_602,
    'eth_getLogs and eth_newFilter are limited to a 10,000 blocks range',
    'missing',
  ],
  ['Arbitrum', -32_000, 'logs matched by query exceeds limit of 10000', 'missing'],
  ['eRPC', -32_012, 'getLogs request exceeded max allowed range', 'missing'],
  [
    'Anvil',
    -32_602,
    'BlockOutOfRangeError: block height is 3 but requested was 153',
    'lacks the block',
  ],
  ['Anvil', 3, 'execution reverted', 'return'],
  ['Anvil', -32_003, 'nonce too low', 'return'],
  ['geth', -32_000, 'txpool is full', 'missing'],
  ['Erigon', -32_000, 'pending sub-pool is full', 'missing'],
  ['Besu', -32_004, 'Upfront cost exceeds account balance', 'return'],
  ['Besu', -32_006, 'Incorrect nonce', 'return'],
  ['Anvil', -32_601, 'Method not found', 'missing'],
  [
    'Hardhat',
    -32_603,
    "VM Exception while processing transaction: reverted with reason string 'no'",
    'return',
  ],
  ['Hardhat', -32_000, 'Received invalid block tag 5. Latest block number is 3', 'lacks the block'],
  ['Hardhat', -32_004, 'Method trace_block is not supported', 'missing'],
  ['Alchemy', 429, 'Your app has exceeded its compute units per second capacity', 'cool down'],
  [
    'Alchemy',
    -32_602,
    'Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range',
    'missing',
  ],
  ['Infura', -32_005, 'daily request count exceeded, request rate limited', 'cool down'],
  ['Infura', -32_005, 'query returned more than 10000 results', 'missing'],
  ['QuickNode', -32_007, '15/second request limit reached - reduce calls per second', 'cool down'],
  ['Ankr', -32_090, 'Too many requests, retry in 10m', 'cool down'],
  [
    'PublicNode',
    -32_701,
    'Please specify an address in your request or, to remove restrictions, order a node',
    'missing',
  ],
  ['a proxy', -32_000, '502 Bad Gateway', 'failure'],
  ['a proxy', -32_603, 'Internal error', 'failure'],
  ['anybody', -32_000, 'something new', 'missing'],
  ['a contract', 1234, 'what only this chain knows', 'return'],
];

describe('an error', () => {
  it.each(said)('of %s: %i %s', (_, code, message, means) => {
    for (const text of [message, message.toUpperCase(), message.toLowerCase()]) {
      const verdict = judge({ code, message: text });
      const found =
        verdict.action === 'missing' && verdict.lacksBlock ? 'lacks the block' : verdict.action;
      expect(found).toBe(means);
    }
  });

  it('is read in its data, too', () => {
    expect(judge({ code: -32_603, message: 'Internal error', data: 'header not found' })).toEqual({
      action: 'missing',
      reason: 'block is unknown',
      lacksBlock: true,
    });
  });
});

it('takes a query for logs that was too slow for one that asked for too much', () => {
  const slow = { code: -32_002, message: 'request timed out' };
  expect(judge(slow, 'eth_getLogs')).toMatchObject({ action: 'missing' });
  expect(judge(slow, 'eth_call')).toMatchObject({ action: 'failure' });
  expect(judge({ ...slow, code: 429 }, 'eth_getLogs')).toMatchObject({ action: 'cool down' });
  const inside = { code: -32_603, message: 'Internal error', data: 'request timed out' };
  expect(judge(inside, 'eth_getLogs')).toMatchObject({ action: 'missing' });
  expect(judge(inside, 'eth_call')).toMatchObject({ action: 'failure' });
});

it('asks for less in its message or else in its data, and never under the code of a rate limit', () => {
  const said = 'block range is too wide';
  const data = { limit: 7 };
  expect(asksForLess({ code: -32_000, message: said, data })).toBe(said);
  expect(asksForLess({ code: -32_603, message: 'Internal error', data: said })).toContain(said);
  expect(asksForLess({ code: 429, message: said })).toBeUndefined();
  expect(asksForLess({ code: -32_000, message: 'boom', data })).toBeUndefined();
});
