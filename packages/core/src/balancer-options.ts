import type { Chain } from './chain/chain.ts';
import type { MethodsOptions } from './chain/with-methods.ts';
import type { OutlierDetectionOptions } from './health/outlier-detection.ts';
import type { PolicyOptions } from './policy/options.ts';
import type { Selector } from './selector/selector.ts';
import type { Clock, Random } from './time/clock.ts';
import type { CircuitBreakerOptions } from './upstream/circuit-breaker.ts';
import type { SlowStartOptions } from './upstream/slow-start.ts';
import type { UpstreamOptions } from './upstream/upstream.ts';

/** Options of `createBalancer`. */
export interface BalancerOptions {
  /** What the engine must know of the chain; a chain package makes it. */
  readonly chain: Chain;
  /** The upstreams to start with; a plain string is a URL. More may be added later. */
  readonly upstreams: readonly (string | UpstreamOptions)[];
  /**
   * Methods served though the chain denies them by default, and methods not served. Further ones are
   * served when an upstream enables them. @default what the chain says
   */
  readonly methods?: MethodsOptions;
  /** Picks among eligible upstreams. @default p2c on peak EWMA */
  readonly selector?: Selector;
  /** Deadline, retries, hedges. */
  readonly policy?: PolicyOptions;
  /** How heads are believed and compared. */
  readonly head?: HeadOptions;
  /** Probes and passive judgement. */
  readonly health?: HealthOptions;
  /** Live subscriptions at most; further ones are refused with `overloaded`. @default 100_000 */
  readonly maxSubscriptions?: number;
  /** @default the real clock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: Random;
}

/** How heads are believed and compared. */
export interface HeadOptions {
  /** Upstreams that must call a block final before the pool does. @default 2 */
  readonly finalizedQuorum?: number;
  /** How far one upstream's head is followed beyond all others', in blocks. @default 3 */
  readonly maxUnconfirmedLead?: number;
  /** An upstream further behind than this, in blocks, is out of rotation. @default 5 */
  readonly maxLagBlocks?: number;
  /** Behind for longer than this, in milliseconds, also. @default 10 block times */
  readonly maxLagMs?: number;
  /** No new block for so long raises an alarm. @default 10 block times, at least 30 s */
  readonly stallAfterMs?: number;
}

/** Probes and passive judgement of upstreams. All durations in milliseconds. */
export interface HealthOptions {
  /** Time between two health probes of one upstream. @default 10_000 */
  readonly probeIntervalMs?: number;
  /** Time for one probe or head call. @default 5_000 */
  readonly probeTimeoutMs?: number;
  /**
   * Time between two searches for the oldest block of which an upstream has the state and the body,
   * and for how many blocks it takes in one call. The first is made when it has connected, and one
   * that failed again within a minute; the second sort ever more rarely while it goes on failing. Does
   * nothing for chains that cannot tell. @default 600_000
   */
  readonly lowerBoundIntervalMs?: number;
  /** Failed probes in a row that make an upstream unhealthy. @default 2 */
  readonly unhealthyThreshold?: number;
  /** Rest after a rate limit that named no time. @default 5_000 */
  readonly coolDownMs?: number;
  /**
   * Share (0–1) of a role's upstreams below which ejection and open circuits are set aside, unless
   * another role can serve (Envoy: panic threshold, default 0.5 there). Counted over those that are
   * well or only ejected or open. @default 0.3
   */
  readonly panicThreshold?: number;
  readonly breaker?: Omit<CircuitBreakerOptions, 'clock' | 'random' | 'onState'>;
  readonly slowStart?: SlowStartOptions;
  readonly outlierDetection?: OutlierDetectionOptions;
}
