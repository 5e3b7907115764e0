import { expect, it } from 'vitest';
import { blockParams, needOf } from './block-params.ts';

const hash = `0x${'aB'.repeat(32)}`;
const lower = hash.toLowerCase();

it.each([
  [undefined, 'best'],
  [null, 'best'],
  ['latest', 'best'],
  ['safe', 'safe'],
  ['finalized', 'finalized'],
  ['pending', undefined],
  ['earliest', undefined],
  ['0x10', undefined],
  ['LATEST', undefined],
  [{ blockNumber: 'latest' }, 'best'],
  [{ blockNumber: 'finalized' }, 'finalized'],
  [{ blockNumber: '0x10' }, undefined],
  [{ blockNumber: 'latest', blockHash: hash }, undefined],
  [{}, undefined],
])('%o speaks of the head %s', (param, head) => {
  expect(blockParams.headOf(param)).toBe(head);
});

it.each([
  ['pending', { kind: 'best' }],
  ['earliest', { kind: 'number', number: 0 }],
  ['0x0', { kind: 'number', number: 0 }],
  ['0x1f', { kind: 'number', number: 31 }],
  ['0x001f', { kind: 'number', number: 31 }],
  [hash, { kind: 'hash', hash: lower }],
  [
    { blockHash: hash, requireCanonical: true },
    { kind: 'hash', hash: lower },
  ],
  [{ blockNumber: '0x1f' }, { kind: 'number', number: 31 }],
  [{ blockNumber: 'earliest' }, { kind: 'number', number: 0 }],
  // The caller's mistakes, for an upstream to name.
  [{}, { kind: 'none' }],
  [{ blockNumber: { blockNumber: {} } }, { kind: 'none' }],
  ['0x', { kind: 'none' }],
  ['latest ', { kind: 'none' }],
  ['31', { kind: 'none' }],
  [31, { kind: 'none' }],
  [`0x${'f'.repeat(20)}`, { kind: 'none' }],
  [[], { kind: 'none' }],
])('%o needs %o', (param, need) => {
  expect(needOf(param)).toEqual(need);
});

it('writes a head as a height', () => {
  expect(blockParams.write({ number: 31, hash: lower })).toBe('0x1f');
});
