import type { Answer, Receiver } from '../call.ts';
import type { Block, MethodTraits, Strategy } from '../chain/chain.ts';
import type { Transaction } from '../chain/submissions.ts';
import { BalancerError, isBalancerError, UnknownOutcomeError } from '../errors.ts';
import type { CallContext } from '../policy/call-context.ts';
import { fanOut } from '../policy/fan-out.ts';
import type { RunningCall } from '../policy/running-calls.ts';
import { delay } from '../time/clock.ts';
import type { Outcome } from '../upstream/outcome.ts';
import type { SubmissionDesk } from './desk.ts';
import { mostTelling } from './most-telling.ts';
import { isPending } from './pending.ts';
import { TransactionSearch } from './transaction-search.ts';

/** A rejection is not believed sooner while others may still accept, in milliseconds. */
const graceMs = 5_000;
const nobody: ReadonlySet<string> = new Set();
/** Pause before it is sent again where nobody said anything, in milliseconds. */
const sendAgainMs = 1_000;

/**
 * Submits one transaction and finds out what became of it (promise 4).
 *
 * 1. It goes to several upstreams at once; one that fails or does not take it is replaced.
 * 2. Any acceptance is the answer, also one that comes late, while it is being looked for.
 * 3. "Already known" is success when a send of our own was accepted or had no answer; otherwise it is
 *    told as it is.
 * 4. A rejection that another send of ours could explain is believed once the transaction was looked
 *    for in pools and in blocks, all of them. Every other rejection is told at once.
 * 5. Where nobody said anything it is looked for until the deadline, then reported as unknown. Meanwhile it
 *    is sent to whoever comes back, within the attempts of one call: it takes effect once at most.
 *
 * Half of the time, and at most the time for one attempt, is for sending; the rest is for looking.
 */
export class Submission {
  readonly #desk: SubmissionDesk;
  readonly #context: CallContext;
  readonly #transaction: Transaction;
  #search: TransactionSearch | undefined;
  /** An upstream answered with a failure of its own: it may have got further than it says. */
  #hasFailed = false;
  /** An acceptance that came after the sending was over. */
  #late: Answer | undefined;

  constructor(desk: SubmissionDesk, context: CallContext, transaction: Transaction) {
    this.#desk = desk;
    this.#context = context;
    this.#transaction = transaction;
  }

  /** Never throws: `receiver` is told. */
  start(receiver: Receiver): void {
    this.#run().then(
      (answer) => receiver.onAnswer(answer),
      (error: unknown) => receiver.onFailure(error),
    );
  }

  async #run(): Promise<Answer> {
    const desk = this.#desk;
    const transaction = this.#transaction;
    const since = desk.since(transaction);
    const wasDoubtful = desk.isDoubtful(transaction);
    const wasAccepted = desk.wasAccepted(transaction);
    const sent = await this.#send();
    const isOpen = wasDoubtful || this.#context.unanswered > 0;
    if ('failure' in sent) {
      const { failure } = sent;
      if (!isOpen || !isBalancerError(failure) || failure.code === 'cancelled') throw failure;
      // A closed engine asks nobody any more.
      if (failure.code !== 'closed') {
        const found = await this.#look(since, false);
        if (found === 'there') return this.#accepted(since);
      }
      desk.doubt(transaction, since);
      throw this.#unknown(failure);
    }
    const { reply } = sent.answer;
    if (reply.kind === 'result') {
      desk.accepted(transaction, since, this.#context.session);
      return sent.answer;
    }
    const verdict = desk.submissions.judge(reply.error);
    if (verdict === 'known' && wasAccepted) return this.#accepted(since);
    if (verdict === 'rejected' || !(isOpen || this.#hasFailed)) return sent.answer;
    if (verdict === 'known') return this.#accepted(since);
    // Somebody's silence is explained by nothing but what a pool says of the transaction itself.
    const hasOtherNews = verdict === 'contestable' || !isOpen;
    const found = await this.#look(since, hasOtherNews);
    if (found === 'there') return this.#accepted(since);
    if (hasOtherNews && found === 'nowhere') return sent.answer;
    desk.doubt(transaction, since);
    throw this.#unknown(new BalancerError('transport', reply.error.message));
  }

  async #send(): Promise<{ readonly answer: Answer } | { readonly failure: unknown }> {
    const { engine, submissions } = this.#desk;
    const context = this.#context;
    const nowMs = engine.clock.now();
    const width = widthOf(context.strategy, context.traits, engine.options.submitWidth);
    const halfMs = (context.deadlineAtMs - nowMs) / 2;
    try {
      const answer = await fanOut(engine, context, {
        width,
        start: width,
        tally: mostTelling(submissions),
        graceMs,
        untilMs: nowMs + Math.min(halfMs, engine.options.attemptTimeoutMs),
        onOutcome: (upstream, outcome) => this.#hear(upstream, outcome),
      });
      return { answer };
    } catch (failure) {
      return { failure };
    }
  }

  #hear(upstream: string, outcome: Outcome): void {
    if (outcome.kind === 'failure' && outcome.sent) this.#hasFailed = true;
    if (outcome.kind !== 'answer' || outcome.reply.kind !== 'result') return;
    const { attempts } = this.#context;
    this.#late ??= { reply: outcome.reply, upstream, attempts };
    this.#search?.end(true);
  }

  /** `unsure`: in nothing that could be searched. */
  async #look(
    since: Block | undefined,
    hasOtherNews: boolean,
  ): Promise<'there' | 'nowhere' | 'unsure'> {
    if (this.#late) return 'there';
    const { engine } = this.#desk;
    const { deadlineAtMs, signal, call, attempts } = this.#context;
    const search = new TransactionSearch({
      desk: this.#desk,
      transaction: this.#transaction,
      since,
      untilMs: deadlineAtMs,
      hasOtherNews,
    });
    this.#search = search;
    let ended: BalancerError | undefined;
    const running: RunningCall = {
      abandon: (error) => {
        ended = error;
        search.end(false);
      },
    };
    const onAbort = (): void =>
      running.abandon(
        new BalancerError('cancelled', call.method, { cause: signal?.reason, attempts }),
      );
    engine.running.add(running);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const over = new AbortController();
    // What an upstream has said of it is not asked for again.
    if (!hasOtherNews) void this.#sendAgain(search, over.signal);
    const isFound = await search.found;
    over.abort();
    engine.running.delete(running);
    signal?.removeEventListener('abort', onAbort);
    if (ended?.code === 'cancelled') throw ended;
    if (isFound) return 'there';
    return search.isComplete ? 'nowhere' : 'unsure';
  }

  /** Ends the search when somebody takes it, or knows it. */
  async #sendAgain(search: TransactionSearch, signal: AbortSignal): Promise<void> {
    const { engine, submissions } = this.#desk;
    const { attempts, deadlineAtMs, traits, strategy, need } = this.#context;
    for (;;) {
      await delay(engine.clock, sendAgainMs, signal).catch(() => {});
      const left = engine.options.maxAttempts - attempts.length;
      if (signal.aborted || left <= 0) return;
      if (engine.select(need, nobody, engine.clock.now()).kind === 'none') continue;
      // A transaction over which nodes die is not given to one that has it.
      if (await isPending(engine, submissions, this.#transaction)) {
        search.end(true);
        return;
      }
      if (signal.aborted) return;
      const width = Math.min(left, widthOf(strategy, traits, engine.options.submitWidth));
      const context = { ...this.#context, signal, unanswered: 0 };
      try {
        const answer = await fanOut(engine, context, {
          width,
          start: width,
          tally: mostTelling(submissions),
          graceMs,
          untilMs: deadlineAtMs,
        });
        const { reply } = answer;
        if (reply.kind === 'result') this.#late ??= answer;
        else if (submissions.judge(reply.error) !== 'known') continue;
        search.end(true);
      } catch {
        // Lost once more, or over: the search goes on, and has the last word.
      }
    }
  }

  /** Its own answer where an upstream accepted late, else what every upstream would have said. */
  #accepted(since: Block | undefined): Answer {
    const { session, attempts } = this.#context;
    this.#desk.accepted(this.#transaction, since, session);
    const result = JSON.stringify(this.#transaction.id);
    return this.#late ?? { reply: { kind: 'result', result }, upstream: undefined, attempts };
  }

  #unknown(cause: BalancerError): UnknownOutcomeError {
    const { call, attempts } = this.#context;
    return new UnknownOutcomeError(call.method, this.#transaction.id, cause, { attempts });
  }
}

/** A strategy of the caller's own outweighs the options, and those outweigh the method's row. */
function widthOf(
  strategy: Strategy,
  traits: MethodTraits,
  submitWidth: number | undefined,
): number {
  if (strategy === traits.strategy && submitWidth !== undefined) return submitWidth;
  return strategy.kind === 'broadcast' ? strategy.width : 1;
}
