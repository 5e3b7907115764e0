import { describe, expect, it } from 'vitest';
import { changed, storageDifferences } from './reducers.ts';

describe('a runtime version subscription', () => {
  it('hears a version again only when it differs, whatever the order of its members', () => {
    const reduce = changed();
    const first = '{"specVersion":1,"apis":[["0x01",1]]}';
    expect(reduce(first)).toBe(first);
    expect(reduce('{"apis":[["0x01",1]],"specVersion":1}')).toBeUndefined();
    const next = '{"specVersion":2,"apis":[["0x01",1]]}';
    expect(reduce(next)).toBe(next);
  });
});

describe('a storage subscription', () => {
  const item = (block: string, changes: [string, string | null][]) =>
    JSON.stringify({ block, changes });

  it('passes the first item unchanged, also keys without a value', () => {
    const first = item('0xb1', [
      ['0x01', '0xaa'],
      ['0x02', null],
    ]);
    expect(storageDifferences()(first)).toBe(first);
  });

  it('hears after a resume only the keys that differ', () => {
    const reduce = storageDifferences();
    reduce(
      item('0xb1', [
        ['0x01', '0xaa'],
        ['0x02', null],
        ['0x03', '0xcc'],
      ]),
    );
    const resumed = item('0xb3', [
      ['0x01', '0xab'],
      ['0x02', null],
      ['0x03', null],
    ]);
    expect(reduce(resumed)).toBe(
      item('0xb3', [
        ['0x01', '0xab'],
        ['0x03', null],
      ]),
    );
  });

  it('remembers no key but those of the first item, whatever a node sends', () => {
    const reduce = storageDifferences();
    reduce(item('0xb1', [['0x01', '0xaa']]));
    const others = item('0xb2', [['0x02', '0xbb']]);
    expect(reduce(others)).toBe(others);
    expect(reduce(others)).toBe(others);
    expect(reduce(item('0xb2', [['0x01', '0xaa']]))).toBeUndefined();
  });

  it('hears nothing when nothing differs', () => {
    const reduce = storageDifferences();
    reduce(item('0xb1', [['0x01', '0xaa']]));
    expect(reduce(item('0xb2', [['0x01', '0xaa']]))).toBeUndefined();
    expect(reduce(item('0xb3', []))).toBeUndefined();
  });
});
