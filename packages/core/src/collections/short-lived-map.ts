/** Keys are cleared away when there are more than twice as many as live entries, and this many. */
const minRebuildSize = 64;

/**
 * A map for entries that come and go by the ten thousand in a second, such as calls in flight.
 *
 * A `Map` that is used so makes V8 carry garbage: each time it makes room it leaves its old table
 * behind with a link to the new one, and once one such table has grown old all younger ones, and
 * half of what they ever held, live until the next full collection. Measured on calls over one
 * WebSocket: a quarter of all time. So nothing is deleted here: entries are emptied, and now and
 * then those that live move into a new `Map`, to which nothing leads from the old ones. Until then
 * a key stays, though not its value: at most as many as there are live entries, or 64.
 */
export class ShortLivedMap<Key, Value extends object> {
  #entries = new Map<Key, Value | undefined>();
  #size = 0;

  /** Live entries. */
  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  /** A new entry. There must be none of that key: nobody looks. */
  add(key: Key, value: Value): void {
    this.#size += 1;
    const { size } = this.#entries;
    if (size >= minRebuildSize && size > 2 * this.#size) this.#rebuild();
    this.#entries.set(key, value);
  }

  /** Ends an entry and gives its value; `undefined` when there is none. */
  take(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.set(key, undefined);
    this.#size -= 1;
    return value;
  }

  clear(): void {
    this.#entries = new Map();
    this.#size = 0;
  }

  /** A copy of the live values, those that came first leading. */
  values(): Value[] {
    const values: Value[] = [];
    for (const value of this.#entries.values()) if (value !== undefined) values.push(value);
    return values;
  }

  #rebuild(): void {
    const entries = new Map<Key, Value | undefined>();
    for (const [key, value] of this.#entries) if (value !== undefined) entries.set(key, value);
    this.#entries = entries;
  }
}
