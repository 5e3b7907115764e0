import type { Answer } from '../call.ts';
import {
  BalancerError,
  NoEligibleUpstreamError,
  RetryBudgetExhaustedError,
  TimeoutError,
} from '../errors.ts';
import type { Selection } from '../selector/select.ts';
import { type Doubt, isSilence, type Outcome } from '../upstream/outcome.ts';
import { RunningAttempt } from '../upstream/running-attempt.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type AbortWatcher, unwatchAbort, watchAbort } from './abort-watch.ts';
import type { CallContext } from './call-context.ts';
import { describeReasons } from './describe-reasons.ts';
import type { Engine } from './engine.ts';
import { methodNotFound } from './method-not-found.ts';
import { raceOne } from './race.ts';
import { roundPauseMs } from './retry.ts';
import type { RunningCall } from './running-calls.ts';
import type { Tally, Vote } from './tally.ts';

/** How a fan-out goes about its work. */
export interface FanOutOptions {
  /** How many upstreams are asked, at most; another one takes the place of one that failed. */
  readonly width: number;
  /** How many are asked at once; the rest follow while the tally is undecided. */
  readonly start: number;
  /** With fewer answers than this there is none. @default 1 */
  readonly quorum?: number;
  readonly tally: Tally;
  /**
   * How long to wait for the others after the first answer, in milliseconds: one hung upstream must
   * not hold the rest up. Then what there is decides, or else one more is asked.
   */
  readonly graceMs: number;
  /**
   * When those that are silent are waited for no longer, on the engine's clock. Attempts under way go
   * on until the call's deadline. @default the call's deadline
   */
  readonly untilMs?: number;
  /** Told how each attempt ended, also one that ends when the answer has been given. */
  readonly onOutcome?: (upstream: string, outcome: Outcome) => void;
}

/** How often a quorum of upstreams is looked for while nothing changes, in milliseconds. */
const lookAgainMs = 100;

/**
 * Asks several upstreams and lets the tally decide. With nobody to ask it waits and fails as the
 * strategy `one` does; where one answer is not enough, it waits until there are more to ask. When
 * failures leave it undecided, a call that may be repeated, or that nobody has seen, is made anew after a pause, within the
 * deadline, the attempts of one call and the retry budget. Who lacks the best block that the call was
 * given has no voice; when that leaves it undecided, it is made anew for another block (`BestBlock`).
 *
 * @throws BalancerError `transport` when everybody asked failed or the tally stays undecided
 */
export async function fanOut(
  engine: Engine,
  context: CallContext,
  options: FanOutOptions,
  round = 0,
): Promise<Answer> {
  const { quorum = 1 } = options;
  if (quorum > 1) await quorumOf(engine, context, quorum);
  const nobody = engine.select(context.need, new Set(), engine.clock.now()).kind === 'none';
  if (!nobody) return askSeveral(engine, context, options, round);
  return new Promise((resolve, reject) => {
    raceOne(engine, context, { onAnswer: resolve, onFailure: reject });
  });
}

/** Resolves when there are enough to ask, or there is no point in asking; rejects when that takes too long. */
function quorumOf(engine: Engine, context: CallContext, quorum: number): Promise<void> {
  const { clock, deadlines, options } = engine;
  const { call, need, signal, deadlineAtMs, attempts, bestBlock } = context;
  const untilMs = Math.min(deadlineAtMs, clock.now() + options.upstreamWaitMs);
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined;
    let timer: ReturnType<typeof deadlines.add> | undefined;
    let watcher: AbortWatcher | undefined;
    const rest = (): void => {
      stop?.();
      if (timer !== undefined) deadlines.cancel(timer);
      timer = undefined;
    };
    const settle = (settled: () => void): void => {
      rest();
      engine.running.delete(waiting);
      if (watcher) unwatchAbort(watcher);
      settled();
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const waiting: RunningCall = { abandon: fail };
    const onAbort = (): void =>
      waiting.abandon(
        new BalancerError('cancelled', call.method, { cause: signal?.reason, attempts }),
      );
    const look = (): void => {
      rest();
      try {
        lookOnce();
      } catch (error) {
        // A selector of somebody else's may throw.
        fail(error);
      }
    };
    const lookOnce = (): void => {
      const found = new Set<string>();
      let selection = engine.select(need, found, clock.now());
      while (found.size < quorum && selection.kind === 'chosen') {
        found.add(selection.upstream.id);
        selection = engine.select(need, found, clock.now());
      }
      const isHopeless =
        found.size === 0 && selection.kind === 'none' && methodNotFound(selection.reasons);
      if (found.size >= quorum || isHopeless) {
        settle(resolve);
      } else if (lacksBlock(selection) && bestBlock?.chooseAnother(false, clock.now())) {
        lookOnce();
      } else if (clock.now() >= untilMs) {
        const reasons = selection.kind === 'none' ? describeReasons(selection.reasons) : '';
        const message = `${call.method}: ${quorum} must agree: ${reasons}`;
        waiting.abandon(new NoEligibleUpstreamError(message, { attempts }));
      } else {
        stop = engine.onChange(look);
        if (!stop) {
          const message = `more than ${options.maxWaiting} calls wait for an upstream`;
          waiting.abandon(new BalancerError('overloaded', message));
          return;
        }
        timer = deadlines.add(lookAgainMs, look);
      }
    };
    engine.running.add(waiting);
    if (signal?.aborted) {
      onAbort();
      return;
    }
    watcher = signal && watchAbort(signal, onAbort);
    look();
  });
}

function lacksBlock(selection: Selection): boolean {
  return selection.kind === 'none' && [...selection.reasons.values()].includes('lacks the block');
}

function askSeveral(
  engine: Engine,
  context: CallContext,
  options: FanOutOptions,
  round: number,
): Promise<Answer> {
  const tried = new Set<string>();
  return new Promise((resolve, reject) => {
    const { clock, deadlines, events } = engine;
    const { call, traits, attempts, deadlineAtMs, signal } = context;
    const votes: Vote[] = [];
    /** The word of those that lack the best block that the call was given: no voice in the matter. */
    const misses: Vote[] = [];
    let failures = 0;
    /** One that failed may have seen it. */
    let wasSent = false;
    /** Upstreams that took no submission, for reasons of their own. */
    let declines = 0;
    /** What the first upstream that failed said of it. */
    let complaint: Vote | undefined;
    /** Attempts that failed, perhaps by the call's own fault; and what is thought of them. */
    const doubtful: RunningAttempt[] = [];
    let doubt: Doubt = 'unknown';
    let outstanding = 0;
    let done = false;
    let lastFailure: BalancerError | undefined;
    let graceTimer: ReturnType<typeof deadlines.add> | undefined;
    let pauseTimer: ReturnType<typeof deadlines.add> | undefined;
    let watcher: AbortWatcher | undefined;

    const end = (): void => {
      done = true;
      for (const attempt of doubtful) attempt.upstream.settleDoubt(attempt, doubt);
      engine.running.delete(running);
      deadlines.cancel(deadline);
      if (graceTimer !== undefined) deadlines.cancel(graceTimer);
      if (pauseTimer !== undefined) deadlines.cancel(pauseTimer);
      if (watcher) unwatchAbort(watcher);
    };
    // One acceptance is an answer, and a submission is still to spread; a caller's leaving stops it.
    const owner = {
      isOver: false,
      settle: (attempt: RunningAttempt, outcome: Outcome): void =>
        orFail(() => settle(attempt, outcome)),
    };
    const fail = (error: unknown): void => {
      if (done) return;
      end();
      owner.isOver = true;
      reject(error);
    };
    /** A selector, a tally or a chain of somebody else's may throw: that ends the call, nothing more. */
    const orFail = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        fail(error);
      }
    };
    const running: RunningCall = { abandon: fail };
    engine.running.add(running);
    const finish = (vote: Vote): void => {
      if (done) return;
      if (vote === complaint) doubt = doubtful.length > 1 ? 'answered' : 'unknown';
      else if (vote.reply.kind === 'result') doubt = 'failed';
      end();
      owner.isOver = traits.kind !== 'submit';
      resolve({ reply: vote.reply, upstream: vote.upstream, attempts });
    };
    const onAbort = (): void =>
      fail(new BalancerError('cancelled', call.method, { cause: signal?.reason, attempts }));
    const { untilMs = deadlineAtMs } = options;
    const onDeadline = (): void => {
      const vote = options.tally(votes, 0);
      if (vote) finish(vote);
      else fail(new TimeoutError(`${call.method}: no answer before the deadline`, { attempts }));
    };
    const leftMs = Math.max(0, untilMs - clock.now());
    const deadline = deadlines.add(leftMs, () => orFail(onDeadline));
    if (signal?.aborted) {
      onAbort();
      return;
    }
    watcher = signal && watchAbort(signal, onAbort);

    const ask = (upstream: Upstream, panic: boolean): void => {
      tried.add(upstream.id);
      outstanding += 1;
      context.unanswered += 1;
      const startedMs = clock.now();
      const leftMs = Math.max(1, deadlineAtMs - startedMs);
      const timeoutMs = traits.idempotent
        ? Math.min(leftMs, engine.options.attemptTimeoutMs)
        : leftMs;
      const attempt = new RunningAttempt(upstream, call, traits, owner, startedMs, false);
      upstream.run(attempt, timeoutMs, panic);
    };
    const askMore = (): boolean => {
      if (tried.size - failures - declines - misses.length >= options.width) return false;
      // A pool that is full, or has no use for it, is no reason to ask the whole world.
      if (declines > 0 && tried.size >= engine.options.maxAttempts) return false;
      // Nor is a call that several of them stumble over.
      if (doubtful.length > 1 && tried.size >= options.width) return false;
      let selection = engine.select(context.need, tried, clock.now());
      // Besides one that has what the session has seen, those a block behind may take a submission, too:
      // the one that was first at a block may die with it.
      if (selection.kind === 'none' && traits.kind === 'submit' && tried.size > 0) {
        selection = engine.select({ ...context.need, seen: -1 }, tried, clock.now());
      }
      if (selection.kind === 'none') return false;
      ask(selection.upstream, selection.panic);
      return true;
    };
    const settle = (attempt: RunningAttempt, outcome: Outcome): void => {
      const { upstream, startedMs, endedMs } = attempt;
      outstanding -= 1;
      if (!isSilence(outcome)) context.unanswered -= 1;
      if (outcome.kind === 'missing' && outcome.lacksBlock) {
        upstream.state.noteLack(context.need);
      }
      const durationMs = endedMs - startedMs;
      if (events.has('attempt')) {
        const { method } = call;
        const won = !done && outcome.kind === 'answer';
        const kind = outcome.kind;
        events.emit('attempt', {
          method,
          upstream: upstream.id,
          durationMs,
          outcome: kind,
          hedge: false,
          won,
        });
      }
      options.onOutcome?.(upstream.id, outcome);
      const isDoubtful = outcome.kind === 'failure' && outcome.isDoubtful === true;
      if (isDoubtful) {
        if (done) upstream.settleDoubt(attempt, doubt);
        else doubtful.push(attempt);
      }
      if (done) return;
      attempts.push({
        upstream: upstream.id,
        durationMs,
        outcome: outcome.kind === 'answer' ? 'answered' : outcome.reason,
      });
      if (outcome.kind === 'failure') {
        failures += 1;
        wasSent ||= outcome.sent;
        lastFailure = outcome.error;
        // No voice in the matter, but better than silence about a submission.
        if (outcome.reply && outcome.sent && (!traits.idempotent || isDoubtful)) {
          complaint ??= { upstream: upstream.id, reply: outcome.reply };
        }
        decide(true);
        return;
      }
      const vote = { upstream: upstream.id, reply: outcome.reply };
      if (outcome.kind === 'missing' && outcome.lacksBlock && context.bestBlock) {
        misses.push(vote);
        decide(true);
        return;
      }
      votes.push(vote);
      const isDeclined = outcome.kind === 'missing' && traits.kind === 'submit';
      if (isDeclined) declines += 1;
      decide(isDeclined);
    };
    const mayRepeat = (): boolean =>
      (traits.idempotent || !wasSent) && attempts.length < engine.options.maxAttempts;
    /** @param failed the last one had no voice: another takes its place */
    const decide = (failed: boolean): void => {
      const vote = options.tally(votes, outstanding);
      if (vote) {
        finish(vote);
        return;
      }
      if (votes.length > 0) armGrace();
      // Those that are being asked may yet decide it; one that failed is replaced at once.
      if ((failed || outstanding === 0) && askMore()) return;
      if (outstanding > 0) return;
      const last = options.tally(votes, 0);
      if (last) finish(last);
      else if (misses.length > 0 && mayRepeat()) turnToAnotherBlock();
      else if (failures > (votes.length > 0 ? 0 : doubtful.length) && mayRepeat()) nextRound();
      else if (misses[0] && votes.length === 0) finishMissed(misses[0]);
      else if (complaint && votes.length === 0) finish(complaint);
      else if (lastFailure && votes.length === 0) {
        fail(
          new BalancerError(lastFailure.code, `${call.method}: ${lastFailure.rawMessage}`, {
            attempts,
            cause: lastFailure,
            origin: lastFailure.origin,
          }),
        );
      } else {
        const message = `${call.method}: ${votes.length} answers, and too few alike`;
        fail(new BalancerError('transport', message, { origin: 'upstream', attempts }));
      }
    };

    /** Nobody has it now, which passes: nodes that change over to another branch step back first. */
    const turnToAnotherBlock = (): void => {
      const isAnother = context.bestBlock?.chooseAnother(true, clock.now());
      if (!isAnother) context.bestBlock?.forgive();
      if (!isAnother || failures > 0) {
        nextRound();
        return;
      }
      end();
      resolve(fanOut(engine, context, options, round));
    };

    const finishMissed = (vote: Vote): void => {
      if (vote.reply.kind === 'error') {
        finish(vote);
        return;
      }
      // There is a best block: that there is none would be a lie.
      const message = `${call.method}: nobody has the best block now`;
      fail(new NoEligibleUpstreamError(message, { attempts }));
    };

    /** Those that failed may do better after a pause; by then there may be others, or none. */
    const nextRound = (): void => {
      if (pauseTimer !== undefined) return;
      // It would ask somebody in the pause.
      if (graceTimer !== undefined) deadlines.cancel(graceTimer);
      for (let retries = failures; retries > 0; retries -= 1) {
        if (engine.retryBudget.withdraw()) continue;
        const message = `${call.method}: too many calls fail to repeat this one`;
        fail(new RetryBudgetExhaustedError(message, { attempts, cause: lastFailure }));
        return;
      }
      pauseTimer = deadlines.add(roundPauseMs(round, engine.random), () => {
        end();
        resolve(fanOut(engine, context, options, round + 1));
      });
    };

    const armGrace = (): void => {
      graceTimer ??= deadlines.add(options.graceMs, () => {
        graceTimer = undefined;
        orFail(onGrace);
      });
    };
    const onGrace = (): void => {
      const winner = votes.length > 0 ? options.tally(votes, 0) : undefined;
      if (winner) finish(winner);
      else if (askMore()) armGrace();
    };

    orFail(() => {
      while (tried.size < options.start && askMore());
      // An answer alone may not be enough: then nobody's silence is waited for.
      if (!done && options.quorum !== undefined) armGrace();
    });
  });
}
