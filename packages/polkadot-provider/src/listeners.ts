import type {
  ProviderInterfaceEmitCb,
  ProviderInterfaceEmitted,
} from '@polkadot/rpc-provider/types';

/** The listeners of a provider's three events. */
export class Listeners {
  readonly #byEvent: Readonly<Record<ProviderInterfaceEmitted, Set<ProviderInterfaceEmitCb>>> = {
    connected: new Set(),
    disconnected: new Set(),
    error: new Set(),
  };

  /** Calls `listener` at each such event from now on; returns the function that stops it. */
  on(event: ProviderInterfaceEmitted, listener: ProviderInterfaceEmitCb): () => void {
    // A function of its own, so that the same listener can be added and removed twice.
    const own: ProviderInterfaceEmitCb = (value) => listener(value);
    this.#byEvent[event].add(own);
    return () => {
      this.#byEvent[event].delete(own);
    };
  }

  /** Tells all listeners; what one of them throws is reported, and the others are told too. */
  emit(event: ProviderInterfaceEmitted, value?: unknown): void {
    for (const listener of [...this.#byEvent[event]]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
