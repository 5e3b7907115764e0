import type { Clock, TimerHandle } from '../time/clock.ts';
import { type CallCounts, findOutliers, type OutlierRule, successRatioOf } from './outliers.ts';

/** When {@link OutlierDetection} ejects, and for how long. */
export interface OutlierDetectionOptions extends Partial<OutlierRule> {
  /** Time between two judgements, in milliseconds (Envoy: `interval`). @default 10_000 */
  readonly intervalMs?: number;
  /** Length of a first ejection, in milliseconds (Envoy: `base_ejection_time`). @default 30_000 */
  readonly baseEjectionMs?: number;
  /** No ejection is longer, in milliseconds (Envoy: `max_ejection_time`). @default 300_000 */
  readonly maxEjectionMs?: number;
  /**
   * How much of the pool may be out at once, 0–1, rounded down, but one at least where there are
   * two or more, and never all (Envoy: `max_ejection_percent`, default 10 %). 0 switches ejection
   * off. @default 0.5
   */
  readonly maxEjectionRatio?: number;
  /** Told of every ejection. @default nobody */
  readonly onEject?: (ejection: Ejection) => void;
  /** Told of every upstream that comes back, but not of one that is removed. @default nobody */
  readonly onReturn?: (id: string) => void;
}

/** Why and until when an upstream is out. */
export interface Ejection {
  readonly id: string;
  /** On the given clock; it comes back with the first judgement after that. */
  readonly untilMs: number;
  /** Ejections in a row, this one included: the factor to the base time. */
  readonly count: number;
  /** Its success ratio when it was judged, 0–1. */
  readonly successRatio: number;
  /** What it should have reached, 0–1. */
  readonly threshold: number;
}

/** What is known of one upstream, for snapshots. */
export interface OutlierSnapshot {
  readonly id: string;
  /** Calls and successes since the last judgement. */
  readonly calls: number;
  readonly successes: number;
  /** Absent while it is in. */
  readonly ejection: Ejection | undefined;
}

interface Member extends CallCounts {
  readonly id: string;
  /** Ejections in a row. */
  count: number;
  ejection: Ejection | undefined;
}

/**
 * Takes an upstream out that does clearly worse than the rest of its pool, judged from the traffic
 * alone.
 *
 * Envoy's success rate ejection
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier). Every
 * `intervalMs`:
 *
 * 1. Who has been out for long enough comes back.
 * 2. Upstreams with `minCalls` since the last time are judged, if there are `minUpstreams` of them.
 * 3. Threshold = mean − `stdevFactor` × standard deviation of their success ratios.
 * 4. Who lies below it (and below `acceptableRatio`) is ejected, the worst first, as far as
 *    `maxEjectionRatio` allows, for `baseEjectionMs` × its ejections in a row.
 * 5. Who is in and was not ejected has one of its earlier ejections forgotten.
 * 6. The counts start anew.
 *
 * Returning comes with a judgement and not with a timer of its own, as in Envoy.
 */
export class OutlierDetection {
  readonly #clock: Clock;
  readonly #rule: OutlierRule;
  readonly #intervalMs: number;
  readonly #baseEjectionMs: number;
  readonly #maxEjectionMs: number;
  readonly #maxEjectionRatio: number;
  readonly #onEject: OutlierDetectionOptions['onEject'];
  readonly #onReturn: OutlierDetectionOptions['onReturn'];
  readonly #members = new Map<string, Member>();
  #ejected = 0;
  #timer: TimerHandle;
  #closed = false;

  constructor(options: OutlierDetectionOptions & { readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#rule = {
      minCalls: options.minCalls ?? 100,
      minUpstreams: options.minUpstreams ?? 5,
      stdevFactor: options.stdevFactor ?? 1.9,
      acceptableRatio: options.acceptableRatio ?? 0.9,
    };
    this.#intervalMs = options.intervalMs ?? 10_000;
    this.#baseEjectionMs = options.baseEjectionMs ?? 30_000;
    this.#maxEjectionMs = options.maxEjectionMs ?? 300_000;
    this.#maxEjectionRatio = options.maxEjectionRatio ?? 0.5;
    this.#onEject = options.onEject;
    this.#onReturn = options.onReturn;
    this.#arm();
  }

  /** A new upstream of the pool. Does nothing when it is known. */
  add(id: string): void {
    if (this.#members.has(id)) return;
    this.#members.set(id, { id, calls: 0, successes: 0, count: 0, ejection: undefined });
  }

  /**
   * The upstream left the pool; all about it is forgotten. When only ejected ones remain, the one
   * with the least time to go comes back.
   */
  remove(id: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    if (member.ejection) this.#ejected--;
    if (this.#ejected > 0 && this.#ejected === this.#members.size) this.#returnSoonest();
  }

  /** A call ended. Ignored for an upstream that is not in the pool (any more). */
  record(id: string, ok: boolean): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    member.calls++;
    if (ok) member.successes++;
  }

  /** Whether the upstream is out. */
  isEjected(id: string): boolean {
    return this.#ejected > 0 && this.#members.get(id)?.ejection !== undefined;
  }

  /** Everything it knows, upstream by upstream. */
  snapshot(): readonly OutlierSnapshot[] {
    return [...this.#members.values()].map(({ id, calls, successes, ejection }) => {
      return { id, calls, successes, ejection };
    });
  }

  /** Stops judging; who is out stays out. */
  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      try {
        this.#judge();
      } finally {
        // A listener that throws must not end all judging; one that closes this must.
        if (!this.#closed) this.#arm();
      }
    }, this.#intervalMs);
  }

  /** Steps 1 to 6 above. */
  #judge(): void {
    const nowMs = this.#clock.now();
    const members = [...this.#members.values()];
    const judged = members.filter(({ ejection }) => ejection === undefined);
    const returned = members.filter(({ ejection }) => ejection && ejection.untilMs <= nowMs);
    for (const member of returned) this.#release(member);

    const { outliers, threshold } = findOutliers(judged, this.#rule);
    const ejected = outliers.slice(0, Math.max(0, this.#maxEjected() - this.#ejected));
    for (const member of ejected) this.#eject(member, threshold, nowMs);

    for (const member of judged) {
      if (member.ejection === undefined && member.count > 0) member.count--;
    }
    for (const member of members) {
      member.calls = 0;
      member.successes = 0;
    }
    // Last, so that listeners see the judgement as a whole.
    for (const { id } of returned) this.#onReturn?.(id);
    for (const { ejection } of ejected) if (ejection) this.#onEject?.(ejection);
  }

  #maxEjected(): number {
    const { size } = this.#members;
    if (size < 2 || this.#maxEjectionRatio <= 0) return 0;
    return Math.min(size - 1, Math.max(1, Math.floor(size * this.#maxEjectionRatio)));
  }

  #eject(member: Member, threshold: number, nowMs: number): void {
    member.count++;
    this.#ejected++;
    member.ejection = {
      id: member.id,
      untilMs: nowMs + Math.min(this.#baseEjectionMs * member.count, this.#maxEjectionMs),
      count: member.count,
      successRatio: successRatioOf(member),
      threshold,
    };
  }

  #release(member: Member): void {
    member.ejection = undefined;
    this.#ejected--;
  }

  #returnSoonest(): void {
    let soonest: Member | undefined;
    for (const member of this.#members.values()) {
      const untilMs = soonest?.ejection?.untilMs ?? Number.POSITIVE_INFINITY;
      if (member.ejection && member.ejection.untilMs < untilMs) soonest = member;
    }
    if (soonest === undefined) return;
    this.#release(soonest);
    this.#onReturn?.(soonest.id);
  }
}
