import type { TimerHandle } from '../time/clock.ts';
import type { Backoff } from './backoff.ts';
import { Connection, type ConnectionContext } from './connection.ts';
import { messageOf } from './message-of.ts';
import { Reconnect } from './reconnect.ts';
import type { Handshake } from './transport.ts';

/** Where one lane stands; see `TransportState`. */
export type LaneState =
  | { readonly status: 'connecting' }
  | { readonly status: 'open'; readonly connection: Connection }
  | { readonly status: 'waiting'; readonly reason: string; readonly retryAtMs: number }
  | { readonly status: 'closed' };

/**
 * One of a transport's connections, made anew whenever it ends: connect, shake hands, serve, and
 * after the end wait a while.
 */
export class Lane {
  readonly #context: ConnectionContext;
  readonly #reconnect: Reconnect;
  readonly #handshake: Handshake;
  readonly #onChange: () => void;
  #state: LaneState = { status: 'connecting' };
  /** The latest connection, which in `connecting` is not fit to serve yet. */
  #connection: Connection | undefined;
  /** Ends a connection that takes too long to become fit. */
  #timer: TimerHandle;
  #openedAtMs = 0;

  /** @param onChange called after every change of `state` */
  constructor(
    context: ConnectionContext,
    backoff: Backoff,
    handshake: Handshake,
    onChange: () => void,
  ) {
    this.#context = context;
    this.#reconnect = new Reconnect(context.clock, backoff, () => this.connect());
    this.#handshake = handshake;
    this.#onChange = onChange;
  }

  get state(): LaneState {
    return this.#state;
  }

  /** Starts a connection. */
  connect(): void {
    this.#set({ status: 'connecting' });
    const { clock, limits } = this.#context;
    const connection = new Connection(this.#context, {
      onOpen: () => void this.#shakeHands(connection),
      onClosed: (reason, retryAfterMs) => this.#closed(reason, retryAfterMs),
    });
    this.#connection = connection;
    this.#timer = clock.setTimeout(() => {
      connection.destroy(`cannot connect: not ready within ${limits.connectTimeoutMs} ms`);
    }, limits.connectTimeoutMs);
  }

  /** See `Transport.hurry`. */
  hurry(): void {
    if (this.#state.status !== 'waiting') return;
    const retryAtMs = this.#reconnect.hurry();
    if (retryAtMs !== undefined) this.#set({ ...this.#state, retryAtMs });
  }

  /** Ends the connection and stays closed. Resolves when the platform has let go of it. */
  async close(): Promise<void> {
    this.#context.clock.clearTimeout(this.#timer);
    this.#reconnect.cancel();
    this.#set({ status: 'closed' });
    this.#connection?.close();
    await this.#connection?.gone;
  }

  async #shakeHands(connection: Connection): Promise<void> {
    try {
      await this.#handshake({
        request: (method, params) => connection.request(method, params),
      });
    } catch (error) {
      const { endpoint } = this.#context;
      connection.destroy(endpoint.redact(`handshake failed: ${messageOf(error)}`));
      return;
    }
    // It may have ended, or we may have been closed, while the handshake went on.
    if (this.#state.status !== 'connecting' || this.#connection !== connection) return;
    this.#context.clock.clearTimeout(this.#timer);
    this.#openedAtMs = this.#context.clock.now();
    this.#set({ status: 'open', connection });
  }

  #closed(reason: string, retryAfterMs: number | undefined): void {
    if (this.#state.status === 'closed') return;
    const { clock, limits } = this.#context;
    clock.clearTimeout(this.#timer);
    const wasOpen = this.#state.status === 'open';
    if (wasOpen && clock.now() - this.#openedAtMs >= limits.stableAfterMs) this.#reconnect.reset();
    this.#set({ status: 'waiting', reason, retryAtMs: this.#reconnect.wait(retryAfterMs) });
  }

  #set(state: LaneState): void {
    this.#state = state;
    this.#onChange();
  }
}
