import type { HeadOptions, HealthOptions } from './balancer-options.ts';
import type { Chain } from './chain/chain.ts';
import { BalancerError } from './errors.ts';
import type { ChainHead } from './head/chain-head.ts';
import { OutlierDetection } from './health/outlier-detection.ts';
import { Supervisor } from './health/supervisor.ts';
import {
  type EligibilityContext,
  type Ineligibility,
  ineligibility,
  type Requirement,
} from './selector/eligibility.ts';
import { type Selection, select } from './selector/select.ts';
import type { Selector } from './selector/selector.ts';
import type { Emitter } from './telemetry/emitter.ts';
import type { BalancerEvents } from './telemetry/events.ts';
import type { UpstreamSnapshot } from './telemetry/snapshot.ts';
import { type Clock, delay, type Random } from './time/clock.ts';
import type { LowerBound } from './upstream/lower-bound.ts';
import { UpstreamPool } from './upstream/pool.ts';
import type { UpstreamState } from './upstream/state.ts';
import { Upstream, type UpstreamOptions } from './upstream/upstream.ts';

/** What a {@link Rotation} is made of. */
export interface RotationOptions {
  readonly chain: Chain;
  readonly head: ChainHead;
  readonly selector: Selector;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Emitter<BalancerEvents>;
  readonly headOptions: HeadOptions;
  readonly healthOptions: HealthOptions;
  /** Time for the first connection to an upstream; see `SupervisorOptions.reachMs`. */
  readonly reachMs: number;
  /** How many callers may wait for a change at once. */
  readonly maxWaiting: number;
}

/** An ordinary call: any block, any method, no session. */
const ordinary: Requirement = { seen: -1 };

/** How often a drain looks whether the last call has ended, in milliseconds. */
const drainCheckMs = 50;

/**
 * The upstreams of one balancer and who of them may serve: takes them in and out, keeps each under
 * supervision, chooses for each attempt, and tells those who wait when something changed.
 */
export class Rotation {
  readonly #options: RotationOptions;
  readonly #pool = new UpstreamPool();
  readonly #supervisors = new Map<string, Supervisor>();
  readonly #outliers: OutlierDetection;
  readonly #waiting = new Set<() => void>();
  /** Whether each upstream served when last looked at. */
  readonly #serving = new Map<string, boolean>();
  readonly #maxLagBlocks: number;
  readonly #maxLagMs: number;
  readonly #panicThreshold: number;
  readonly #context: EligibilityContext & { now: number };
  /** Denied by default, or in part, and enabled for some upstream. */
  readonly #enabled = new Set<string>();
  /** Those of them that are denied wholly: no other upstream is sent them. */
  readonly #reserved = new Set<string>();
  readonly #closing = new AbortController();
  #named = 0;
  #available = false;
  #genesisHash: string | undefined;

  constructor(options: RotationOptions) {
    const { clock, head, chain, headOptions, healthOptions } = options;
    this.#options = options;
    this.#maxLagBlocks = headOptions.maxLagBlocks ?? 5;
    this.#maxLagMs = headOptions.maxLagMs ?? 10 * chain.blockTimeMs;
    this.#panicThreshold = healthOptions.panicThreshold ?? 0.3;
    this.#outliers = new OutlierDetection({
      clock,
      ...healthOptions.outlierDetection,
      onEject: () => this.#changed(),
      onReturn: () => this.#changed(),
    });
    this.#context = {
      index: head,
      now: 0,
      isEjected: (id) => this.#outliers.isEjected(id),
      isLagging: (upstream) => this.#isLagging(upstream),
    };
    head.events.on('progress', () => this.#changed());
  }

  /** True while at least one upstream can serve. */
  get available(): boolean {
    return this.#available;
  }

  /** The chain's genesis hash, once an upstream's identity was verified. */
  get genesisHash(): string | undefined {
    return this.#genesisHash;
  }

  /** How many callers wait for a change. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** @throws BalancerError `invalid request` when the id is taken or a URL cannot be used */
  add(given: string | UpstreamOptions): void {
    if (this.#closing.signal.aborted) throw new BalancerError('closed', 'the balancer is closed');
    const { chain, head, clock, random, healthOptions } = this.#options;
    const options = typeof given === 'string' ? { transport: given } : given;
    const id = options.id ?? this.#freeId();
    if (this.#pool.get(id)) {
      throw new BalancerError('invalid request', `there is an upstream ${id} already`);
    }
    const upstream = new Upstream(id, options, {
      chain,
      clock,
      random,
      ...(healthOptions.breaker && { breaker: healthOptions.breaker }),
      ...(healthOptions.slowStart && { slowStart: healthOptions.slowStart }),
      probeTimeoutMs: healthOptions.probeTimeoutMs ?? 5_000,
      coolDownMs: healthOptions.coolDownMs ?? 5_000,
      reserved: this.#reserved,
      onOutcome: (upstreamId, ok) => this.#outliers.record(upstreamId, ok),
      onIdentified: (genesisHash) => {
        this.#genesisHash = genesisHash;
      },
    });
    const supervisor = new Supervisor({
      upstream,
      chain,
      head,
      clock,
      probeIntervalMs: healthOptions.probeIntervalMs ?? 10_000,
      lowerBoundIntervalMs: healthOptions.lowerBoundIntervalMs ?? 600_000,
      unhealthyThreshold: healthOptions.unhealthyThreshold ?? 2,
      reachMs: this.#options.reachMs,
      onChange: () => this.#changed(),
      onUnreachable: (reason) => this.#options.events.emit('unreachable', { upstream: id, reason }),
    });
    this.#pool.add(upstream);
    this.#noteEnabled();
    this.#outliers.add(id);
    this.#supervisors.set(id, supervisor);
    supervisor.start();
  }

  /** False when there is no such upstream. */
  drain(id: string): boolean {
    const upstream = this.#pool.get(id);
    if (!upstream) return false;
    upstream.state.draining = true;
    this.#changed();
    return true;
  }

  /** Drains, waits for what runs (at most `drainMs`), then closes. */
  async remove(id: string, drainMs: number): Promise<boolean> {
    const upstream = this.#pool.get(id);
    if (!upstream) return false;
    this.drain(id);
    const { clock } = this.#options;
    const untilMs = clock.now() + drainMs;
    while (upstream.pending > 0 && clock.now() < untilMs && !this.#closing.signal.aborted) {
      await delay(clock, drainCheckMs, this.#closing.signal).catch(() => {});
    }
    // Removed twice at once: the id may be another upstream's by now.
    if (this.#pool.get(id) !== upstream) return true;
    this.#pool.remove(id);
    this.#noteEnabled();
    this.#supervisors.get(id)?.close();
    this.#supervisors.delete(id);
    this.#outliers.remove(id);
    this.#serving.delete(id);
    await upstream.close();
    this.#changed();
    return true;
  }

  /** Chooses an upstream for one attempt. */
  select(need: Requirement, tried: ReadonlySet<string>, nowMs: number): Selection {
    const { selector } = this.#options;
    this.#context.now = nowMs;
    const selection = select(this.#pool, need, this.#context, {
      selector,
      panicThreshold: this.#panicThreshold,
      tried,
    });
    if (selection.kind === 'none' && isNobodyLeft(selection.reasons)) this.#hurry();
    return selection;
  }

  /** Could as many upstreams answer such a call now? */
  canServe(need: Requirement, nowMs: number, count: number): boolean {
    this.#context.now = nowMs;
    let left = count;
    for (const upstream of this.#pool) {
      if (ineligibility(upstream, need, this.#context) === undefined) left -= 1;
      if (left <= 0) return true;
    }
    return false;
  }

  /** Is there an upstream that has this block and serves, now or within moments? */
  hasBlock(hash: string): boolean {
    this.#context.now = this.#options.clock.now();
    const need: Requirement = { seen: -1, hash };
    for (const upstream of this.#pool) {
      if (serves(ineligibility(upstream, need, this.#context))) return true;
    }
    return false;
  }

  /**
   * Does an upstream that serves ordinary calls offer this method? One that tells no list may offer
   * anything; with `surely` it counts for nothing but what its options enable.
   */
  offers(method: string, surely = false): boolean {
    this.#context.now = this.#options.clock.now();
    for (const upstream of this.#pool) {
      if (!upstream.offers(method)) continue;
      const isKnown = upstream.state.methods !== undefined || upstream.enabled.has(method);
      if (surely && !isKnown) continue;
      if (serves(ineligibility(upstream, ordinary, this.#context))) return true;
    }
    return false;
  }

  /**
   * The most blocks from which an upstream that serves reads one answer; infinite when there is one of
   * which no bound is known, or none at all.
   */
  get widestRange(): number {
    const known = this.upstreams()
      .filter(({ isServing }) => isServing)
      .map(({ upstream }) => upstream.state.widestRange ?? Number.POSITIVE_INFINITY);
    return known.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...known);
  }

  /** Does an upstream enable this method, which is denied by default, wholly or in part? */
  isEnabled(method: string): boolean {
    return this.#enabled.has(method);
  }

  /** Every upstream, and whether it may answer an ordinary call now or within moments. */
  upstreams(): readonly { readonly upstream: Upstream; readonly isServing: boolean }[] {
    this.#context.now = this.#options.clock.now();
    return [...this.#pool].map((upstream) => {
      return { upstream, isServing: serves(ineligibility(upstream, ordinary, this.#context)) };
    });
  }

  /** Calls back once at the next change; `undefined` when too many wait already. */
  onChange(callback: () => void): (() => void) | undefined {
    if (this.#waiting.size >= this.#options.maxWaiting) return undefined;
    this.#waiting.add(callback);
    this.#hurry();
    return () => this.#waiting.delete(callback);
  }

  snapshot(): readonly UpstreamSnapshot[] {
    const { head, clock } = this.#options;
    this.#context.now = clock.now();
    return [...this.#pool].map((upstream) => {
      const { state, transport } = upstream;
      const connection = transport.state;
      const reason = ineligibility(upstream, ordinary, this.#context);
      const trouble = this.#supervisors.get(upstream.id)?.lastTrouble;
      return {
        id: upstream.id,
        role: upstream.role,
        labels: upstream.labels,
        transport: transport.kind,
        connection: connection.status,
        canSubscribe: transport.canSubscribe,
        reason,
        detail:
          connection.status === 'waiting' ? connection.reason : (state.health?.reason ?? trouble),
        version: state.version,
        best: state.best,
        finalized: state.finalized,
        lowerBounds: lowerBoundsOf(state),
        widestRange: state.widestRange,
        lagBlocks: head.lagBlocks(state),
        lagMs: head.lagMs(state),
        latencyMs: upstream.latencyMs,
        pending: upstream.pending,
        breaker: upstream.breaker.state.status,
        answered: upstream.answered,
        failed: upstream.failed,
      };
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const supervisor of this.#supervisors.values()) supervisor.close();
    this.#supervisors.clear();
    this.#outliers.close();
    await Promise.all([...this.#pool].map((upstream) => upstream.close()));
    // Whoever still waits finds the pool closed.
    this.#wakeAll();
  }

  #freeId(): string {
    do this.#named += 1;
    while (this.#pool.get(`upstream-${this.#named}`));
    return `upstream-${this.#named}`;
  }

  #noteEnabled(): void {
    const { chain } = this.#options;
    this.#enabled.clear();
    this.#reserved.clear();
    for (const { enabled } of this.#pool) {
      for (const method of enabled) {
        const { kind, refuse } = chain.traits(method);
        if (kind === 'denied') this.#reserved.add(method);
        if (kind === 'denied' || refuse) this.#enabled.add(method);
      }
    }
  }

  #isLagging(upstream: Upstream): boolean {
    const { head } = this.#options;
    const { state } = upstream;
    return head.lagBlocks(state) > this.#maxLagBlocks || head.lagMs(state) > this.#maxLagMs;
  }

  #changed(): void {
    if (this.#closing.signal.aborted) return;
    const { clock, events } = this.#options;
    this.#context.now = clock.now();
    let available = false;
    for (const upstream of this.#pool) {
      const reason = ineligibility(upstream, ordinary, this.#context);
      const serving = serves(reason);
      available ||= serving;
      if (serving === (this.#serving.get(upstream.id) ?? false)) continue;
      this.#serving.set(upstream.id, serving);
      events.emit('upstream', { upstream: upstream.id, serving, reason });
    }
    if (available !== this.#available) {
      this.#available = available;
      if (!available) this.#hurry();
      events.emit('availability', { available });
    }
    this.#wakeAll();
  }

  /**
   * Somebody has use for any upstream: those that are to be connected to again some time are now, and
   * those that are polled are asked for news.
   */
  #hurry(): void {
    for (const supervisor of this.#supervisors.values()) supervisor.hurry();
    for (const { state, transport } of this.#pool) {
      if (!state.draining && transport.state.status === 'waiting') transport.hurry?.();
    }
  }

  #wakeAll(): void {
    if (this.#waiting.size === 0) return;
    const callbacks = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of callbacks) callback();
  }
}

/** Some reasons pass by themselves within moments; an application must not be told each time. */
function serves(reason: Ineligibility | undefined): boolean {
  return (
    reason === undefined ||
    reason === 'circuit open' ||
    reason === 'cooling down' ||
    reason === 'ejected'
  );
}

/** Nobody can be asked; a call that has asked somebody already is another matter. */
function isNobodyLeft(reasons: ReadonlyMap<string, Ineligibility>): boolean {
  for (const reason of reasons.values()) if (reason === 'already tried') return false;
  return true;
}

function lowerBoundsOf({
  lowerBounds,
  historyHead,
}: UpstreamState): UpstreamSnapshot['lowerBounds'] {
  const oldest = (bound: LowerBound): number | undefined =>
    historyHead === undefined ? undefined : bound.oldest(historyHead);
  return { block: oldest(lowerBounds.block), state: oldest(lowerBounds.state) };
}
