import {
  type Clock,
  errorReply,
  isBalancerError,
  type TimerHandle,
  TransportError,
} from '@dshackle/core';
import type { Budget } from './budget.ts';
import type { NewApiNode } from './new-api-node.ts';
import { Refusal } from './refusal.ts';

/** How long the node broadcasts one transaction for us, in milliseconds; then it has spread, or never will. */
const broadcastMs = 120_000;
/** Broadcasts of one node at a time: one more is refused, so that another node takes it. */
const maxBroadcasts = 64;

/** sp_runtime `TransactionSource::External`. */
const external = '02';

/**
 * Submits by `transaction_v1_broadcast`, which never says what becomes of a transaction. So the runtime
 * is asked first whether it is valid, as a node asks before it takes one into its pool: what is invalid
 * is answered in the words of the older call.
 */
export class NodeSubmissions {
  readonly #node: NewApiNode;
  readonly #clock: Clock;
  /** Those under way, by the node's ids, with the timers that end them. */
  readonly #live = new Map<string, TimerHandle>();

  constructor(node: NewApiNode, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
  }

  /**
   * Resolves when the node has taken it.
   * @param extrinsic in hex
   * @param at hash of the block at which it is to be valid
   * @throws Refusal when the runtime finds it invalid, or the node takes no more
   */
  async submit(extrinsic: string, at: string, budget: Budget): Promise<void> {
    if (this.#live.size >= maxBroadcasts) throw refused(1016, 'the node broadcasts enough for us');
    const input = `0x${external}${extrinsic.slice(2)}${at.slice(2)}`;
    const name = 'TaggedTransactionQueue_validate_transaction';
    const validity = await this.#node.call(at, name, input, budget).catch(notSent);
    // A SCALE `Result`: the second byte of an error says whether it is invalid or of unknown validity.
    if (!validity.startsWith('0x00')) {
      const isUnknown = validity.slice(4, 6) === '01';
      throw isUnknown
        ? refused(1011, 'Unknown Transaction Validity', validity)
        : refused(1010, 'Invalid Transaction', validity);
    }
    const raw = await this.#node.ask('transaction_v1_broadcast', [extrinsic], budget);
    const id: unknown = JSON.parse(raw);
    if (typeof id !== 'string') throw refused(1016, 'the node takes no more broadcasts');
    // What it is not told to stop it goes on with as long as the connection lives.
    const timer = this.#clock.setTimeout(() => this.#stop(id), broadcastMs);
    this.#live.set(id, timer);
  }

  /** The connection is gone, and the broadcasts with it. */
  close(): void {
    for (const timer of this.#live.values()) this.#clock.clearTimeout(timer);
    this.#live.clear();
  }

  #stop(id: string): void {
    this.#live.delete(id);
    this.#node.tell('transaction_v1_stop', [id]);
  }
}

/** Nothing was submitted yet: whoever asked may go elsewhere without a doubt. */
function notSent(error: unknown): never {
  if (!isBalancerError(error) || error.code === 'cancelled') throw error;
  throw new TransportError(error.rawMessage, { sent: false, cause: error });
}

function refused(code: number, message: string, data?: string): Refusal {
  return new Refusal(errorReply(data === undefined ? { code, message } : { code, message, data }));
}
