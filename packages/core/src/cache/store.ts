import type { RawJson } from '../json-rpc/message.ts';

/**
 * Keeps answers under a key. A store is allowed to forget anything at any time; it must never give
 * back anything but what was last set under that key.
 */
export interface Store extends AsyncDisposable {
  /** For snapshots and metrics. */
  readonly name: string;
  /** What was set under the key; `undefined` when it was not, was deleted, forgotten or expired. */
  get(key: string): Promise<RawJson | undefined>;
  /**
   * Keeps a value, for `ttlMs` milliseconds at most. Replaces what was there, its time to live
   * included. A value too large for the store is not kept, and what was there is gone.
   *
   * @param ttlMs more than 0. @default for as long as there is room
   */
  set(key: string, value: RawJson, ttlMs?: number): Promise<void>;
  /** Forgets a key; does nothing when it is not kept. */
  delete(key: string): Promise<void>;
  /** Forgets everything. */
  clear(): Promise<void>;
  /** Gives up what the store holds; afterwards it keeps nothing. Safe to call twice. */
  close(): Promise<void>;
}
