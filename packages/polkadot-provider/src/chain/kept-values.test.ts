import { describe, expect, it } from 'vitest';
import { keptRuntimeVersion, keptStorage } from './kept-values.ts';

const version = {
  specName: 'polkadot',
  implName: 'parity-polkadot',
  authoringVersion: 0,
  specVersion: 1_002_000,
  implVersion: 0,
  apis: [
    ['0xdf6acb689907609b', 5],
    ['0x37e397fc7c91f5e4', 2],
  ],
  transactionVersion: 26,
  stateVersion: 1,
};

describe('a runtime version', () => {
  it('is told when it changes, as it was written', () => {
    const kept = keptRuntimeVersion();
    expect(kept.whole).toBeUndefined();
    const first = JSON.stringify(version, null, 1);
    expect(kept.take(first)).toBe(first);
    expect(kept.take(first)).toBeUndefined();
    const next = JSON.stringify({ ...version, specVersion: 1_003_000 });
    expect(kept.take(next)).toBe(next);
    expect(kept.whole).toBe(next);
  });

  it('is the same from a node that describes it otherwise', () => {
    const kept = keptRuntimeVersion();
    kept.take(JSON.stringify(version));
    const { stateVersion, apis, ...rest } = version;
    const other = { apis: [...apis].reverse(), systemVersion: stateVersion, ...rest };
    expect(kept.take(JSON.stringify(other))).toBeUndefined();
  });

  it.each(['null', '5', '"text"'])('is not %s', (item) => {
    expect(() => keptRuntimeVersion().take(item)).toThrow('no runtime version');
  });
});

describe('storage values', () => {
  const item = (block: string, ...changes: (readonly [string, string | null])[]): string =>
    JSON.stringify({ block, changes });

  it('are told where they differ', () => {
    const kept = keptStorage(['0x01', '0x02']);
    const first = item('0xa', ['0x01', '0xff'], ['0x02', null]);
    expect(kept.take(first)).toBe(first);
    expect(kept.take(item('0xb', ['0x01', '0xff'], ['0x02', '0x05']))).toBe(
      item('0xb', ['0x02', '0x05']),
    );
    expect(kept.take(item('0xc', ['0x01', '0xff']))).toBeUndefined();
    expect(kept.take(item('0xd', ['0x02', null]))).toBe(item('0xd', ['0x02', null]));
  });

  it('are told whole to who comes late, at the newest block that was told of', () => {
    const kept = keptStorage(['0x01', '0x02']);
    expect(kept.whole).toBeUndefined();
    kept.take(item('0xa', ['0x02', '0x05'], ['0x01', '0xff']));
    expect(kept.whole).toBe(item('0xa', ['0x01', '0xff'], ['0x02', '0x05']));
    kept.take(item('0xb', ['0x01', null]));
    expect(kept.whole).toBe(item('0xb', ['0x01', null], ['0x02', '0x05']));
    kept.take(item('0xc', ['0x01', null]));
    expect(kept.whole).toBe(item('0xc', ['0x01', null], ['0x02', '0x05']));
  });

  it('are none of keys that nobody asked for, and null where the node leaves one out', () => {
    const kept = keptStorage(['0x01', '0x02']);
    expect(kept.take(item('0xa', ['0x01', '0xff'], ['0x03', '0x05']))).toBe(
      item('0xa', ['0x01', '0xff']),
    );
    expect(kept.whole).toBe(item('0xa', ['0x01', '0xff'], ['0x02', null]));
  });

  it.each(['null', '{}', '{"block":"0xa","changes":5}'])('are not %s', (raw) => {
    expect(() => keptStorage(['0x01']).take(raw)).toThrow(TypeError);
  });
});
