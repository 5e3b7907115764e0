import type { Answer } from '../call.ts';
import { BalancerError, TimeoutError } from '../errors.ts';
import type { Reply } from '../json-rpc/message.ts';
import type { Outcome } from '../upstream/outcome.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { CallContext } from './call-context.ts';
import type { Engine, RunningCall } from './engine.ts';
import { raceOne } from './race.ts';
import type { Tally, Vote } from './tally.ts';

/** How a fan-out goes about its work. */
export interface FanOutOptions {
  /** How many upstreams are asked, at most. */
  readonly width: number;
  /** How many are asked at once; the rest follow while the tally is undecided. */
  readonly start: number;
  readonly tally: Tally;
  /**
   * How long to wait for the others after the first answer, in milliseconds: one hung upstream must
   * not hold the rest up. @default the deadline
   */
  readonly graceMs?: number;
}

/**
 * Asks several upstreams and lets the tally decide. With nobody to ask it waits and fails as the
 * strategy `one` does.
 *
 * @throws BalancerError `transport` when everybody asked failed or the tally stays undecided
 */
export function fanOut(
  engine: Engine,
  context: CallContext,
  options: FanOutOptions,
): Promise<Answer> {
  const tried = new Set<string>();
  const first = engine.select(context.need, tried);
  if (first.kind === 'none') return raceOne(engine, context);
  return new Promise((resolve, reject) => {
    const { clock, deadlines } = engine;
    const { call, traits, attempts, deadlineAtMs, signal } = context;
    const votes: Vote[] = [];
    let outstanding = 0;
    let done = false;
    let lastFailure: BalancerError | undefined;
    let graceTimer: ReturnType<typeof deadlines.add> | undefined;

    const end = (): void => {
      done = true;
      engine.running.delete(running);
      deadlines.cancel(deadline);
      if (graceTimer !== undefined) deadlines.cancel(graceTimer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: BalancerError): void => {
      if (done) return;
      end();
      reject(error);
    };
    const running: RunningCall = { abandon: fail };
    engine.running.add(running);
    const finish = (vote: Vote): void => {
      if (done) return;
      end();
      resolve({ reply: vote.reply, upstream: vote.upstream, attempts });
    };
    const onAbort = (): void =>
      fail(new BalancerError('cancelled', call.method, { cause: signal?.reason, attempts }));
    const deadline = deadlines.add(Math.max(0, deadlineAtMs - clock.now()), () => {
      const vote = options.tally(votes, 0);
      if (vote) finish(vote);
      else fail(new TimeoutError(`${call.method}: no answer before the deadline`, { attempts }));
    });
    if (signal?.aborted) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });

    const ask = (upstream: Upstream, panic: boolean): void => {
      tried.add(upstream.id);
      outstanding += 1;
      const startedMs = clock.now();
      void upstream
        .attempt(call, traits, Math.max(1, deadlineAtMs - startedMs), panic)
        .then((outcome) => settle(upstream, outcome, startedMs));
    };
    const askMore = (): boolean => {
      if (tried.size >= options.width) return false;
      const selection = engine.select(context.need, tried);
      if (selection.kind === 'none') return false;
      ask(selection.upstream, selection.panic);
      return true;
    };
    const settle = (upstream: Upstream, outcome: Outcome, startedMs: number): void => {
      outstanding -= 1;
      if (done) return;
      const durationMs = clock.now() - startedMs;
      attempts.push({
        upstream: upstream.id,
        durationMs,
        outcome: outcome.kind === 'answer' ? 'answered' : outcome.reason,
      });
      if (outcome.kind !== 'failure' || outcome.reply)
        votes.push({ upstream: upstream.id, reply: outcome.reply as Reply });
      if (outcome.kind === 'failure') lastFailure = outcome.error;
      decide();
    };
    const decide = (): void => {
      const vote = options.tally(votes, outstanding);
      if (vote) {
        finish(vote);
        return;
      }
      if (votes.length > 0 && options.graceMs !== undefined) {
        graceTimer ??= deadlines.add(options.graceMs, () => {
          const winner = options.tally(votes, 0);
          if (winner) finish(winner);
        });
      }
      if (askMore() || outstanding > 0) return;
      const last = options.tally(votes, 0);
      if (last) finish(last);
      else if (lastFailure && votes.length === 0) {
        fail(
          new BalancerError(lastFailure.code, `${call.method}: ${lastFailure.rawMessage}`, {
            attempts,
            cause: lastFailure,
            origin: lastFailure.origin,
          }),
        );
      } else {
        const message = `${call.method}: ${votes.length} upstreams gave different answers`;
        fail(new BalancerError('transport', message, { origin: 'upstream', attempts }));
      }
    };

    ask(first.upstream, first.panic);
    while (tried.size < options.start && askMore());
  });
}
