type Listener = (payload: never) => void;

/** Options of {@link Emitter}. */
export interface EmitterOptions {
  /**
   * Told of every error that a listener throws, with the event's name. It must not throw itself.
   *
   * @default the error is thrown again in a microtask of its own, as `EventTarget` does: in Node an
   *   `uncaughtException`, in a browser `window.onerror`. A broken listener is a mistake in the
   *   program and should be seen, but never by the code that emitted.
   */
  readonly onError?: (error: unknown, event: string) => void;
}

/**
 * Events with typed payloads: `Emitter<{ retry: { attempt: number }; close: undefined }>`.
 *
 * Listeners run at once, in the order they came. One that throws stops neither the others nor the
 * emitter. With no listener `emit` allocates nothing; where making the payload costs something, ask
 * `has` first.
 */
export class Emitter<Events extends object> {
  /**
   * A list is replaced, never changed, so that listeners may come and go while it is walked: one
   * that is added meanwhile waits for the next event.
   */
  readonly #listeners = new Map<keyof Events, readonly Listener[]>();
  readonly #onError: (error: unknown, event: string) => void;

  constructor(options: EmitterOptions = {}) {
    this.#onError = options.onError ?? rethrowLater;
  }

  /**
   * Calls `listener` at every `name`; returns the function that stops it at once, safe to call
   * twice.
   */
  on<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): () => void {
    let live = true;
    // A fresh function, so that one listener registered twice is two registrations.
    const own: Listener = (payload: Events[Name]) => {
      if (live) listener(payload);
    };
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), own]);
    return () => {
      live = false;
      const rest = this.#listeners.get(name)?.filter((other) => other !== own) ?? [];
      if (rest.length > 0) this.#listeners.set(name, rest);
      else this.#listeners.delete(name);
    };
  }

  /** Whether anybody listens to `name`. */
  has(name: keyof Events): boolean {
    return this.#listeners.has(name);
  }

  /** Tells every listener of `name`. Never throws. */
  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        listener(payload as never);
      } catch (error) {
        this.#onError(error, String(name));
      }
    }
  }

  /** Forgets every listener; for `close()` of the owner. */
  clear(): void {
    this.#listeners.clear();
  }
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
