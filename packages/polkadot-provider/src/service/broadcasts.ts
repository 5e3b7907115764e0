import type { Reply, ServiceHost, Session } from '@dshackle/core';
import { errorReply, jsonRpcCodes } from '@dshackle/core';

/** Characters of all transactions of one client at most: they are kept until it stops them. */
const maxChars = 2 ** 25;
/** Blocks between two submissions of a transaction at most. */
const maxPauseBlocks = 16;

/** One transaction that a client has broadcast. */
interface Broadcast {
  readonly transaction: string;
  readonly session: Session;
  readonly abort: AbortController;
  isUnderWay: boolean;
  /** Blocks to let pass before it is submitted again. */
  waitBlocks: number;
  /** What that was the last time. */
  pauseBlocks: number;
}

/** The broadcasts of one client, by their ids. */
interface BroadcastClient {
  readonly live: Map<string, Broadcast>;
  readonly stopListening: () => void;
}

const unknownId = errorReply({
  code: jsonRpcCodes.invalidParams,
  message: 'Invalid params: no broadcast has this operationId',
});

/**
 * `transaction_v1`: submits a transaction to several upstreams, and again as blocks come, until the
 * client stops it or leaves. So it survives every upstream that had it in its pool.
 *
 * After each answer, whatever it is, the pause until the next submission doubles, from 1 to 16
 * blocks. When nobody answered it is submitted again with the next block. The client is not told: that
 * is what the interface specification says of invalid transactions, which count like any other.
 */
export class Broadcasts {
  readonly #host: ServiceHost;
  readonly #limit: number;
  readonly #clients = new Map<Session, BroadcastClient>();
  readonly #stop: () => void;
  #best: string | undefined;
  #ids = 0;

  /** `limit`: of one client at a time. */
  constructor(host: ServiceHost, limit: number) {
    this.#host = host;
    this.#limit = limit;
    this.#stop = host.onChange(() => this.#onChange());
  }

  /** Begins one; `null` when the client has too many or too long ones, or could not stop it. */
  broadcast(session: Session | undefined, transaction: string): Reply {
    if (session === undefined || session.isClosed) return { kind: 'result', result: 'null' };
    const client = this.#clients.get(session) ?? this.#join(session);
    let chars = transaction.length;
    for (const each of client.live.values()) chars += each.transaction.length;
    if (client.live.size >= this.#limit || chars > maxChars) {
      return { kind: 'result', result: 'null' };
    }
    this.#ids += 1;
    const id = String(this.#ids);
    const broadcast: Broadcast = {
      transaction,
      session,
      abort: new AbortController(),
      isUnderWay: false,
      waitBlocks: 0,
      pauseBlocks: 0,
    };
    client.live.set(id, broadcast);
    void this.#submit(broadcast);
    return { kind: 'result', result: JSON.stringify(id) };
  }

  /** Ends one of this client's; an error when there is none with this id. */
  stop(session: Session | undefined, id: string): Reply {
    const client = session && this.#clients.get(session);
    const broadcast = client?.live.get(id);
    if (!client || !broadcast) return unknownId;
    client.live.delete(id);
    broadcast.abort.abort();
    if (client.live.size === 0) this.#leave(session);
    return { kind: 'result', result: 'null' };
  }

  close(): void {
    this.#stop();
    for (const session of [...this.#clients.keys()]) this.#leave(session);
  }

  #join(session: Session): BroadcastClient {
    const stopListening = session.onClose(() => this.#leave(session));
    const client: BroadcastClient = { live: new Map(), stopListening };
    this.#clients.set(session, client);
    return client;
  }

  #leave(session: Session): void {
    const client = this.#clients.get(session);
    if (!client) return;
    this.#clients.delete(session);
    client.stopListening();
    for (const { abort } of client.live.values()) abort.abort();
  }

  #onChange(): void {
    const { best } = this.#host;
    if (this.#clients.size === 0 || best === undefined || best.hash === this.#best) return;
    this.#best = best.hash;
    for (const { live } of this.#clients.values()) {
      for (const broadcast of live.values()) {
        broadcast.waitBlocks -= 1;
        if (broadcast.waitBlocks <= 0 && !broadcast.isUnderWay) void this.#submit(broadcast);
      }
    }
  }

  async #submit(broadcast: Broadcast): Promise<void> {
    const { transaction, session, abort } = broadcast;
    const { signal } = abort;
    broadcast.isUnderWay = true;
    try {
      await this.#host.forward('author_submitExtrinsic', [transaction], { signal, session });
      broadcast.pauseBlocks = Math.min(maxPauseBlocks, Math.max(1, 2 * broadcast.pauseBlocks));
      broadcast.waitBlocks = broadcast.pauseBlocks;
    } catch {
      // Nobody answered: the next block tries again, and the client need not know.
      broadcast.waitBlocks = 0;
    }
    broadcast.isUnderWay = false;
  }
}
