import type { RawJson } from '../json-rpc/message.ts';

/** What was kept for one subscription id. */
export interface EarlyNotifications {
  readonly items: readonly RawJson[];
  /** True when some had to be dropped. */
  readonly lost: boolean;
}

const nothing: EarlyNotifications = { items: [], lost: false };

/**
 * Keeps notifications that arrive before the response that names their subscription, as chopsticks
 * sends them. Bounded: past the limit a notification is dropped, and the loss is remembered.
 */
export class EarlyNotificationBuffer {
  readonly #limit: number;
  readonly #byId = new Map<string, { items: RawJson[]; lost: boolean }>();
  #size = 0;
  /** A loss whose id there was no room to remember counts for all of them. */
  #lost = false;

  /** @param limit the most notifications kept, and the most ids remembered */
  constructor(limit: number) {
    this.#limit = limit;
  }

  keep(id: string, item: RawJson): void {
    let entry = this.#byId.get(id);
    if (entry === undefined) {
      if (this.#byId.size >= this.#limit) {
        this.#lost = true;
        return;
      }
      entry = { items: [], lost: false };
      this.#byId.set(id, entry);
    }
    if (this.#size >= this.#limit) {
      entry.lost = true;
      return;
    }
    entry.items.push(item);
    this.#size++;
  }

  /** Hands over what was kept for one id, oldest first. */
  take(id: string): EarlyNotifications {
    const entry = this.#byId.get(id);
    if (entry === undefined) return this.#lost ? { items: [], lost: true } : nothing;
    this.#byId.delete(id);
    this.#size -= entry.items.length;
    return { items: entry.items, lost: entry.lost || this.#lost };
  }

  clear(): void {
    this.#byId.clear();
    this.#size = 0;
    this.#lost = false;
  }
}
