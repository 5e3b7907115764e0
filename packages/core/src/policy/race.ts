import type { Receiver } from '../call.ts';
import {
  BalancerError,
  NoEligibleUpstreamError,
  RetryBudgetExhaustedError,
  TimeoutError,
} from '../errors.ts';
import type { Reply } from '../json-rpc/message.ts';
import type { Ineligibility } from '../selector/eligibility.ts';
import type { Selection } from '../selector/select.ts';
import type { Alarm, DeadlineHandle } from '../time/deadlines.ts';
import { type Doubt, isSilence, type Outcome } from '../upstream/outcome.ts';
import { type AttemptOwner, RunningAttempt } from '../upstream/running-attempt.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type AbortWatcher, unwatchAbort, watchAbort } from './abort-watch.ts';
import type { CallContext } from './call-context.ts';
import { describeReasons } from './describe-reasons.ts';
import type { Engine } from './engine.ts';
import { hedgeDelay } from './hedge.ts';
import { Lull } from './lull.ts';
import { methodNotFound } from './method-not-found.ts';
import { isRepeatable, mayRetry, unknownOutcome } from './retry.ts';
import type { RunningCall } from './running-calls.ts';

/** Reasons that stay, whatever the upstream does next. */
const lasting: ReadonlySet<Ineligibility> = new Set([
  'lacks the method',
  'labels do not match',
  'pruned',
]);

const nobody: ReadonlySet<string> = new Set();

/**
 * How long those that say nothing are waited for once all others lack what was asked for, in milliseconds:
 * one that hangs must not hold up an answer that most likely is theirs, too.
 */
const graceMs = 2_000;

/** How often another upstream is looked for while the only one asked is slow, in milliseconds. */
const hedgeAgainMs = 250;

/** What is answered when nobody can answer better. */
interface Negative {
  readonly reply: Reply;
  readonly upstream: string;
  readonly isDoubtful: boolean;
  readonly lacksBlock: boolean;
}

type Chosen = Extract<Selection, { kind: 'chosen' }>;
type Missing = Extract<Outcome, { kind: 'missing' }>;

/** The strategy `one`: one upstream answers; others are asked when it fails or dawdles. */
export function raceOne(engine: Engine, context: CallContext, receiver: Receiver): void {
  new Race(engine, context, receiver).start();
}

/**
 * One call's attempts.
 *
 * 1. The best upstream is asked.
 * 2. It answers: done. The first answer wins, whoever it is from; later ones only teach.
 * 3. It takes longer than the method usually does: another one is asked as well (hedge).
 * 4. It lacks what was asked for, or fails: another one is asked at once.
 * 5. All have been asked: what they say they lack is the answer, also when one of them says nothing for
 *    two seconds more. If they failed, everybody is
 *    asked again after a pause, or as soon as something changes.
 * 6. One fails in a way that may be the call's own fault: as in 4, and it counts against that one only
 *    if another gives a result. When all say so, or the budget allows no more, it is the answer.
 * 7. Nobody has the best block that the call was given: it is given another one (`BestBlock`).
 * 8. Deadline, signal, attempts and retry budget end it in any case.
 */
class Race implements RunningCall, AttemptOwner, Alarm {
  readonly #engine: Engine;
  readonly #context: CallContext;
  readonly #receiver: Receiver;
  /** Made for the second attempt, which most calls do not need. */
  #tried: Set<string> | undefined;
  #firstTried: string | undefined;
  #running = 0;
  #started = 0;
  #failures = 0;
  #hedges = 0;
  #done = false;
  #lastFailure: BalancerError | undefined;
  /** The first upstream's word that it lacks what was asked for; until then a doubtful failure's. */
  #negative: Negative | undefined;
  /** Attempts that failed, perhaps by the call's own fault. */
  #doubtful: RunningAttempt[] | undefined;
  /** What is thought of them, once it is over. */
  #doubt: Doubt = 'unknown';
  /** Always set, for whatever is next: a hedge, or the deadline. */
  #timer: DeadlineHandle | undefined;
  #isHedgeNext = false;
  /** It is set to the end of the wait for those that say nothing, while others lack what was asked for. */
  #isGraceNext = false;
  /** Made for the first time in which nobody can be asked, which most calls do not have. */
  #lull: Lull | undefined;
  #abortWatcher: AbortWatcher | undefined;
  isRunning = false;
  previousRunning: RunningCall | undefined = undefined;
  nextRunning: RunningCall | undefined = undefined;

  constructor(engine: Engine, context: CallContext, receiver: Receiver) {
    this.#engine = engine;
    this.#context = context;
    this.#receiver = receiver;
  }

  start(): void {
    const { signal } = this.#context;
    if (signal) {
      if (signal.aborted) {
        this.#cancel(signal);
        return;
      }
      this.#abortWatcher = watchAbort(signal, () => this.#cancel(signal));
    }
    this.#engine.running.add(this);
    this.#engine.retryBudget.deposit();
    this.#next();
    if (!this.#done && this.#timer === undefined) this.#armDeadline(this.#engine.clock.now());
  }

  /** Told to attempts: what is over need not begin. */
  get isOver(): boolean {
    return this.#done;
  }

  abandon(error: BalancerError): void {
    this.#fail(error);
  }

  #cancel(signal: AbortSignal): void {
    const { method } = this.#context.call;
    this.#fail(new BalancerError('cancelled', method, this.#details(signal.reason)));
  }

  /** Starts one more attempt, or finds out that there is nothing to start. */
  #next(): void {
    if (this.#done) return;
    if (this.#started >= this.#engine.options.maxAttempts) {
      this.#giveUp();
      return;
    }
    const nowMs = this.#engine.clock.now();
    const selection = this.#choose(nowMs);
    if (selection?.kind === 'chosen') this.#launch(selection, nowMs, false);
    else if (selection && this.#running === 0) this.#exhausted(selection.reasons);
    else if (this.#negative?.isDoubtful === false) this.#awaitRest(nowMs);
  }

  /** A selector of somebody else's may throw: that ends the call, and nothing of those around it. */
  #choose(nowMs: number): Selection | undefined {
    try {
      return this.#engine.select(this.#context.need, this.#triedSoFar(), nowMs);
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #launch({ upstream, panic }: Chosen, nowMs: number, hedge: boolean): void {
    const { options } = this.#engine;
    const { call, traits, deadlineAtMs } = this.#context;
    const leftMs = Math.max(1, deadlineAtMs - nowMs);
    // A call that must not be repeated has nothing to gain from giving up early.
    const timeoutMs = traits.idempotent ? Math.min(leftMs, options.attemptTimeoutMs) : leftMs;
    if (this.#tried) this.#tried.add(upstream.id);
    else this.#firstTried = upstream.id;
    this.#running += 1;
    this.#started += 1;
    this.#context.unanswered += 1;
    if (!this.#isHedgeNext) this.#arm(nowMs);
    // Last, because it may be over before this returns.
    upstream.run(new RunningAttempt(upstream, call, traits, this, nowMs, hedge), timeoutMs, panic);
  }

  #triedSoFar(): ReadonlySet<string> {
    if (this.#firstTried === undefined) return nobody;
    this.#tried ??= new Set([this.#firstTried]);
    return this.#tried;
  }

  /** Sets the timer to the next hedge, or to the deadline when that comes first. */
  #arm(nowMs: number): void {
    const { latencies, options, deadlines } = this.#engine;
    const { call, traits, deadlineAtMs } = this.#context;
    const delayMs =
      this.#hedges < options.hedge.maxHedges
        ? hedgeDelay(call.method, traits, latencies, options.hedge, nowMs)
        : undefined;
    if (delayMs === undefined || nowMs + delayMs >= deadlineAtMs) {
      if (this.#timer === undefined) this.#armDeadline(nowMs);
      return;
    }
    if (this.#timer !== undefined) deadlines.cancel(this.#timer);
    this.#isHedgeNext = true;
    this.#timer = deadlines.add(delayMs, this, nowMs);
  }

  #armDeadline(nowMs: number): void {
    const leftMs = Math.max(0, this.#context.deadlineAtMs - nowMs);
    this.#timer = this.#engine.deadlines.add(leftMs, this, nowMs);
  }

  /** The timer: for a hedge, or the deadline. */
  ring(): void {
    if (this.#isGraceNext) this.#endGrace();
    else if (this.#isHedgeNext) this.#hedge();
    else this.#timeOut();
  }

  /** Nobody else can be asked, and those that answered lack it. */
  #awaitRest(nowMs: number): void {
    if (this.#isGraceNext || nowMs + graceMs >= this.#context.deadlineAtMs) return;
    const { deadlines } = this.#engine;
    if (this.#timer !== undefined) deadlines.cancel(this.#timer);
    this.#isHedgeNext = false;
    this.#isGraceNext = true;
    this.#timer = deadlines.add(graceMs, this, nowMs);
  }

  #endGrace(): void {
    this.#isGraceNext = false;
    const nowMs = this.#engine.clock.now();
    this.#armDeadline(nowMs);
    const selection = this.#choose(nowMs);
    if (selection?.kind === 'chosen') this.#launch(selection, nowMs, true);
    // Of the best block it is no answer.
    else if (this.#negative && !this.#isBestMissed()) this.#finishNegative(this.#negative);
  }

  #timeOut(): void {
    const message = `${this.#context.call.method}: no answer before the deadline`;
    this.#fail(new TimeoutError(message, this.#details()));
  }

  #hedge(): void {
    this.#isHedgeNext = false;
    const nowMs = this.#engine.clock.now();
    this.#armDeadline(nowMs);
    this.#launchHedge(nowMs);
  }

  #launchHedge(nowMs: number): void {
    const { options, retryBudget } = this.#engine;
    if (this.#done || this.#running === 0 || this.#started >= options.maxAttempts) return;
    const selection = this.#choose(nowMs);
    if (selection?.kind === 'none') {
      if (this.#negative?.isDoubtful === false) this.#awaitRest(nowMs);
      else this.#hedgeLater(nowMs);
      return;
    }
    // The first hedge is as free as the first failover: a hung upstream is a failed one.
    if (!selection || (this.#hedges > 0 && !retryBudget.withdraw())) return;
    this.#hedges += 1;
    this.#launch(selection, nowMs, true);
  }

  /** Nobody else may answer now; the one that hangs may have been the first to have a block, by moments. */
  #hedgeLater(nowMs: number): void {
    if (nowMs + hedgeAgainMs >= this.#context.deadlineAtMs) return;
    const { deadlines } = this.#engine;
    if (this.#timer !== undefined) deadlines.cancel(this.#timer);
    this.#isHedgeNext = true;
    this.#timer = deadlines.add(hedgeAgainMs, this, nowMs);
  }

  settle(attempt: RunningAttempt, outcome: Outcome): void {
    try {
      this.#settle(attempt, outcome);
    } catch (error) {
      // A chain of somebody else's may throw.
      this.#fail(error);
    }
  }

  #settle(attempt: RunningAttempt, outcome: Outcome): void {
    const { latencies, events } = this.#engine;
    const { upstream, startedMs, endedMs: nowMs, isHedge: hedge } = attempt;
    const { call, traits, attempts } = this.#context;
    const durationMs = nowMs - startedMs;
    this.#running -= 1;
    if (!isSilence(outcome)) this.#context.unanswered -= 1;
    if (outcome.kind !== 'failure') latencies.observe(call.method, durationMs, nowMs);
    if (outcome.kind === 'missing' && outcome.lacksBlock) {
      upstream.state.noteLack(this.#context.need);
    }
    if (events.has('attempt')) {
      events.emit('attempt', {
        method: call.method,
        upstream: upstream.id,
        durationMs,
        outcome: outcome.kind,
        hedge,
        won: !this.#done && outcome.kind === 'answer',
      });
    }
    const isDoubtful = outcome.kind === 'failure' && outcome.isDoubtful === true;
    if (isDoubtful) {
      if (this.#done) upstream.settleDoubt(attempt, this.#doubt);
      else {
        this.#doubtful ??= [];
        this.#doubtful.push(attempt);
      }
    }
    if (this.#done) return;
    const said = outcome.kind === 'answer' ? 'answered' : outcome.reason;
    const told = { upstream: upstream.id, durationMs, outcome: said };
    attempts.push(hedge ? { ...told, hedge } : told);
    if (outcome.kind === 'answer') {
      // An error is the caller's mistake, which the others may have met in words of their own.
      this.#finish(
        outcome.reply,
        upstream.id,
        outcome.reply.kind === 'result' ? 'failed' : 'unknown',
      );
      return;
    }
    if (outcome.kind === 'missing') this.#noteMissing(outcome, upstream);
    else this.#noteFailure(outcome, upstream);
    if (this.#done) return;
    if (!isRepeatable(traits, outcome)) {
      if (this.#running === 0) this.#giveUp();
    } else if (outcome.kind === 'missing' || mayRetry(this.#failures, this.#engine.retryBudget)) {
      this.#next();
    } else if (this.#running === 0 && this.#negative) {
      this.#finishNegative(this.#negative);
    } else if (this.#running === 0) {
      this.#fail(
        new RetryBudgetExhaustedError(
          `${call.method}: too many calls fail to repeat this one`,
          this.#details(this.#lastFailure),
        ),
      );
    }
  }

  #noteFailure(outcome: Extract<Outcome, { kind: 'failure' }>, upstream: Upstream): void {
    this.#failures += 1;
    if (outcome.isDoubtful && outcome.reply) {
      const { reply } = outcome;
      this.#negative ??= { reply, upstream: upstream.id, isDoubtful: true, lacksBlock: false };
    } else this.#lastFailure = outcome.error;
    // What an upstream said of its own failure is the best answer to a call that cannot be repeated.
    if (outcome.reply && outcome.sent && !this.#context.traits.idempotent) {
      this.#finish(outcome.reply, upstream.id);
    }
  }

  /** The first word that something is lacking says most. */
  #noteMissing({ reply, lacksBlock }: Missing, { id }: Upstream): void {
    if (this.#negative?.isDoubtful === false) return;
    this.#negative = { reply, upstream: id, isDoubtful: false, lacksBlock };
  }

  #finishNegative({ reply, upstream, isDoubtful }: Negative): void {
    if (reply.kind === 'result' && this.#isBestMissed()) {
      // There is a best block: that there is none would be a lie.
      const { method } = this.#context.call;
      this.#fail(
        new NoEligibleUpstreamError(`${method}: nobody has the best block now`, this.#details()),
      );
      return;
    }
    // As many as could be asked said the same, and nobody better.
    this.#finish(reply, upstream, isDoubtful ? 'answered' : 'unknown');
  }

  /** Nobody is left to ask, and nobody is being asked. */
  #exhausted(reasons: ReadonlyMap<string, Ineligibility>): void {
    if (this.#turnsToAnotherBlock(reasons)) return;
    // Who could not be talked to may yet answer what others doubt.
    if (this.#negative && !(this.#negative.isDoubtful && this.#lastFailure)) {
      this.#finishNegative(this.#negative);
      return;
    }
    const notFound = methodNotFound(reasons);
    if (notFound) {
      this.#finish(notFound, undefined);
      return;
    }
    const found = new Set(reasons.values());
    // What no waiting changes is told at once.
    if (found.size > 0 && [...found].every((reason) => lasting.has(reason))) {
      this.#fail(new NoEligibleUpstreamError(describeReasons(reasons), this.#details()));
      return;
    }
    if (found.has('already tried')) this.#pause();
    else this.#wait(reasons);
  }

  /** Gives a call about the best block another one when nobody is left to ask for this one. */
  #turnsToAnotherBlock(reasons: ReadonlyMap<string, Ineligibility>): boolean {
    const { bestBlock } = this.#context;
    if (!bestBlock) return false;
    const isMissed = this.#isBestMissed();
    if (!isMissed && ![...reasons.values()].includes('lacks the block')) return false;
    if (bestBlock.chooseAnother(isMissed, this.#engine.clock.now())) {
      this.#startOver();
      this.#next();
      return true;
    }
    // Nobody has it now, which passes: nodes that change over to another branch step back first.
    if (isMissed) this.#pause();
    return isMissed;
  }

  /** The call is about the best block, and one that was asked for it has no such block. */
  #isBestMissed(): boolean {
    return this.#context.bestBlock !== undefined && this.#negative?.lacksBlock === true;
  }

  /** Everybody may be tried again. */
  #startOver(): void {
    this.#tried?.clear();
    if (this.#isBestMissed()) this.#negative = undefined;
  }

  /** Everybody failed once: after a short pause everybody may be tried again. */
  #pause(): void {
    this.#startOver();
    // What was missed may be there by then.
    this.#context.bestBlock?.forgive();
    this.#takeLull().pause();
  }

  /** Nobody may serve now: waits for a change, within bounds. */
  #wait(reasons: ReadonlyMap<string, Ineligibility>): void {
    const waits = this.#takeLull().wait();
    if (waits === 'too long') {
      this.#fail(
        new NoEligibleUpstreamError(describeReasons(reasons), this.#details(this.#lastFailure)),
      );
    } else if (waits === 'too many') {
      const message = `more than ${this.#engine.options.maxWaiting} calls wait for an upstream`;
      this.#fail(new BalancerError('overloaded', message, this.#details()));
    }
  }

  #takeLull(): Lull {
    this.#lull ??= new Lull(this.#engine, () => this.#next());
    return this.#lull;
  }

  /** No further attempt is allowed, and none that runs can be waited for. */
  #giveUp(): void {
    if (this.#running > 0) return;
    if (this.#negative) {
      this.#finishNegative(this.#negative);
      return;
    }
    const failure = this.#lastFailure;
    const { call } = this.#context;
    this.#fail(
      new BalancerError(
        failure?.code ?? 'transport',
        `${call.method}: ${failure?.rawMessage ?? 'no attempt is left'}${this.#unknownOutcome()}`,
        { ...this.#details(failure), origin: failure?.origin ?? 'local' },
      ),
    );
  }

  /** Promise 4: a submission that nobody answered is unknown, and the caller is told so. */
  #unknownOutcome(): string {
    const { traits, unanswered } = this.#context;
    return unanswered > 0 && !traits.idempotent ? unknownOutcome : '';
  }

  #finish(reply: Reply, upstream: string | undefined, doubt: Doubt = 'unknown'): void {
    if (this.#done) return;
    this.#doubt = doubt;
    this.#end();
    this.#receiver.onAnswer({ reply, upstream, attempts: this.#context.attempts });
  }

  #fail(error: unknown): void {
    if (this.#done) return;
    this.#end();
    this.#receiver.onFailure(error);
  }

  #end(): void {
    this.#done = true;
    if (this.#doubtful) {
      for (const attempt of this.#doubtful) attempt.upstream.settleDoubt(attempt, this.#doubt);
      this.#doubtful = undefined;
    }
    const { deadlines, running } = this.#engine;
    running.delete(this);
    if (this.#timer !== undefined) deadlines.cancel(this.#timer);
    this.#lull?.end();
    if (this.#abortWatcher) unwatchAbort(this.#abortWatcher);
  }

  #details(cause?: unknown): { attempts: CallContext['attempts']; cause?: unknown } {
    const { attempts } = this.#context;
    return cause === undefined ? { attempts } : { attempts, cause };
  }
}
