import type { RawJson, ServiceHost, ServiceSink, ServiceSubscription } from '@dshackle/core';

/**
 * One subscription to `syncing`, of the pool as a whole: it says when the pool begins to sync, which is
 * when no upstream is fit to serve though some are connected, and when that is over. As geth, it says
 * nothing of how things stand at first.
 */
export class SyncingSubscription implements ServiceSubscription {
  readonly #host: ServiceHost;
  readonly #sink: ServiceSink;
  readonly #onOver: () => void;
  readonly #stop = new AbortController();
  #told: RawJson | undefined;
  #isAsking = false;

  constructor(host: ServiceHost, sink: ServiceSink, onOver: () => void) {
    this.#host = host;
    this.#sink = sink;
    this.#onOver = onOver;
  }

  start(): void {
    this.wake();
  }

  close(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#onOver();
  }

  /** Something changed in the pool. */
  wake(): void {
    if (!this.#isAsking && !this.#stop.signal.aborted) void this.#ask();
  }

  async #ask(): Promise<void> {
    const { signal } = this.#stop;
    this.#isAsking = true;
    try {
      const reply = await this.#host.forward('eth_syncing', [], { signal });
      if (reply.kind === 'result' && !signal.aborted) this.#take(reply.result);
    } catch {
      // Nobody is there to sync; the next change asks again.
    } finally {
      this.#isAsking = false;
    }
  }

  #take(result: RawJson): void {
    const isSyncing = result !== 'false';
    const state = isSyncing ? 'true' : 'false';
    const isFirst = this.#told === undefined;
    if (state === this.#told) return;
    this.#told = state;
    if (isFirst && !isSyncing) return;
    this.#sink.onItem(isSyncing ? `{"syncing":true,"status":${result}}` : 'false');
  }
}
