import type { Answer } from '../call.ts';
import { BalancerError, TimeoutError } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import type { CallContext, Policy } from './call-context.ts';
import type { Coalescer } from './coalesce.ts';

/**
 * Identical reads under way share one execution. Only reads whose answer is fixed by method and
 * params take part: sharing the moment's view of one node could take a session back in time.
 */
export function coalesceReads(
  coalescer: Coalescer<Answer>,
  clock: Clock,
  deadlineMs: number,
): Policy {
  return (next) => (context) => {
    const { traits, strategy, call } = context;
    const isFixed =
      traits.lifetime === 'constant' ||
      traits.lifetime === 'by-hash' ||
      traits.lifetime === 'by-number';
    // Labels and strategies ask for particular upstreams: such calls go their own way.
    const isPlain = strategy.kind === 'one' && context.need.labels === undefined;
    if (traits.kind !== 'read' || !isFixed || !isPlain) return next(context);
    // An answer good enough for one session may come from an upstream too old for another.
    const key = `${context.need.seen}\n${call.method}\n${call.params}`;
    if (!context.impatient) return coalescer.run(key, () => next(context));
    if (context.signal?.aborted) {
      const { reason } = context.signal;
      return Promise.reject(new BalancerError('cancelled', call.method, { cause: reason }));
    }
    // The shared execution belongs to nobody: no caller's signal or deadline may end it for others.
    const shared = coalescer.run(key, () => {
      const deadlineAtMs = Math.max(context.deadlineAtMs, clock.now() + deadlineMs);
      return next({ ...context, signal: undefined, deadlineAtMs });
    });
    return leaveEarly(shared, context, clock);
  };
}

/** Lets one caller go at its own deadline or signal, while the shared execution goes on. */
function leaveEarly(shared: Promise<Answer>, context: CallContext, clock: Clock): Promise<Answer> {
  const { signal, deadlineAtMs, call } = context;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      leave();
      reject(new BalancerError('cancelled', call.method, { cause: signal?.reason }));
    };
    const timer = clock.setTimeout(
      () => {
        leave();
        reject(new TimeoutError(`${call.method}: no answer before the deadline`));
      },
      Math.max(0, deadlineAtMs - clock.now()),
    );
    const leave = (): void => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    shared.then(
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
