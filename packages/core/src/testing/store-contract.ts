import { describe, expect, it } from 'vitest';
import type { Store } from '../cache/store.ts';

/** A store under test, with a way to let time pass. */
export interface StoreHarness {
  readonly store: Store;
  /** Lets so many milliseconds pass for the store. */
  readonly pass: (ms: number) => Promise<void>;
}

/** What every store must do. Call it at the top of a test file. */
export function describeStore(name: string, make: () => Promise<StoreHarness>): void {
  describe(`${name} keeps the store contract`, () => {
    async function use(test: (harness: StoreHarness) => Promise<void>): Promise<void> {
      const harness = await make();
      try {
        await test(harness);
      } finally {
        await harness.store.close();
      }
    }

    it('gives back what was set last, to the letter', () =>
      use(async ({ store }) => {
        const value = '{"a":[1e400,"\\u0000ü"], "b" :null}';
        await store.set('key', '1');
        await store.set('key', value);
        expect(await store.get('key')).toBe(value);
      }));

    it('knows nothing of a key that was never set, also of an object’s own names', () =>
      use(async ({ store }) => {
        for (const key of ['key', '', '__proto__', 'constructor']) {
          expect(await store.get(key)).toBeUndefined();
        }
      }));

    it('keeps keys apart that differ in case, space or kind', () =>
      use(async ({ store }) => {
        const keys = ['a', 'A', 'a ', 'a:b', '__proto__', 'ü'];
        for (const key of keys) await store.set(key, JSON.stringify(key));
        for (const key of keys) expect(await store.get(key)).toBe(JSON.stringify(key));
      }));

    it('forgets a deleted key, and deleting it again does nothing', () =>
      use(async ({ store }) => {
        await store.set('key', '1');
        await store.delete('key');
        await store.delete('key');
        expect(await store.get('key')).toBeUndefined();
      }));

    it('forgets a value once its time is over, and not what was set without one', () =>
      use(async ({ store, pass }) => {
        await store.set('brief', '1', 1000);
        await store.set('lasting', '2');
        await pass(500);
        expect(await store.get('brief')).toBe('1');
        await pass(600);
        expect(await store.get('brief')).toBeUndefined();
        expect(await store.get('lasting')).toBe('2');
      }));

    it('replaces the time to live with the value', () =>
      use(async ({ store, pass }) => {
        await store.set('key', '1', 1000);
        await store.set('key', '2');
        await pass(5000);
        expect(await store.get('key')).toBe('2');
      }));

    it('forgets everything when cleared', () =>
      use(async ({ store }) => {
        await store.set('a', '1');
        await store.set('b', '2');
        await store.clear();
        expect([await store.get('a'), await store.get('b')]).toEqual([undefined, undefined]);
      }));

    it('keeps nothing once closed, and may be closed twice', () =>
      use(async ({ store }) => {
        await store.set('key', '1');
        await store.close();
        await store.close();
        expect(await store.get('key').catch(() => undefined)).toBeUndefined();
      }));
  });
}
