/**
 * What one client has been told, so that it never sees the chain go backwards (monotonic reads).
 * A door holds one for each of its clients and passes it with every call.
 */
export class Session {
  #seen = -1;

  /** Height of the newest block this client knows of; -1 when it knows none. */
  get seen(): number {
    return this.#seen;
  }

  /** Notes that the client has now seen a block of this height. */
  observe(height: number): void {
    if (height > this.#seen) this.#seen = height;
  }
}
