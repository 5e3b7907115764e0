import { OwnNonces } from './own-nonces.ts';

/**
 * What one client has been told, so that it never sees the chain go backwards (monotonic reads).
 * A door holds one for each of its clients and passes it with every call.
 */
export class Session {
  #seen = -1;
  #isClosed = false;
  /** Made for the first listener; most sessions have none. */
  #onClose: Set<() => void> | undefined;
  #nonces: OwnNonces | undefined;

  /** Height of the newest block this client knows of; -1 when it knows none. */
  get seen(): number {
    return this.#seen;
  }

  /** What it has submitted, so that the nonces it reads count that. */
  get nonces(): OwnNonces {
    this.#nonces ??= new OwnNonces();
    return this.#nonces;
  }

  /** Notes that the client has now seen a block of this height. */
  observe(height: number): void {
    if (height > this.#seen) this.#seen = height;
  }

  /** True once the client has left. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * The client has left: what is kept for it is let go of. A door calls this once for each of its
   * clients; calling it again does nothing.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const listeners = this.#onClose;
    this.#onClose = undefined;
    if (listeners) for (const listener of listeners) listener();
  }

  /**
   * Calls `listener`, which must not throw, when the client leaves; at once when it has left.
   * Returns the function that stops that.
   */
  onClose(listener: () => void): () => void {
    if (this.#isClosed) {
      listener();
      return () => {};
    }
    this.#onClose ??= new Set();
    this.#onClose.add(listener);
    return () => this.#onClose?.delete(listener);
  }
}
