import {
  type Clock,
  type ErrorReply,
  errorReply,
  type Reply,
  type Session,
  type TimerHandle,
} from '@dshackle/core';
import { bytesToHex, randomBytes } from '@noble/hashes/utils.js';
import { FilterLost, type FilterPoll } from './filter-poll.ts';

/** A filter that nobody asks for so long is let go of, as geth does. */
const idleMs = 300_000;
const sweepMs = 30_000;
/** Filters at most: of one client that has a session, and of all together. */
const maxOfClient = 100;
const maxOfAll = 10_000;

interface Filter {
  readonly poll: FilterPoll;
  /** Absent for a client without a session: whoever has the id, which cannot be guessed. */
  readonly owner: Session | undefined;
  idleUntilMs: number;
  /** Asked twice at a time it answers one after the other. */
  last: Promise<unknown>;
}

interface Client {
  readonly ids: Set<string>;
  readonly stopListening: () => void;
}

/** In geth's words. */
const notFound = errorReply({ code: -32_000, message: 'filter not found' });

/**
 * The filters of all clients, by ids of 128 random bits. They belong to the balancer, so they survive
 * every upstream; each to the session that made it, with which it goes.
 */
export class Filters {
  readonly #clock: Clock;
  readonly #filters = new Map<string, Filter>();
  readonly #clients = new Map<Session, Client>();
  #timer: TimerHandle | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#filters.size;
  }

  /** The error for a client that has too many; `undefined` when it may make one more. */
  refusal(owner: Session | undefined): ErrorReply | undefined {
    this.#sweep();
    const own = owner ? (this.#clients.get(owner)?.ids.size ?? 0) : 0;
    if (own < maxOfClient && this.#filters.size < maxOfAll) return undefined;
    return errorReply({ code: -32_005, message: 'too many filters: uninstall some' });
  }

  /** Keeps one and answers its id. */
  add(poll: FilterPoll, owner: Session | undefined): Reply {
    const refusal = owner?.isClosed ? notFound : this.refusal(owner);
    if (refusal) {
      poll.close();
      return refusal;
    }
    const id = `0x${bytesToHex(randomBytes(16))}`;
    const idleUntilMs = this.#clock.now() + idleMs;
    this.#filters.set(id, { poll, owner, idleUntilMs, last: Promise.resolve() });
    if (owner) this.#clientOf(owner).ids.add(id);
    this.#arm();
    return { kind: 'result', result: `"${id}"` };
  }

  /** What is new, for the client that made it. */
  async changes(id: unknown, client: Session | undefined): Promise<Reply> {
    const filter = this.#find(id, client);
    if (!filter) return notFound;
    const asked = filter.last.then(() => filter.poll.changes(client));
    filter.last = asked.catch(() => undefined);
    try {
      return { kind: 'result', result: `[${(await asked).join(',')}]` };
    } catch (error) {
      if (!(error instanceof FilterLost)) throw error;
      this.remove(id, client);
      return notFound;
    } finally {
      filter.idleUntilMs = this.#clock.now() + idleMs;
    }
  }

  /** What its client asked for; `undefined` when it is no filter of logs, or not this client's. */
  queryOf(id: unknown, client: Session | undefined): { readonly query: unknown } | undefined {
    const filter = this.#find(id, client);
    return filter?.poll.query === undefined ? undefined : { query: filter.poll.query };
  }

  /** False when there is none of this client's. */
  remove(id: unknown, client: Session | undefined): boolean {
    if (!this.#find(id, client)) return false;
    this.#drop(String(id));
    return true;
  }

  close(): void {
    for (const id of [...this.#filters.keys()]) this.#drop(id);
    this.#clock.clearTimeout(this.#timer);
  }

  #find(id: unknown, client: Session | undefined): Filter | undefined {
    const filter = typeof id === 'string' ? this.#filters.get(id) : undefined;
    if (!filter || (filter.owner && filter.owner !== client)) return undefined;
    filter.idleUntilMs = this.#clock.now() + idleMs;
    return filter;
  }

  #clientOf(owner: Session): Client {
    const known = this.#clients.get(owner);
    if (known) return known;
    const ids = new Set<string>();
    const stopListening = owner.onClose(() => {
      for (const id of [...ids]) this.#drop(id);
    });
    const client = { ids, stopListening };
    this.#clients.set(owner, client);
    return client;
  }

  #drop(id: string): void {
    const filter = this.#filters.get(id);
    if (!filter) return;
    this.#filters.delete(id);
    filter.poll.close();
    const client = filter.owner && this.#clients.get(filter.owner);
    if (!filter.owner || !client) return;
    client.ids.delete(id);
    if (client.ids.size > 0) return;
    client.stopListening();
    this.#clients.delete(filter.owner);
  }

  #sweep(): void {
    const nowMs = this.#clock.now();
    for (const [id, { idleUntilMs }] of this.#filters) if (idleUntilMs <= nowMs) this.#drop(id);
  }

  #arm(): void {
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#sweep();
      if (this.#filters.size > 0) this.#arm();
    }, sweepMs);
  }
}
