import type { Clock } from '../time/clock.ts';
import { LatencySketch } from './latency-sketch.ts';

/** Options of {@link LatencyQuantile}. */
export interface LatencyQuantileOptions {
  /**
   * Answers are remembered for one to two times this, in milliseconds: two windows take turns.
   *
   * @default 60_000
   */
  readonly windowMs?: number;
  /** Fewer answers than this in the windows are no evidence. @default 20 */
  readonly minSamples?: number;
  /**
   * Methods kept at once, about 1.2 kB each; past it the one unused for longest is forgotten.
   *
   * @default 256
   */
  readonly maxMethods?: number;
}

/** What is known of one method. */
interface MethodLatencies {
  /** Number of the window that `current` belongs to. */
  window: number;
  current: LatencySketch;
  previous: LatencySketch;
  lastUsed: number;
}

/**
 * How long each method usually takes, for the delay after which a hedge is worth its cost
 * (Finagle: the percentile of `BackupRequestFilter`, tower: `hedge`'s rotating histogram).
 *
 * Methods differ a thousandfold, so each has its own distribution. Noting an answer allocates
 * nothing once the method is known.
 */
export class LatencyQuantile {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #minSamples: number;
  readonly #maxMethods: number;
  readonly #methods = new Map<string, MethodLatencies>();
  /** Counts uses, to know who was unused for longest. */
  #uses = 0;

  constructor(options: LatencyQuantileOptions & { readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#windowMs = options.windowMs ?? 60_000;
    this.#minSamples = options.minSamples ?? 20;
    this.#maxMethods = options.maxMethods ?? 256;
  }

  /** Methods kept now. */
  get size(): number {
    return this.#methods.size;
  }

  /** An answer to `method` came after `ms`. `nowMs` where the caller has just read the clock. */
  observe(method: string, ms: number, nowMs: number = this.#clock.now()): void {
    const latencies = this.#methods.get(method) ?? this.#add(method);
    this.#rotate(latencies, nowMs);
    latencies.current.observe(ms);
  }

  /**
   * The latency in milliseconds that a ratio `q` (0–1) of the answers to `method` did not exceed,
   * give or take 5 %; `undefined` as long as there is too little evidence.
   */
  quantile(method: string, q: number, nowMs: number = this.#clock.now()): number | undefined {
    const latencies = this.#methods.get(method);
    if (latencies === undefined) return undefined;
    this.#rotate(latencies, nowMs);
    const { current, previous } = latencies;
    if (current.count + previous.count < this.#minSamples) return undefined;
    return current.quantileWith(previous, q);
  }

  /** Makes the newest window the current one. */
  #rotate(latencies: MethodLatencies, nowMs: number): void {
    this.#uses++;
    latencies.lastUsed = this.#uses;
    const window = Math.floor(nowMs / this.#windowMs);
    const passed = window - latencies.window;
    if (passed === 0) return;
    const { current, previous } = latencies;
    if (passed > 1) current.clear();
    previous.clear();
    latencies.current = previous;
    latencies.previous = current;
    latencies.window = window;
  }

  #add(method: string): MethodLatencies {
    const latencies = this.#evict() ?? {
      window: 0,
      current: new LatencySketch(),
      previous: new LatencySketch(),
      lastUsed: 0,
    };
    this.#methods.set(method, latencies);
    return latencies;
  }

  /** When there is no room: the emptied record of the method unused for longest. */
  #evict(): MethodLatencies | undefined {
    if (this.#methods.size < this.#maxMethods) return undefined;
    let oldest: [string, MethodLatencies] | undefined;
    for (const entry of this.#methods) {
      if (oldest === undefined || entry[1].lastUsed < oldest[1].lastUsed) oldest = entry;
    }
    if (oldest === undefined) return undefined;
    const [method, latencies] = oldest;
    this.#methods.delete(method);
    latencies.current.clear();
    latencies.previous.clear();
    return latencies;
  }
}
