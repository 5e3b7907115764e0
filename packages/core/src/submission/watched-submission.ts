import type { SubscribeOutcome } from '../call.ts';
import type { Block } from '../chain/chain.ts';
import type { Transaction, WatchFormat } from '../chain/submissions.ts';
import { BalancerError, isBalancerError, UnknownOutcomeError } from '../errors.ts';
import type { JsonRpcError, RawJson, Reply } from '../json-rpc/message.ts';
import type { Session } from '../session/session.ts';
import {
  CarriedSubscription,
  type CarriedSubscriptionOptions,
} from '../subscription/carried-subscription.ts';
import { InOrder } from '../subscription/in-order.ts';
import type { SubmissionDesk } from './desk.ts';
import type { Place } from './inclusion.ts';
import { TransactionSearch } from './transaction-search.ts';
import { TransactionWatch } from './transaction-watch.ts';

/** More blocks than an upstream that has fallen silent is taken for alive. */
const unheardBlocks = 64;

/**
 * After so many blocks without a word its upstream is taken to have forgotten the watch: more than pass
 * between any two events of a transaction that is on its way.
 */
const silentBlocks = 16;

/** What a {@link WatchedSubmission} is made of. */
export interface WatchedSubmissionOptions {
  readonly desk: SubmissionDesk;
  readonly transaction: Transaction;
  readonly format: WatchFormat;
  /** The client on whose behalf it is made. */
  readonly session: Session | undefined;
  /** The subscription that an upstream is to carry. */
  readonly carried: CarriedSubscriptionOptions;
  /**
   * Waits until what else the client is subscribed to has told what holds at this block; never rejects.
   * `undefined` when it has.
   */
  readonly inStep: (hash: string) => Promise<unknown> | undefined;
}

/**
 * A submission whose status a client watches. An upstream carries it as long as that lives; once it has
 * taken the transaction, that is given to others, too, unless `submitWidth` is 1. When that upstream is lost
 * it is given to others again, for the pools may have been one node's; its status is read from the chain, and
 * the client goes on hearing the events that a node would tell.
 *
 * An upstream that says nothing for 16 blocks counts as lost, too: nodes drop watches without a word.
 *
 * One that was sent and not answered is given to others at once: they take it, know it, or it is looked
 * for in pools and blocks; then it is watched from here.
 *
 * A node tells of a block's new values before it tells that a transaction is in it, and clients sign the next
 * one with the nonce they hold. So of a block nothing is told before the client's shared subscriptions
 * have told what holds there.
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
  #hasTold = false;
  /** Blocks since its upstream said something. */
  #silentFor = 0;
  #stopCounting: () => void = () => {};
  /** All that the client hears passes here. */
  readonly #order = new InOrder();

  constructor(options: WatchedSubmissionOptions) {
    const { desk, transaction, carried } = options;
    this.#options = options;
    this.#since = desk.since(transaction);
    this.carried = new CarriedSubscription({
      ...carried,
      onItem: (item) => this.#hear(item),
      onEnd: (reason) => this.#tellEnd(reason),
      onOrphaned: () => {
        this.#follow();
        this.#spread();
      },
      onDoubt: () => {
        this.#isUnanswered = true;
      },
    });
  }

  /**
   * Submits it. `onAccepted` is called before the first item.
   *
   * @throws UnknownOutcomeError when it was sent, nobody said what became of it, and it was not found
   *   before the deadline
   * @throws BalancerError when it was not sent, or ended before
   */
  async start(onAccepted: () => void): Promise<SubscribeOutcome> {
    const { desk, transaction, session, carried } = this.#options;
    const { clock } = desk.engine;
    const untilMs = clock.now() + carried.deadlineMs;
    const wasDoubtful = desk.isDoubtful(transaction);
    const wasKnown = wasDoubtful || desk.wasAccepted(transaction);
    const accept = (): void => {
      desk.accepted(transaction, this.#since, session);
      onAccepted();
    };
    const acceptCarried = (): void => {
      this.#stopCounting = desk.head.events.on('best', () => this.#countSilence());
      accept();
      // Not before: to who has it already, a watch is a submission of what is known.
      if (desk.engine.options.submitWidth !== 1) this.#spread(false);
    };
    const takeOver = (): SubscribeOutcome => {
      accept();
      this.#follow();
      return { kind: 'subscribed' };
    };
    let outcome: SubscribeOutcome;
    try {
      outcome = await this.carried.start(acceptCarried);
    } catch (error) {
      const inDoubt = this.#isUnanswered || wasDoubtful;
      if (!inDoubt || !isBalancerError(error) || error.code === 'cancelled') throw error;
      const news = error.code === 'closed' ? undefined : await this.#handOn(untilMs);
      if (news?.kind === 'result') return takeOver();
      if (news) return news;
      desk.doubt(transaction, this.#since);
      throw this.#unknown(error);
    }
    if (outcome.kind === 'subscribed') return outcome;
    const isTaken = await this.#isTakenAfter(outcome.error, wasDoubtful, wasKnown, untilMs);
    return isTaken ? takeOver() : outcome;
  }

  /** Is it under way, though the upstream that should watch it declined it? */
  async #isTakenAfter(
    error: JsonRpcError,
    wasDoubtful: boolean,
    wasKnown: boolean,
    untilMs: number,
  ): Promise<boolean> {
    switch (this.#options.desk.submissions.judge(error)) {
      case 'known':
        return wasKnown;
      case 'contestable':
        // One on a fork, or behind, calls what is valid elsewhere invalid.
        if (wasDoubtful) return this.#isThere(untilMs, true);
        return (await this.#handOn(untilMs, false))?.kind === 'result';
      default:
        return false;
    }
  }

  /** Ends it; nothing is delivered afterwards. Safe to call twice. */
  unsubscribe(reason?: BalancerError): void {
    const { method } = this.#options.carried.call;
    this.#stopCounting();
    this.#stop.abort(reason ?? new BalancerError('cancelled', method));
    this.carried.unsubscribe(reason);
    this.#watch?.close();
  }

  #hear(item: RawJson): void {
    const { desk, format } = this.#options;
    this.#silentFor = 0;
    const said = format.read(item);
    if (said.kind === 'given up' || said.kind === 'finalized') this.#stopCounting();
    if (said.kind === 'given up') {
      // It is told in any case; what is thrown is that the client left.
      this.#contest(item).catch(() => {});
      return;
    }
    if (said.kind === 'retracted') this.#place = undefined;
    if (said.kind === 'included') this.#place = { hash: said.hash, index: said.index };
    // What one upstream calls final, the pool may not: then it is told when the pool does.
    if (said.kind === 'finalized' && !desk.head.isFinal(said.hash)) this.#follow();
    else this.#tell(item);
  }

  /**
   * Its upstream has given it up, which may be that one's fault: a fork, a lag, a full pool. It is told
   * only if others do not take it either.
   */
  async #contest(item: RawJson): Promise<void> {
    const { desk, carried } = this.#options;
    let isTaken = false;
    try {
      const news = await this.#handOn(desk.engine.clock.now() + carried.deadlineMs);
      isTaken = news?.kind === 'result';
    } finally {
      if (isTaken) this.#follow();
      else this.#tell(item);
    }
  }

  #tell(item: RawJson): void {
    const { desk, format, session, carried, inStep } = this.#options;
    this.#hasTold = true;
    const said = format.read(item);
    let until: Promise<unknown> | undefined;
    if (said.kind === 'included' || said.kind === 'finalized') {
      const height = desk.head.numberOf(said.hash);
      if (height !== undefined) session?.observe(height);
      until = inStep(said.hash);
    }
    this.#order.add(() => {
      if (!this.#stop.signal.aborted) carried.onItem(item);
    }, until);
  }

  #tellEnd(reason: BalancerError): void {
    this.#order.add(() => {
      if (!this.#stop.signal.aborted) this.#options.carried.onEnd(reason);
    });
  }

  #countSilence(): void {
    this.#silentFor += 1;
    if (this.#silentFor < silentBlocks) return;
    this.carried.unsubscribe();
    this.#follow();
    this.#spread();
  }

  /** From here on the chain itself tells what becomes of it. */
  #follow(): void {
    this.#stopCounting();
    if (this.#stop.signal.aborted) return;
    const { desk, transaction, format } = this.#options;
    // Clients wait for a first item before they believe that it is under way; its upstream may be lost
    // between its answer and that item.
    if (!this.#hasTold) this.#tell(format.accepted());
    this.#watch = new TransactionWatch({
      desk,
      transaction,
      format,
      since: this.#searchFrom(),
      place: this.#place,
      onItem: (item) => this.#tell(item),
      onEnd: (reason) => this.#tellEnd(this.#unknown(new BalancerError('transport', reason))),
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

  /**
   * Its upstream may have told nobody of it. Whatever others answer, the chain tells what becomes of it:
   * one that is included already is invalid to them.
   */
  #spread(isDoubtful = true): void {
    const { desk, transaction } = this.#options;
    const { signal } = this.#stop;
    desk.handOn(transaction, this.#since, { signal }, isDoubtful)?.catch(() => {});
  }

  /** What others say of it; `undefined` when nobody says anything and it is not found. */
  async #handOn(untilMs: number, isDoubtful = true): Promise<Reply | undefined> {
    const { desk, transaction } = this.#options;
    const gone = this.#gone();
    const deadlineMs = untilMs - desk.engine.clock.now();
    if (deadlineMs <= 0) return undefined;
    const handedOn = desk.handOn(
      transaction,
      this.#since,
      { deadlineMs, signal: gone },
      isDoubtful,
    );
    if (!handedOn) {
      if (!isDoubtful) return undefined;
      return (await this.#isThere(untilMs, false)) ? { kind: 'result', result: 'null' } : undefined;
    }
    try {
      return (await handedOn).reply;
    } catch (failure) {
      if (gone.aborted) throw this.#leaving(gone);
      if (!isBalancerError(failure)) throw failure;
      return undefined;
    }
  }

  async #isThere(untilMs: number, hasOtherNews: boolean): Promise<boolean> {
    const { desk, transaction } = this.#options;
    const search = new TransactionSearch({
      desk,
      transaction,
      since: this.#since,
      untilMs,
      hasOtherNews,
    });
    const gone = this.#gone();
    const onAbort = (): void => search.end(false);
    gone.addEventListener('abort', onAbort, { once: true });
    if (gone.aborted) onAbort();
    const isFound = await search.found;
    gone.removeEventListener('abort', onAbort);
    if (gone.aborted) throw this.#leaving(gone);
    if (!isFound && hasOtherNews && !search.isComplete) {
      throw this.#unknown(new BalancerError('transport', 'blocks were missed in which it may be'));
    }
    return isFound;
  }

  /** Aborted when the client ends the subscription, or gives up waiting for it. */
  #gone(): AbortSignal {
    const { signal } = this.#options.carried;
    return signal ? AbortSignal.any([this.#stop.signal, signal]) : this.#stop.signal;
  }

  #leaving({ reason }: AbortSignal): BalancerError {
    if (isBalancerError(reason)) return reason;
    return new BalancerError('cancelled', this.#options.carried.call.method, { cause: reason });
  }

  #unknown(cause: BalancerError): UnknownOutcomeError {
    const { transaction, carried } = this.#options;
    return new UnknownOutcomeError(carried.call.method, transaction.id, cause);
  }
}
