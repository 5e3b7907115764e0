import type { Sender } from '../chain/submissions.ts';

/** Accounts remembered for one client, and nonces of each; past it those added first are forgotten. */
const maxAccountsOfClient = 64;
const maxNonces = 256;

/** A moment by the clock and by the chain, which may stand still. */
export interface Moment {
  /** On the engine's clock. */
  readonly ms: number;
  /** Of the best block. */
  readonly height: number;
}

/**
 * The nonces that one client has used in transactions that were accepted, each for a while: an upstream
 * that has not heard of a transaction yet would tell a nonce that is taken.
 */
export class OwnNonces {
  /** By account: until when each nonce is counted. */
  readonly #accounts = new Map<string, Map<number, Moment>>();
  readonly #maxAccounts: number;

  /** @param maxAccounts accounts remembered at most. @default 64 */
  constructor(maxAccounts = maxAccountsOfClient) {
    this.#maxAccounts = maxAccounts;
  }

  /**
   * Counts a nonce until both the time and the height are reached; and those above it as long, as they
   * come after it.
   */
  add({ account, nonce }: Sender, until: Moment): void {
    const nonces = this.#accounts.get(account) ?? new Map<number, Moment>();
    // Anew at the end, as the one used last.
    this.#accounts.delete(account);
    this.#accounts.set(account, nonces);
    for (const above of nonces.keys()) if (above > nonce) nonces.set(above, until);
    nonces.set(nonce, until);
    forgetFirst(nonces, maxNonces);
    forgetFirst(this.#accounts, this.#maxAccounts);
  }

  /**
   * The nonce that follows when an upstream says that `next` does: over those of our own in a row. Those
   * below it are kept, too: the next upstream that is asked may lag and say less.
   */
  next(account: string, next: number, now: Moment): number {
    const nonces = this.#accounts.get(account);
    if (nonces === undefined) return next;
    for (const [nonce, { ms, height }] of nonces) {
      if (ms <= now.ms && height <= now.height) nonces.delete(nonce);
    }
    if (nonces.size === 0) this.#accounts.delete(account);
    let free = next;
    while (nonces.has(free)) free += 1;
    return free;
  }
}

function forgetFirst<Key>(map: Map<Key, unknown>, limit: number): void {
  if (map.size <= limit) return;
  const [first] = map.keys();
  map.delete(first as Key);
}
