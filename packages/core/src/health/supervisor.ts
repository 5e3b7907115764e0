import type { Chain, HealthReport } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { HeadTracker } from '../head/head-tracker.ts';
import type { Clock, TimerHandle } from '../time/clock.ts';
import { maxTimerMs } from '../transport/defaults.ts';
import { messageOf } from '../transport/message-of.ts';
import type { TransportState } from '../transport/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { LowerBoundProbe } from './lower-bound-probe.ts';

/** Options of {@link Supervisor}. */
export interface SupervisorOptions {
  readonly upstream: Upstream;
  readonly chain: Chain;
  readonly head: ChainHead;
  readonly clock: Clock;
  /** Time between health probes, in milliseconds. */
  readonly probeIntervalMs: number;
  /** Time between two searches for the upstream's oldest block, and for its bounds, in milliseconds. */
  readonly lowerBoundIntervalMs: number;
  /** Failed probes in a row that make a healthy upstream unhealthy (Envoy: unhealthy threshold). */
  readonly unhealthyThreshold: number;
  /** Time for the first connection, in milliseconds; then the upstream counts as never reached. */
  readonly reachMs: number;
  /** Something changed that may matter to who can serve. */
  readonly onChange: () => void;
  /** A connection failed or was refused, for a reason not told yet since it was last open. */
  readonly onUnreachable: (reason: string) => void;
}

/** One stretch of time through which the transport was open; late answers of another do not count. */
interface Watch {
  generation: number;
}

/**
 * Reasons remembered for which no connection could be made; past it the oldest is forgotten, and told
 * again when it comes again.
 */
const maxRefusals = 16;
/** Characters of what an upstream says of itself. */
const maxVersion = 200;

/** How many health probes pass between two readings of the method list. */
const probesPerMethodList = 6;

/**
 * Watches one upstream from start to close: after each new connection it probes health and
 * methods, then follows the head, and in the background finds out how far back the history goes; it
 * probes on at its own pace, and clears what was known when the connection goes. It writes the upstream's state and nothing else.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #lowerBounds: LowerBoundProbe;
  /** Present while the transport is open. */
  #watch: Watch | undefined;
  #tracker: HeadTracker | undefined;
  #timer: TimerHandle | undefined;
  /** Set until it was connected to for the first time, or should have been. */
  #reachTimer: TimerHandle | undefined;
  #failedProbes = 0;
  #probes = 0;
  #rangeDueAtMs = Number.NEGATIVE_INFINITY;
  /** Times in a row that it could not say how many blocks it takes. */
  #failedRanges = 0;
  #stopListening: () => void = () => {};
  #lastTrouble: string | undefined;
  /** Why no connection could be made since the last one: each reason is told once, not at each try. */
  readonly #refusals = new Set<string>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { upstream, chain, clock, lowerBoundIntervalMs: intervalMs, onChange } = options;
    this.#lowerBounds = new LowerBoundProbe({
      upstream,
      chain,
      clock,
      intervalMs,
      onChange,
      onTrouble: (reason) => this.#noteTrouble(reason),
    });
  }

  /** What last went wrong with probes or heads, for snapshots. */
  get lastTrouble(): string | undefined {
    return this.#lastTrouble;
  }

  start(): void {
    const { upstream, head, clock, reachMs, onChange } = this.#options;
    this.#reachTimer = clock.setTimeout(
      () => {
        upstream.state.unreached = true;
        onChange();
      },
      Math.min(reachMs, maxTimerMs),
    );
    head.join(upstream.id, upstream.state);
    this.#stopListening = upstream.transport.onState((state) => this.#onState(state));
    upstream.start();
    this.#onState(upstream.transport.state);
  }

  /** Somebody waits for a newer block; see {@link HeadTracker.hurry}. */
  hurry(): void {
    this.#tracker?.hurry();
  }

  /** Ends probes and head tracking; the upstream itself is closed by its owner. */
  close(): void {
    this.#stopListening();
    this.#options.clock.clearTimeout(this.#reachTimer);
    this.#disconnected();
    this.#options.head.leave(this.#options.upstream.id);
  }

  #onState(state: TransportState): void {
    if (state.status === 'waiting') this.#noteRefusal(state.reason);
    if (state.status === 'open') this.#reached();
    if (state.status !== 'open') {
      if (!this.#watch) return;
      this.#disconnected();
      this.#options.head.reconsider();
      this.#options.onChange();
    } else if (!this.#watch) {
      this.#watch = { generation: state.generation };
      void this.#connected(this.#watch);
    } else if (this.#watch.generation !== state.generation) {
      // One connection of several came back. What is known still holds for the others, but this one
      // may end at another machine: health is asked at once.
      this.#watch.generation = state.generation;
      this.#options.clock.clearTimeout(this.#timer);
      if (this.#tracker) void this.#probe(this.#watch);
    }
  }

  #reached(): void {
    const { upstream, clock } = this.#options;
    clock.clearTimeout(this.#reachTimer);
    upstream.state.unreached = false;
    this.#refusals.clear();
  }

  #noteRefusal(reason: string): void {
    if (this.#refusals.has(reason)) return;
    this.#refusals.add(reason);
    if (this.#refusals.size > maxRefusals) {
      const [oldest] = this.#refusals;
      this.#refusals.delete(oldest as string);
    }
    this.#options.onUnreachable(reason);
  }

  #disconnected(): void {
    const { upstream, clock } = this.#options;
    this.#watch = undefined;
    clock.clearTimeout(this.#timer);
    this.#tracker?.stop();
    this.#tracker = undefined;
    this.#lowerBounds.stop();
    this.#failedProbes = 0;
    this.#probes = 0;
    this.#rangeDueAtMs = Number.NEGATIVE_INFINITY;
    upstream.state.voting = false;
    upstream.state.health = undefined;
    upstream.state.forgetHeads();
  }

  async #connected(watch: Watch): Promise<void> {
    const { upstream, chain, head, clock } = this.#options;
    await this.#probe(watch);
    if (this.#watch !== watch) return;
    upstream.beginSlowStart();
    this.#tracker = new HeadTracker({
      chain,
      client: upstream.client,
      state: upstream.state,
      head,
      clock,
      onTrouble: (reason) => this.#noteTrouble(reason),
    });
    void this.#tracker.run();
    this.#lowerBounds.start();
  }

  #noteTrouble(reason: string): void {
    this.#lastTrouble = reason;
  }

  async #probe(watch: Watch): Promise<void> {
    const { upstream, head, clock, probeIntervalMs, onChange } = this.#options;
    const { state } = upstream;
    const report = await this.#health();
    if (this.#watch !== watch) return;
    if (report) state.health = report;
    if (this.#probes % probesPerMethodList === 0) {
      // A node that does not tell its methods is asked for any.
      const methods = await this.#methods();
      if (this.#watch !== watch) return;
      state.methods = methods;
      void this.#askVersion(watch);
      void this.#askWidestRange(watch);
    }
    this.#probes += 1;
    state.voting = state.health !== undefined && state.health.status !== 'unhealthy';
    head.reconsider();
    onChange();
    // Two probes may have been under way: one goes on.
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => void this.#probe(watch), probeIntervalMs);
  }

  /** Nobody waits for it. */
  async #askVersion(watch: Watch): Promise<void> {
    const { chain, upstream } = this.#options;
    let version: string | undefined;
    try {
      version = await chain.probes.version?.(upstream.background);
    } catch (error) {
      this.#lastTrouble = `version: ${messageOf(error)}`;
    }
    if (this.#watch === watch) upstream.state.version = version?.slice(0, maxVersion);
  }

  /** Nobody waits for it either. */
  async #askWidestRange(watch: Watch): Promise<void> {
    const { chain, upstream, clock, lowerBoundIntervalMs, probeIntervalMs } = this.#options;
    if (clock.now() < this.#rangeDueAtMs) return;
    this.#rangeDueAtMs = clock.now() + lowerBoundIntervalMs;
    try {
      const offers = (method: string): boolean => upstream.offers(method);
      const blocks = await chain.probes.widestRange?.(upstream.background, offers);
      if (this.#watch !== watch) return;
      upstream.state.widestRange = blocks;
      this.#failedRanges = 0;
    } catch (error) {
      if (this.#watch !== watch) return;
      // With the next list of methods at first, then ever more rarely: it may cost a node much.
      const waitMs = probeIntervalMs * (2 ** this.#failedRanges - 1);
      this.#rangeDueAtMs = clock.now() + Math.min(lowerBoundIntervalMs, waitMs);
      this.#failedRanges += 1;
      this.#lastTrouble = `widest range: ${messageOf(error)}`;
    }
  }

  async #methods(): Promise<ReadonlySet<string> | undefined> {
    const { chain, upstream } = this.#options;
    try {
      return await chain.probes.methods(upstream.client);
    } catch (error) {
      this.#lastTrouble = `method list: ${messageOf(error)}`;
      return upstream.state.methods;
    }
  }

  /** `undefined` while failures are too few to change the verdict. */
  async #health(): Promise<HealthReport | undefined> {
    const { upstream, chain, unhealthyThreshold } = this.#options;
    try {
      const report = await chain.probes.health(upstream.client);
      this.#failedProbes = 0;
      return report;
    } catch (error) {
      this.#failedProbes += 1;
      this.#lastTrouble = `probe: ${messageOf(error)}`;
      const isNew = upstream.state.health === undefined;
      if (!isNew && this.#failedProbes < unhealthyThreshold) return undefined;
      return { status: 'unhealthy', reason: `probe failed: ${messageOf(error)}` };
    }
  }
}
