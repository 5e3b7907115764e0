import type { Call, SubscribeOutcome } from '../call.ts';
import type { Chain, SubscriptionTraits } from '../chain/chain.ts';
import {
  type Attempt,
  BalancerError,
  isBalancerError,
  NoEligibleUpstreamError,
} from '../errors.ts';
import type { RawJson } from '../json-rpc/message.ts';
import { describeReasons } from '../policy/describe-reasons.ts';
import { methodNotFound } from '../policy/method-not-found.ts';
import { unknownOutcome } from '../policy/retry.ts';
import type { Requirement } from '../selector/eligibility.ts';
import type { Selection } from '../selector/select.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Deadlines } from '../time/deadlines.ts';
import { messageOf } from '../transport/message-of.ts';
import type { TransportSubscription } from '../transport/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { SilenceWatchdog } from './silence-watchdog.ts';

/** What a {@link CarriedSubscription} needs of the engine around it. */
export interface CarriedSubscriptionOptions {
  readonly call: Call;
  readonly traits: Extract<SubscriptionTraits, { source: 'upstream' }>;
  /** What its upstream must have by now. */
  readonly need: () => Requirement;
  readonly judge: Chain['judge'];
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Time for one upstream to accept, in milliseconds. */
  readonly timeoutMs: number;
  /** How long the first acceptance may take altogether, in milliseconds. */
  readonly deadlineMs: number;
  /** How much of that may pass while no upstream may be asked, in milliseconds. */
  readonly waitMs: number;
  readonly select: (need: Requirement, tried: ReadonlySet<string>) => Selection;
  /** Gives it up before it was accepted. */
  readonly signal: AbortSignal | undefined;
  readonly onItem: (item: RawJson) => void;
  readonly onEnd: (error: BalancerError) => void;
  /**
   * Told in place of `onEnd` when the upstream is gone of a subscription that is not made again:
   * somebody else goes on from here. Absent: it ends.
   */
  readonly onOrphaned?: () => void;
  /** Told when an upstream may have accepted it and its answer did not come. @default nobody is */
  readonly onDoubt?: () => void;
  /** Told after its last item, when nothing of it is left. Absent: its owner ends it. */
  readonly onComplete?: () => void;
  /** It went on at another upstream. */
  readonly onResumed: (upstream: string) => void;
}

/** Pause before the next upstream is asked, and before everybody is asked again. */
const pauseMs = 250;

/** An upstream's word that it does not take the subscription. */
type Declined = Extract<SubscribeOutcome, { kind: 'error' }>;

/**
 * A subscription that one upstream carries for one client. When that upstream dies, drops it or
 * leaves rotation, or is silent for longer than the traits allow, it is made again elsewhere, for as long as it takes, and the traits' reducer
 * keeps repetitions from the client. It ends by `unsubscribe()`, or by itself where making it again
 * would repeat an action, or when every upstream declines it.
 */
export class CarriedSubscription {
  readonly #options: CarriedSubscriptionOptions;
  readonly #reduce: (item: RawJson) => RawJson | undefined;
  /** Aborted with a {@link BalancerError} when it is over. */
  readonly #stop = new AbortController();
  /** Its last item was delivered: what becomes of its upstream is no loss. */
  #complete = false;
  readonly #attempts: Attempt[] = [];
  #carrier: TransportSubscription | undefined;
  #upstream: string | undefined;
  #watchdog: SilenceWatchdog | undefined;

  constructor(options: CarriedSubscriptionOptions) {
    this.#options = options;
    this.#stop.signal.addEventListener('abort', () => this.#watchdog?.close(), { once: true });
    this.#reduce = options.traits.reducer?.() ?? ((item) => item);
  }

  /** Id of the upstream that carries it now. */
  get upstream(): string | undefined {
    return this.#upstream;
  }

  /**
   * Subscribes for the first time. `onAccepted` is called before the first item.
   *
   * @throws BalancerError when no upstream accepted it in time, or it ended before
   */
  async start(onAccepted: () => void): Promise<SubscribeOutcome> {
    const { signal, call } = this.#options;
    const onAbort = (): void =>
      this.unsubscribe(new BalancerError('cancelled', call.method, { cause: signal?.reason }));
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.#begin(onAccepted);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends it; nothing is delivered afterwards. Safe to call twice. */
  unsubscribe(reason = new BalancerError('cancelled', this.#options.call.method)): void {
    this.#stop.abort(reason);
    this.#release();
  }

  /** Goes on elsewhere, if that can be done without harm and somebody can take it. */
  leave(reason: string): void {
    const { traits, select, need } = this.#options;
    if (this.#carrier === undefined || this.#complete || traits.resume === 'never') return;
    // One that is no longer good is still better than none.
    try {
      if (select(need(), new Set([this.#upstream as string])).kind === 'none') return;
    } catch (error) {
      this.#release();
      this.#end(messageOf(error));
      return;
    }
    this.#release();
    this.#lost(reason);
  }

  /** Makes it again, elsewhere if there is anybody else: its upstream is thought to have lost it. */
  renew(reason: string): void {
    if (this.#carrier === undefined || this.#complete || this.#options.traits.resume === 'never')
      return;
    this.#release();
    this.#lost(reason);
  }

  async #begin(onAccepted: () => void): Promise<SubscribeOutcome> {
    const { clock, deadlineMs, waitMs, timeoutMs, traits, call, judge } = this.#options;
    const startMs = clock.now();
    const tried = new Set<string>();
    let declined: Declined | undefined;
    let lastError: BalancerError | undefined;
    for (;;) {
      if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
      const leftMs = startMs + deadlineMs - clock.now();
      const selection = this.#options.select(this.#options.need(), tried);
      if (selection.kind === 'chosen' && leftMs > 0) {
        tried.add(selection.upstream.id);
        const ms = Math.min(timeoutMs, leftMs);
        const askedMs = clock.now();
        const outcome = await this.#ask(selection.upstream, ms, onAccepted);
        if (outcome === 'accepted') return { kind: 'subscribed' };
        this.#attempts.push({
          upstream: selection.upstream.id,
          durationMs: clock.now() - askedMs,
          outcome: isBalancerError(outcome) ? outcome.rawMessage : outcome.error.message,
        });
        if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
        if (isBalancerError(outcome)) {
          lastError = outcome;
          // It may have been done: asking again would repeat it.
          if (traits.resume === 'never' && wasSent(outcome)) {
            this.#options.onDoubt?.();
            throw this.#failed(outcome, true);
          }
        } else {
          // The client's own mistake: nobody else need hear of it.
          if (judge(call.method, outcome.error).action === 'return') return outcome;
          declined ??= outcome;
        }
        continue;
      }
      if (declined) return declined;
      const reasons = selection.kind === 'none' ? selection.reasons : new Map();
      const notFound = methodNotFound(reasons);
      if (notFound?.kind === 'error') return notFound;
      // One that was lost on the way is made up for until the deadline, however long it had taken.
      const patienceMs = lastError ? deadlineMs : Math.min(waitMs, deadlineMs);
      if (clock.now() >= startMs + patienceMs) {
        throw lastError
          ? this.#failed(lastError, false)
          : new NoEligibleUpstreamError(describeReasons(reasons));
      }
      tried.clear();
      await this.#pause();
    }
  }

  /** What the caller is told: what was tried, and whether something may have come of it. */
  #failed(error: BalancerError, unknown: boolean): BalancerError {
    const { method } = this.#options.call;
    const message = `${method}: ${error.rawMessage}${unknown ? unknownOutcome : ''}`;
    return new BalancerError(error.code, message, {
      origin: error.origin,
      cause: error,
      attempts: this.#attempts,
    });
  }

  async #ask(
    upstream: Upstream,
    timeoutMs: number,
    onAccepted: () => void,
  ): Promise<'accepted' | BalancerError | Declined> {
    const { call, traits } = this.#options;
    let accepted = false;
    try {
      const reply = await upstream.subscribe(
        call,
        traits.unsubscribe,
        {
          onSubscribed: (subscription) => {
            if (this.#stop.signal.aborted) {
              subscription.unsubscribe();
              return;
            }
            this.#carrier = subscription;
            this.#upstream = upstream.id;
            accepted = true;
            this.#watch();
            onAccepted();
          },
          onNotification: (item) => this.#deliver(item),
          onEnd: (reason) => this.#lost(reason),
        },
        timeoutMs,
        this.#stop.signal,
      );
      if (reply.kind === 'error') return reply;
      return accepted ? 'accepted' : this.#stop.signal.reason;
    } catch (error) {
      if (accepted) return 'accepted';
      return isBalancerError(error)
        ? error
        : new BalancerError('transport', String(error), { cause: error });
    }
  }

  /** Its upstream has taken it, and is to say something now. */
  #watch(): void {
    const { clock, deadlines, traits } = this.#options;
    if (traits.quietMs === undefined || this.#stop.signal.aborted) return;
    this.#watchdog?.restart();
    this.#watchdog ??= new SilenceWatchdog({
      clock,
      deadlines,
      patienceMs: traits.quietMs,
      learns: true,
      onSilence: () => this.renew('silent'),
    });
  }

  #deliver(item: RawJson): void {
    if (this.#stop.signal.aborted || this.#complete) return;
    let news: RawJson | undefined;
    try {
      const { isLast } = this.#options.traits;
      news = this.#reduce(item);
      const isOver = news !== undefined && isLast?.(news) === true;
      this.#complete = isOver || (isLast?.(item) ?? false);
    } catch (error) {
      // Nothing of the chain's that a reducer knows.
      this.#release();
      this.#lost(`sent nonsense: ${error instanceof Error ? error.message : error}`);
      return;
    }
    const { onItem, onComplete } = this.#options;
    // What is repeated after a resume is no sign that the next item will come as soon.
    if (news === undefined) this.#watchdog?.heardAgain();
    else this.#watchdog?.heard();
    if (this.#complete) this.#watchdog?.close();
    // What is over by the reducer's word may go on for its upstream.
    if (this.#complete && (onComplete || news !== item)) this.#release();
    if (news !== undefined) onItem(news);
    if (this.#complete) onComplete?.();
  }

  #release(): void {
    this.#carrier?.unsubscribe();
    this.#carrier = undefined;
  }

  #lost(reason: string): void {
    if (this.#stop.signal.aborted || this.#complete) return;
    this.#carrier = undefined;
    this.#watchdog?.pause();
    const lostBy = this.#upstream;
    this.#upstream = undefined;
    if (this.#options.traits.resume === 'never') {
      const { onOrphaned } = this.#options;
      if (onOrphaned) onOrphaned();
      else this.#end(`${lostBy} was lost (${reason}); what it did is not known`);
      return;
    }
    // A selector of somebody else's may throw.
    this.#resume(lostBy).catch((error: unknown) => this.#end(messageOf(error)));
  }

  async #resume(lostBy: string | undefined): Promise<void> {
    const { need, select, timeoutMs, onResumed } = this.#options;
    // The one that was just lost is asked last.
    const tried = new Set(lostBy === undefined ? [] : [lostBy]);
    let refusals: string[] = [];
    while (!this.#stop.signal.aborted) {
      const selection = select(need(), tried);
      if (selection.kind === 'none') {
        const isEverybody = [...selection.reasons.values()].every((r) => r === 'already tried');
        if (isEverybody && refusals.length > 0 && refusals.length === tried.size) {
          this.#end(`no upstream takes it up again: ${refusals[0]}`);
          return;
        }
        tried.clear();
        refusals = [];
        await this.#pause();
        continue;
      }
      const { upstream } = selection;
      tried.add(upstream.id);
      const outcome = await this.#ask(upstream, timeoutMs, () => onResumed(upstream.id));
      if (outcome === 'accepted') return;
      if (!isBalancerError(outcome)) refusals.push(outcome.error.message);
    }
  }

  #end(message: string): void {
    const method = this.#options.call.method;
    const error = new BalancerError('transport', `${method}: ${message}`, { origin: 'upstream' });
    this.#stop.abort(error);
    this.#options.onEnd(error);
  }

  #pause(): Promise<void> {
    return delay(this.#options.clock, pauseMs, this.#stop.signal).catch(() => {});
  }
}

function wasSent(error: BalancerError): boolean {
  return !('sent' in error) || error.sent !== false;
}
