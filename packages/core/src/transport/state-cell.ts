import { guard } from './guard.ts';
import type { TransportState } from './transport.ts';

/** A transport's state and who wants to hear of its changes. */
export class StateCell {
  #state: TransportState = { status: 'connecting' };
  readonly #listeners = new Set<(state: TransportState) => void>();

  get state(): TransportState {
    return this.#state;
  }

  /** Takes the new state and tells every listener, also when it looks like the one before. */
  set(state: TransportState): void {
    this.#state = state;
    for (const listener of this.#listeners) guard(listener, state);
  }

  /** Adds a listener; returns the function that removes it. */
  onState(listener: (state: TransportState) => void): () => void {
    // Wrapped, so that one function added twice is heard twice.
    const entry = (state: TransportState): void => listener(state);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }
}
