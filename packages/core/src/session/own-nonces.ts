import type { Sender } from '../chain/submissions.ts';

/** Accounts remembered for one client, and nonces of each; past it those added first are forgotten. */
const maxAccountsOfClient = 64;
const maxNonces = 256;

/**
 * The nonces that one client has used in transactions that were accepted, each for a while: an upstream
 * that has not heard of a transaction yet would tell a nonce that is taken.
 */
export class OwnNonces {
  /** By account: when each nonce is no longer counted, on the engine's clock. */
  readonly #accounts = new Map<string, Map<number, number>>();
  readonly #maxAccounts: number;

  /** @param maxAccounts accounts remembered at most. @default 64 */
  constructor(maxAccounts = maxAccountsOfClient) {
    this.#maxAccounts = maxAccounts;
  }

  /** Counts a nonce until then. */
  add({ account, nonce }: Sender, untilMs: number): void {
    const nonces = this.#accounts.get(account) ?? new Map<number, number>();
    // Anew at the end, as the one used last.
    this.#accounts.delete(account);
    this.#accounts.set(account, nonces);
    nonces.set(nonce, untilMs);
    forgetFirst(nonces, maxNonces);
    forgetFirst(this.#accounts, this.#maxAccounts);
  }

  /**
   * The nonce that follows when an upstream says that `next` does: over those of our own in a row. Those
   * below it are kept, too: the next upstream that is asked may lag and say less.
   */
  next(account: string, next: number, nowMs: number): number {
    const nonces = this.#accounts.get(account);
    if (nonces === undefined) return next;
    for (const [nonce, untilMs] of nonces) {
      if (untilMs <= nowMs) nonces.delete(nonce);
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
