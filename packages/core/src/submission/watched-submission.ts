import type { SubscribeOutcome } from '../call.ts';
import type { Block } from '../chain/chain.ts';
import type { Transaction, WatchFormat } from '../chain/submissions.ts';
import { BalancerError, isBalancerError, UnknownOutcomeError } from '../errors.ts';
import type { RawJson } from '../json-rpc/message.ts';
import type { Session } from '../session/session.ts';
import {
  CarriedSubscription,
  type CarriedSubscriptionOptions,
} from '../subscription/carried-subscription.ts';
import type { SubmissionDesk } from './desk.ts';
import type { Place } from './inclusion.ts';
import { TransactionSearch } from './transaction-search.ts';
import { TransactionWatch } from './transaction-watch.ts';

/** More blocks than an upstream that has fallen silent is taken for alive. */
const unheardBlocks = 64;

/** What a {@link WatchedSubmission} is made of. */
export interface WatchedSubmissionOptions {
  readonly desk: SubmissionDesk;
  readonly transaction: Transaction;
  readonly format: WatchFormat;
  /** The client on whose behalf it is made. */
  readonly session: Session | undefined;
  /** The subscription that an upstream is to carry. */
  readonly carried: CarriedSubscriptionOptions;
}

/**
 * A submission whose status a client watches. An upstream carries it as long as that lives; it is
 * never sent again. Then the status is read from the chain, and the client goes on hearing the events
 * that a node would tell.
 *
 * One that was sent and not answered is looked for, and watched from here when it is found: in a pool,
 * in a block, or known to an upstream that is asked to take it once more by the client.
 */
export class WatchedSubmission {
  readonly #options: WatchedSubmissionOptions;
  readonly #since: Block | undefined;
  /** Aborted by `unsubscribe`. */
  readonly #stop = new AbortController();
  readonly carried: CarriedSubscription;
  #watch: TransactionWatch | undefined;
  #place: Place | undefined;
  #isUnanswered = false;

  constructor(options: WatchedSubmissionOptions) {
    const { desk, transaction, carried } = options;
    this.#options = options;
    this.#since = desk.since(transaction);
    this.carried = new CarriedSubscription({
      ...carried,
      onItem: (item) => this.#hear(item),
      onOrphaned: () => this.#follow(),
      onDoubt: () => {
        this.#isUnanswered = true;
      },
    });
  }

  /**
   * Submits it. `onAccepted` is called before the first item.
   *
   * @throws UnknownOutcomeError when it was sent, not answered, and not found before the deadline
   * @throws BalancerError when it was not sent, or ended before
   */
  async start(onAccepted: () => void): Promise<SubscribeOutcome> {
    const { desk, transaction, session, format, carried } = this.#options;
    const { clock } = desk.engine;
    const untilMs = clock.now() + carried.deadlineMs;
    const wasDoubtful = desk.isDoubtful(transaction);
    const accept = (): void => {
      desk.accepted(transaction, session);
      onAccepted();
    };
    const takeOver = (): SubscribeOutcome => {
      accept();
      // Clients wait for a first item before they believe that it is under way.
      if (!this.#stop.signal.aborted) carried.onItem(format.accepted());
      this.#follow();
      return { kind: 'subscribed' };
    };
    let outcome: SubscribeOutcome;
    try {
      outcome = await this.carried.start(accept);
    } catch (error) {
      const inDoubt = this.#isUnanswered || wasDoubtful;
      if (!inDoubt || !isBalancerError(error) || error.code === 'cancelled') throw error;
      if (error.code !== 'closed' && (await this.#isThere(untilMs, false))) return takeOver();
      desk.doubt(transaction, this.#since);
      throw this.#unknown(error);
    }
    if (outcome.kind === 'subscribed' || !wasDoubtful) return outcome;
    switch (desk.submissions.judge(outcome.error)) {
      case 'known':
        return takeOver();
      case 'contestable':
        return (await this.#isThere(untilMs, true)) ? takeOver() : outcome;
      default:
        return outcome;
    }
  }

  /** Ends it; nothing is delivered afterwards. Safe to call twice. */
  unsubscribe(reason?: BalancerError): void {
    const { method } = this.#options.carried.call;
    this.#stop.abort(reason ?? new BalancerError('cancelled', method));
    this.carried.unsubscribe(reason);
    this.#watch?.close();
  }

  #hear(item: RawJson): void {
    const said = this.#options.format.read(item);
    if (said.kind === 'included') this.#place = { hash: said.hash, index: said.index };
    if (said.kind === 'retracted') this.#place = undefined;
    this.#options.carried.onItem(item);
  }

  /** From here on the chain itself tells what becomes of it. */
  #follow(): void {
    if (this.#stop.signal.aborted) return;
    const { desk, transaction, format, carried } = this.#options;
    this.#watch = new TransactionWatch({
      desk,
      transaction,
      format,
      since: this.#searchFrom(),
      place: this.#place,
      onItem: carried.onItem,
      onEnd: (reason) => carried.onEnd(this.#unknown(new BalancerError('transport', reason))),
    });
  }

  /**
   * Where to begin: at the submission, or, when that is longer ago than the pool remembers, far enough
   * below its best head. What was in a block before, the upstream has told while it carried this.
   */
  #searchFrom(): Block | undefined {
    const { tree, best } = this.#options.desk.head;
    const since = this.#since;
    if (!since || !best || tree.path(since.hash, best.hash)) return since;
    return tree.ancestorAt(best.hash, best.number - unheardBlocks) ?? since;
  }

  async #isThere(untilMs: number, hasOtherNews: boolean): Promise<boolean> {
    const { desk, transaction, carried } = this.#options;
    const search = new TransactionSearch({
      desk,
      transaction,
      since: this.#since,
      untilMs,
      hasOtherNews,
    });
    const signals = [this.#stop.signal, ...(carried.signal ? [carried.signal] : [])];
    const signal = AbortSignal.any(signals);
    const onAbort = (): void => search.end(false);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const isFound = await search.found;
    signal.removeEventListener('abort', onAbort);
    if (!signal.aborted) return isFound;
    const { reason } = signal;
    throw isBalancerError(reason)
      ? reason
      : new BalancerError('cancelled', carried.call.method, { cause: reason });
  }

  #unknown(cause: BalancerError): UnknownOutcomeError {
    const { transaction, carried } = this.#options;
    return new UnknownOutcomeError(carried.call.method, transaction.id, cause);
  }
}
