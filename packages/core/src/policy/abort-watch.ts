/** One callback on a signal; to be handed to {@link unwatchAbort}. */
export interface AbortWatcher {
  readonly callback: () => void;
  /** The list that it is in. */
  list: AbortWatch | undefined;
  previous: AbortWatcher | undefined;
  next: AbortWatcher | undefined;
}

/**
 * All callbacks on one signal, behind a single listener of it. A door has one signal for all calls
 * of a client, and adding a listener for each call costs a walk over those that are there.
 */
class AbortWatch {
  #first: AbortWatcher | undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.#fire(), { once: true });
  }

  add(callback: () => void): AbortWatcher {
    const next = this.#first;
    const watcher: AbortWatcher = { callback, list: this, previous: undefined, next };
    if (next) next.previous = watcher;
    this.#first = watcher;
    return watcher;
  }

  delete(watcher: AbortWatcher): void {
    const { previous, next } = watcher;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    watcher.list = undefined;
    watcher.previous = undefined;
    watcher.next = undefined;
  }

  #fire(): void {
    // One by one from the head: a callback may end others.
    for (let watcher = this.#first; watcher; watcher = this.#first) {
      this.delete(watcher);
      watcher.callback();
    }
  }
}

const watches = new WeakMap<AbortSignal, AbortWatch>();

/** Calls `callback` once when the signal aborts. It must not have aborted yet, nor may `callback` throw. */
export function watchAbort(signal: AbortSignal, callback: () => void): AbortWatcher {
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = new AbortWatch(signal);
    watches.set(signal, watch);
  }
  return watch.add(callback);
}

/** Stops watching; does nothing when the signal has aborted or this was done before. */
export function unwatchAbort(watcher: AbortWatcher): void {
  watcher.list?.delete(watcher);
}
