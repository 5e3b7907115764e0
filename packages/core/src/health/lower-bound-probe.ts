import type { BlockData, Chain, ChainProbes } from '../chain/chain.ts';
import type { Clock, TimerHandle } from '../time/clock.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { findOldest } from './find-oldest.ts';

/** Options of {@link LowerBoundProbe}. */
export interface LowerBoundProbeOptions {
  readonly upstream: Upstream;
  readonly chain: Chain;
  readonly clock: Clock;
  /** Time between two searches, in milliseconds. */
  readonly intervalMs: number;
  /** A search ended, well or not. */
  readonly onChange: () => void;
  /** A search failed or led to nothing: why. */
  readonly onTrouble: (reason: string) => void;
}

/** First the head should be known, in milliseconds after the connection came up. */
const firstMs = 1_000;

/** How soon a search is made again that failed, or whose finding an error contradicts, at most. */
const againMs = 30_000;

const everyData: readonly BlockData[] = ['state', 'block'];

/** One stretch of searching; what comes in late from another does not count. */
interface Run {
  timer: TimerHandle;
}

/**
 * Finds out, behind the traffic, how far back one upstream's history goes: soon after it connected,
 * then every `intervalMs`, and within half a minute after a failure, or after an error that
 * contradicts what was found. Until something is known the upstream serves as one that may have everything.
 */
export class LowerBoundProbe {
  readonly #options: LowerBoundProbeOptions;
  readonly #keeps: ChainProbes['keeps'];
  #run: Run | undefined;
  #dueAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: LowerBoundProbeOptions) {
    const { probes } = options.chain;
    this.#options = options;
    this.#keeps = probes.keeps?.bind(probes);
  }

  /** Begins to search; does nothing for a chain that does not say what an upstream keeps. */
  start(): void {
    const { clock } = this.#options;
    this.stop();
    if (!this.#keeps) return;
    this.#dueAtMs = Number.NEGATIVE_INFINITY;
    const run: Run = { timer: undefined };
    this.#run = run;
    run.timer = clock.setTimeout(() => void this.#look(run), firstMs);
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#run?.timer);
    this.#run = undefined;
  }

  async #look(run: Run): Promise<void> {
    const { upstream, clock, intervalMs } = this.#options;
    const { lowerBounds } = upstream.state;
    const isDoubted = lowerBounds.state.isDoubted || lowerBounds.block.isDoubted;
    if (isDoubted || clock.now() >= this.#dueAtMs) await this.#search(run);
    if (this.#run !== run) return;
    run.timer = clock.setTimeout(() => void this.#look(run), Math.min(intervalMs, againMs));
  }

  async #search(run: Run): Promise<void> {
    const { clock, intervalMs, onChange, onTrouble } = this.#options;
    let isDone = true;
    for (const data of everyData) {
      try {
        await this.#find(run, data);
      } catch (error) {
        if (this.#run !== run) return;
        isDone = false;
        onTrouble(`oldest ${data}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (this.#run !== run) return;
    }
    if (isDone) this.#dueAtMs = clock.now() + intervalMs;
    onChange();
  }

  /** @throws Error when the upstream cannot say, or has no head yet */
  async #find(run: Run, data: BlockData): Promise<void> {
    const { upstream, onTrouble } = this.#options;
    const { state, background } = upstream;
    const keeps = this.#keeps;
    const head = state.historyHead;
    if (head === undefined) throw new Error('no head yet');
    if (head < 1 || !keeps) return;
    const bound = state.lowerBounds[data];
    const has = async (height: number): Promise<boolean> => {
      // Of a connection that is gone, or was replaced, nothing more is asked.
      if (this.#run !== run) throw new Error('stopped');
      return keeps(background, data, height);
    };
    const oldest = await findOldest(has, head, bound.oldest(head));
    if (this.#run !== run) return;
    if (oldest !== undefined) {
      bound.settle(oldest, head);
    } else {
      bound.acquit();
      onTrouble(`oldest ${data}: its answers contradict one another`);
    }
  }
}
