import type { Call, SubscribeOutcome } from '../call.ts';
import type { SubscriptionTraits } from '../chain/chain.ts';
import { BalancerError, isBalancerError, NoEligibleUpstreamError } from '../errors.ts';
import type { RawJson } from '../json-rpc/message.ts';
import { describe } from '../policy/race.ts';
import type { Requirement } from '../selector/eligibility.ts';
import type { Selection } from '../selector/select.ts';
import type { Clock, TimerHandle } from '../time/clock.ts';
import type { TransportSubscription } from '../transport/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What a {@link CarriedSubscription} needs of the engine around it. */
export interface CarriedSubscriptionOptions {
  readonly call: Call;
  readonly traits: Extract<SubscriptionTraits, { source: 'upstream' }>;
  readonly need: Requirement;
  readonly clock: Clock;
  /** Time for one upstream to accept, in milliseconds. */
  readonly timeoutMs: number;
  /** How long the first acceptance may take altogether, in milliseconds. */
  readonly deadlineMs: number;
  readonly select: (need: Requirement, tried: ReadonlySet<string>) => Selection;
  /** Gives it up before it was accepted. */
  readonly signal: AbortSignal | undefined;
  readonly onItem: (item: RawJson) => void;
  readonly onEnd: (error: BalancerError) => void;
  /** It went on at another upstream. */
  readonly onResumed: (upstream: string) => void;
}

/** Pause before the next upstream is asked, and before everybody is asked again. */
const pauseMs = 250;

/**
 * A subscription that one upstream carries for one client. When that upstream dies or drops it, it
 * is made again elsewhere, for as long as it takes, and the traits' reducer keeps repetitions from
 * the client. It ends by `unsubscribe()`, or by itself where making it again would repeat an
 * action, or when every upstream declines it.
 */
export class CarriedSubscription {
  readonly #options: CarriedSubscriptionOptions;
  readonly #reduce: (item: RawJson) => RawJson | undefined;
  #carrier: TransportSubscription | undefined;
  #upstream: string | undefined;
  #timer: TimerHandle | undefined;
  #wake: (() => void) | undefined;
  #over = false;
  /** Its last item was delivered. */
  #complete = false;

  constructor(options: CarriedSubscriptionOptions) {
    this.#options = options;
    this.#reduce = options.traits.reducer?.() ?? ((item) => item);
  }

  /** Id of the upstream that carries it now. */
  get upstream(): string | undefined {
    return this.#upstream;
  }

  /**
   * Subscribes for the first time. `onAccepted` is called before the first item.
   *
   * @throws BalancerError when no upstream accepted it in time
   */
  async start(onAccepted: () => void): Promise<SubscribeOutcome> {
    const { clock, deadlineMs, signal, call } = this.#options;
    const untilMs = clock.now() + deadlineMs;
    const tried = new Set<string>();
    let declined: Extract<SubscribeOutcome, { kind: 'error' }> | undefined;
    let lastError: BalancerError | undefined;
    for (;;) {
      if (signal?.aborted) {
        throw new BalancerError('cancelled', call.method, { cause: signal.reason });
      }
      const selection = this.#options.select(this.#options.need, tried);
      if (selection.kind === 'chosen') {
        tried.add(selection.upstream.id);
        const outcome = await this.#ask(selection.upstream, onAccepted);
        if (outcome === 'accepted') return { kind: 'subscribed' };
        if (!isBalancerError(outcome)) declined ??= outcome;
        else {
          lastError = outcome;
          // It may have been done: asking again would repeat it.
          if (this.#options.traits.resume === 'never' && wasSent(outcome)) throw outcome;
        }
        continue;
      }
      if (declined) return declined;
      if (clock.now() >= untilMs) {
        throw lastError ?? new NoEligibleUpstreamError(describe(selection.reasons));
      }
      tried.clear();
      await this.#pause();
    }
  }

  /** Ends it; nothing is delivered afterwards. Safe to call twice. */
  unsubscribe(): void {
    this.#over = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#wake?.();
    this.#carrier?.unsubscribe();
    this.#carrier = undefined;
  }

  async #ask(
    upstream: Upstream,
    onAccepted: () => void,
  ): Promise<'accepted' | BalancerError | Extract<SubscribeOutcome, { kind: 'error' }>> {
    const { call, traits, timeoutMs, onItem } = this.#options;
    try {
      const reply = await upstream.subscribe(
        call,
        traits.unsubscribe,
        {
          onSubscribed: (subscription) => {
            this.#carrier = subscription;
            this.#upstream = upstream.id;
            if (this.#over) subscription.unsubscribe();
            else onAccepted();
          },
          onNotification: (item) => {
            if (this.#over || this.#complete) return;
            if (traits.isLast?.(item)) this.#complete = true;
            const news = this.#reduce(item);
            if (news !== undefined) onItem(news);
          },
          onEnd: (reason) => this.#lost(reason),
        },
        timeoutMs,
      );
      return reply.kind === 'error' ? reply : 'accepted';
    } catch (error) {
      return isBalancerError(error)
        ? error
        : new BalancerError('transport', String(error), { cause: error });
    }
  }

  #lost(reason: string): void {
    if (this.#over || this.#complete) return;
    this.#carrier = undefined;
    const lostBy = this.#upstream;
    this.#upstream = undefined;
    if (this.#options.traits.resume === 'never') {
      this.#end(
        new BalancerError(
          'transport',
          `${this.#options.call.method}: ${lostBy} was lost (${reason}); what it did is not known`,
          { origin: 'upstream' },
        ),
      );
      return;
    }
    void this.#resume(lostBy);
  }

  async #resume(lostBy: string | undefined): Promise<void> {
    const { need, select } = this.#options;
    // The one that was just lost is asked last.
    const tried = new Set(lostBy === undefined ? [] : [lostBy]);
    while (!this.#over) {
      const selection = select(need, tried);
      if (selection.kind === 'none') {
        tried.clear();
        await this.#pause();
        continue;
      }
      tried.add(selection.upstream.id);
      const outcome = await this.#ask(selection.upstream, () =>
        this.#options.onResumed(selection.upstream.id),
      );
      if (outcome === 'accepted') return;
    }
  }

  #end(error: BalancerError): void {
    this.#over = true;
    this.#options.onEnd(error);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#options.clock.setTimeout(resolve, pauseMs);
    });
  }
}

function wasSent(error: BalancerError): boolean {
  return !('sent' in error) || error.sent !== false;
}
