import { describe, expect, it } from 'vitest';
import { judge } from './verdicts.ts';

const action = (code: number, message = '', data?: unknown) =>
  judge({ code, message, data }).action;

describe('an error of a node', () => {
  it.each([
    [-32_999, 'RPC rate limit exceeded'],
    [-32_009, 'Server is busy, try again later'],
    [-32_006, 'Too many subscriptions on the connection'],
    [-32_604, 'Server is busy, try again later'],
    [429, 'nope'],
    [-32_005, 'Too Many Requests, please apply for an API key'],
    [-32_603, 'rate limit reached'],
  ])('that asks for a rest lets it cool down: %i %s', (code, message) => {
    expect(action(code, message)).toBe('cool down');
  });

  it.each([
    [4003, 'Client error: UnknownBlock: State already discarded for 0x12'],
    [4003, 'Client error: UnknownBlock: Header was not found in the database: 0x12'],
    [4003, 'Client error: Api called for an unknown Block: Header was not found'],
    [-32_000, 'Client error: UnknownBlock: State already discarded for BlockId::Hash(0x12)'],
    [-32_603, 'CLIENT ERROR: API CALLED FOR AN UNKNOWN BLOCK'],
    [-32_601, 'Method not found'],
    [-32_601, 'RPC call is unsafe to be called externally'],
    [0, 'Method not found: nope'],
    [-32_008, 'Response is too big'],
    [-32_702, 'Response is too big'],
    [-32_800, 'Maximum number of chainHead_follow has been reached'],
    [-32_000, 'something'],
    [1010, '{"invalid":{"ancientBirthBlock":null}}'],
    [1012, 'Transaction is temporarily banned'],
    [1011, 'Unknown Transaction Validity'],
    [1002, 'Verification Error: x'],
    [1016, 'Immediately Dropped'],
  ])('about what others may have asks another: %i %s', (code, message) => {
    expect(action(code, message)).toBe('missing');
  });

  it.each([
    [4003, 'Client error: UnknownBlock: State already discarded for 0x12', true],
    [4003, 'Client error: Api called for an unknown Block: Header was not found', true],
    [-32_000, 'missing trie node', true],
    [-32_601, 'Method not found', undefined],
    [-32_000, 'something', undefined],
    [1012, 'Transaction is temporarily banned', undefined],
  ])('tells whether it is the block that is lacking: %i %s', (code, message, lacksBlock) => {
    const verdict = judge({ code, message });
    expect(verdict.action === 'missing' && verdict.lacksBlock).toBe(lacksBlock);
  });

  it('is read in its data too, where old nodes put it', () => {
    expect(action(-32_603, 'Internal error', 'State already discarded for 0x12')).toBe('missing');
    expect(action(1010, 'Invalid Transaction', 'Transaction has an ancient birth block')).toBe(
      'missing',
    );
    expect(action(1010, 'Invalid Transaction', 'Transaction will be valid in the future')).toBe(
      'missing',
    );
    expect(action(1010, 'Invalid Transaction', { reason: 'BadProof' })).toBe('missing');
  });

  it.each([
    [4003, 'Client error: Execution failed: Execution aborted due to trap: wasm trap'],
    [-32_603, 'Execution failed: runtime panicked'],
    [-32_603, 'Function to start was not found.'],
    [-32_603, 'wasm `unreachable` instruction executed'],
    [4001, 'Cannot resolve a block range'],
    [4002, 'count exceeds maximum value'],
    [-32_602, 'Invalid params'],
    [-32_600, 'Invalid request'],
    [-32_700, 'Parse error'],
    [-32_007, 'Request is too big'],
    [-32_010, 'The batch request was too large'],
    [-32_801, 'Block not pinned'],
    [1010, 'Invalid Transaction'],
    [1013, 'Transaction Already Imported'],
    [1014, 'Priority is too low'],
    [7, 'a pallet of its own'],
  ])('that is an answer is returned: %i %s', (code, message) => {
    expect(action(code, message)).toBe('return');
  });

  it('that says a transaction is outdated is returned', () => {
    expect(action(1010, 'Invalid Transaction', 'Transaction is outdated')).toBe('return');
  });

  it.each([
    [-32_603, 'Internal error'],
    [-32_000, 'Bad Gateway'],
    [-1, 'upstream connection refused'],
  ])('of a broken upstream counts against it: %i %s', (code, message) => {
    expect(action(code, message)).toBe('failure');
  });

  it('does not take a word of the runtime for the word of a proxy', () => {
    expect(action(4003, 'Client error: Execution failed: rate limit of the pallet')).toBe('return');
  });
});
