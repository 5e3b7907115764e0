import type { Answer, Receiver } from '../call.ts';
import { type Attempt, BalancerError, TimeoutError } from '../errors.ts';
import type { DeadlineHandle } from '../time/deadlines.ts';
import { type AbortWatcher, unwatchAbort, watchAbort } from './abort-watch.ts';
import type { CallContext, Policy } from './call-context.ts';
import type { Coalescer } from './coalesce.ts';
import type { Engine } from './engine.ts';

/**
 * Identical reads under way share one execution. Only reads whose answer is fixed by method and
 * params take part: sharing the moment's view of one node could take a session back in time.
 */
export function coalesceReads(coalescer: Coalescer, engine: Engine): Policy {
  return (next) => (context, receiver) => {
    if (!isShareable(context)) {
      next(context, receiver);
      return;
    }
    const { call, signal, hasOwnDeadline, deadlineAtMs } = context;
    if (signal?.aborted) {
      receiver.onFailure(new BalancerError('cancelled', call.method, { cause: signal.reason }));
      return;
    }
    // An answer good enough for one session may come from an upstream too old for another.
    // A height names another block after a reorg. A call about the best block may end at another one.
    const block = context.traits.lifetime === 'by-number' ? (context.need.hash ?? '') : '';
    const best = context.bestBlock ? 'best' : '';
    const key = `${context.need.seen}\n${block}\n${best}\n${call.method}\n${call.params}`;
    const running = coalescer.get(key);
    const attempts = running?.attempts ?? context.attempts;
    const ownDeadlineAtMs = hasOwnDeadline ? deadlineAtMs : undefined;
    const waiting =
      signal === undefined && ownDeadlineAtMs === undefined
        ? receiver
        : new Impatient(receiver, engine, call.method, attempts, signal, ownDeadlineAtMs);
    // Nothing may throw from here on: what nobody carries out would keep all who join it waiting.
    const shared = running ?? coalescer.start(key, attempts);
    shared.join(waiting);
    if (running) {
      context.bestBlock = running.bestBlock;
      return;
    }
    shared.bestBlock = context.bestBlock;
    // The shared execution belongs to nobody: no caller's signal or deadline may end it for others.
    context.signal = undefined;
    if (hasOwnDeadline) {
      const usualMs = engine.clock.now() + engine.options.deadlineMs;
      context.deadlineAtMs = Math.max(deadlineAtMs, usualMs);
    }
    try {
      next(context, shared);
    } catch (error) {
      shared.onFailure(error);
    }
  };
}

function isShareable({ traits, strategy, need }: CallContext): boolean {
  const isFixed =
    traits.lifetime === 'constant' ||
    traits.lifetime === 'by-hash' ||
    traits.lifetime === 'by-number';
  // Labels and strategies ask for particular upstreams: such calls go their own way.
  const isPlain = strategy.kind === 'one' && need.labels === undefined;
  return traits.kind === 'read' && isFixed && isPlain;
}

/**
 * A caller with a deadline or a signal of its own: it leaves by these, told what was tried so far,
 * while the shared execution goes on.
 */
class Impatient implements Receiver {
  readonly #receiver: Receiver;
  readonly #engine: Engine;
  #timer: DeadlineHandle | undefined;
  #watcher: AbortWatcher | undefined;
  #gone = false;

  constructor(
    receiver: Receiver,
    engine: Engine,
    method: string,
    attempts: readonly Attempt[],
    signal: AbortSignal | undefined,
    deadlineAtMs: number | undefined,
  ) {
    this.#receiver = receiver;
    this.#engine = engine;
    if (signal !== undefined) {
      this.#watcher = watchAbort(signal, () => {
        const { reason: cause } = signal;
        this.onFailure(new BalancerError('cancelled', method, { cause, attempts: [...attempts] }));
      });
    }
    if (deadlineAtMs !== undefined) {
      this.#timer = engine.deadlines.add(Math.max(0, deadlineAtMs - engine.clock.now()), () => {
        const message = `${method}: no answer before the deadline`;
        this.onFailure(new TimeoutError(message, { attempts: [...attempts] }));
      });
    }
  }

  onAnswer(answer: Answer): void {
    if (this.#gone) return;
    this.#leave();
    this.#receiver.onAnswer(answer);
  }

  onFailure(error: unknown): void {
    if (this.#gone) return;
    this.#leave();
    this.#receiver.onFailure(error);
  }

  #leave(): void {
    this.#gone = true;
    if (this.#timer !== undefined) this.#engine.deadlines.cancel(this.#timer);
    if (this.#watcher) unwatchAbort(this.#watcher);
  }
}
