import type { Answer } from '../call.ts';
import { type Attempt, BalancerError, TimeoutError } from '../errors.ts';
import { unwatchAbort, watchAbort } from './abort-watch.ts';
import type { Policy } from './call-context.ts';
import type { Coalescer, Execution } from './coalesce.ts';
import type { Engine } from './engine.ts';

/**
 * Identical reads under way share one execution. Only reads whose answer is fixed by method and
 * params take part: sharing the moment's view of one node could take a session back in time.
 */
export function coalesceReads(
  coalescer: Coalescer<Answer, readonly Attempt[]>,
  engine: Engine,
): Policy {
  return (next) => (context) => {
    const { traits, strategy, call, signal, hasOwnDeadline } = context;
    const isFixed =
      traits.lifetime === 'constant' ||
      traits.lifetime === 'by-hash' ||
      traits.lifetime === 'by-number';
    // Labels and strategies ask for particular upstreams: such calls go their own way.
    const isPlain = strategy.kind === 'one' && context.need.labels === undefined;
    if (traits.kind !== 'read' || !isFixed || !isPlain) return next(context);
    // An answer good enough for one session may come from an upstream too old for another.
    const key = `${context.need.seen}\n${call.method}\n${call.params}`;
    if (signal === undefined && !hasOwnDeadline) {
      return coalescer.run(key, () => next(context), context.attempts).outcome;
    }
    if (signal?.aborted) {
      return Promise.reject(new BalancerError('cancelled', call.method, { cause: signal.reason }));
    }
    const { deadlineAtMs } = context;
    // The shared execution belongs to nobody: no caller's signal or deadline may end it for others.
    const start = (): Promise<Answer> => {
      context.signal = undefined;
      if (hasOwnDeadline) {
        const usualMs = engine.clock.now() + engine.options.deadlineMs;
        context.deadlineAtMs = Math.max(deadlineAtMs, usualMs);
      }
      return next(context);
    };
    const shared = coalescer.run(key, start, context.attempts);
    const ownDeadlineAtMs = hasOwnDeadline ? deadlineAtMs : undefined;
    return leaveEarly(shared, call.method, engine, signal, ownDeadlineAtMs);
  };
}

/**
 * Lets one caller go at its own deadline or signal, told what was tried so far, while the shared
 * execution goes on.
 */
function leaveEarly(
  { outcome, note: attempts }: Execution<Answer, readonly Attempt[]>,
  method: string,
  { clock, deadlines }: Engine,
  signal: AbortSignal | undefined,
  deadlineAtMs: number | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const watcher =
      signal &&
      watchAbort(signal, () => {
        leave();
        const { reason: cause } = signal;
        reject(new BalancerError('cancelled', method, { cause, attempts: [...attempts] }));
      });
    const timer =
      deadlineAtMs !== undefined &&
      deadlines.add(Math.max(0, deadlineAtMs - clock.now()), () => {
        leave();
        const message = `${method}: no answer before the deadline`;
        reject(new TimeoutError(message, { attempts: [...attempts] }));
      });
    const leave = (): void => {
      if (timer) deadlines.cancel(timer);
      if (watcher) unwatchAbort(watcher);
    };
    outcome.then(
      (answer) => {
        leave();
        resolve(answer);
      },
      (error: unknown) => {
        leave();
        reject(error);
      },
    );
  });
}
