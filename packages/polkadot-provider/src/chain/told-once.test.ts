import { describe, expect, it } from 'vitest';
import { toldOnce } from './told-once.ts';

const item = (key: string, more: object = {}): string =>
  JSON.stringify({ event: 'storage', key, value: '0x01', ...more });
const done = '{"event":"storageDone"}';

describe('a list of items', () => {
  it('is told once each, though it begins again, in whatever order and spelling', () => {
    const tell = toldOnce('storage', 'storageError')();
    expect([item('0x01'), item('0x02')].map(tell)).toEqual([item('0x01'), item('0x02')]);
    expect(tell(item('0x02'))).toBeUndefined();
    expect(tell('{"value":"0x01", "key":"0x01", "event":"storage"}')).toBeUndefined();
    expect(tell(item('0x03'))).toBe(item('0x03'));
    expect(tell(done)).toBe(done);
  });

  it('tells items apart by each of their members', () => {
    const tell = toldOnce('storage', 'storageError')();
    const different = [
      item('0x01'),
      item('0x01', { value: '0x02' }),
      item('0x01', { value: undefined, hash: '0x01' }),
      item('0x01', { value: undefined, closestDescendantMerkleValue: '0x01' }),
      item('0x01', { childTrieKey: '0x05' }),
      item('0x01', { type: 'added' }),
    ];
    expect(different.map(tell)).toEqual(different);
  });

  it('keeps one list apart from another', () => {
    const start = toldOnce('storage', 'storageError');
    expect([start()(item('0x01')), start()(item('0x01'))]).toEqual([item('0x01'), item('0x01')]);
  });

  it('of more items than are kept ends with an error when it begins again', () => {
    const tell = toldOnce('storage', 'storageError', 2)();
    const three = ['0x01', '0x02', '0x03'].map((key) => item(key));
    expect(three.map(tell)).toEqual(three);
    expect(JSON.parse(tell(item('0x01')) as string)).toEqual({
      event: 'storageError',
      error: expect.stringContaining('more than 2 items'),
    });
    expect([...three, done].map(tell)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
