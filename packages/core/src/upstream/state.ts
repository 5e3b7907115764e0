import type { BlockIndex } from '../chain/block-index.ts';
import type { BlockData, BlockId, HealthReport } from '../chain/chain.ts';
import { type HistoryNeed, LowerBound } from './lower-bound.ts';

/** How many announced blocks are remembered for each upstream: several forks of several minutes. */
const maxAnnounced = 512;

/** Whether an upstream has a block: surely, surely not, or nobody can say. */
export type Possession = 'yes' | 'no' | 'unknown';

/**
 * All that is known of one upstream beyond its transport. Heads and health write it; selection and
 * snapshots read it.
 */
export class UpstreamState {
  /** The last health probe's outcome; `undefined` before the first. */
  health: HealthReport | undefined;
  /** What program it says it is; `undefined` when it does not say. */
  version: string | undefined;
  /** Methods it offers; `undefined` when it does not say. */
  methods: ReadonlySet<string> | undefined;
  /**
   * Methods that its options enable and that it said (-32601) not to have. They are still sent to it,
   * as the options ask for that, and an answer takes the name out again; the pool does not list them.
   */
  readonly disowned = new Set<string>();
  /** Its own best and finalized heads, as verified. */
  best: BlockId | undefined;
  /** Its best head was not told: it is its finalized one, below which it cannot be. */
  isBestInferred = false;
  finalized: BlockId | undefined;
  /** The block that it calls safe; `undefined` where chains have no such thing. */
  safe: BlockId | undefined;
  /** When its best head last moved, on the engine's clock. */
  bestAtMs = Number.NEGATIVE_INFINITY;
  /** Where its head stood when its pace was last measured. */
  pace: { readonly sinceMs: number; readonly from: number } | undefined;
  /** Its head runs much faster than blocks are made: it works through old ones. */
  catchingUp = false;
  /** Rests until then (rate limit), on the engine's clock. */
  coolDownUntilMs = Number.NEGATIVE_INFINITY;
  /** Says that a block is final which contradicts the pool's agreed chain. */
  forked = false;
  /** Connected and healthy enough that its word on the chain's head counts. */
  voting = false;
  /** Was never connected to, though it had the time: it may not exist, and nobody waits for its word. */
  unreached = false;
  /** What it said of itself at its last connection was not of our chain. */
  stranger = false;
  /** Finishes what it has, and gets nothing new. */
  draining = false;
  /** The oldest block of which it has each sort of data. */
  readonly lowerBounds: Readonly<Record<BlockData, LowerBound>> = {
    block: new LowerBound(),
    state: new LowerBound(),
  };
  /** The most blocks from which it reads one answer; `undefined` when no bound is known. */
  widestRange: number | undefined;
  readonly #announced = new Set<string>();

  /**
   * The height behind which it keeps its history: of its finalized head, as that is where nodes
   * prune from, or of its best one while it names no other.
   */
  get historyHead(): number | undefined {
    return (this.finalized ?? this.best)?.number;
  }

  /** Has it thrown away what the call needs? Not as far as anybody knows, when that is not known. */
  hasPruned({ data, oldest }: HistoryNeed): boolean {
    if (data === undefined || oldest === undefined) return false;
    const head = this.historyHead;
    return head !== undefined && this.lowerBounds[data].excludes(oldest, head);
  }

  /** Notes that it said to lack what the call needed. */
  noteLack({ data, oldest, isGuess }: HistoryNeed): void {
    const head = this.historyHead;
    if (data === undefined || oldest === undefined || isGuess || head === undefined) return;
    this.lowerBounds[data].raise(oldest, head);
  }

  /** Notes that the upstream has this block. */
  announce(hash: string): void {
    if (this.#announced.has(hash)) return;
    this.#announced.add(hash);
    if (this.#announced.size > maxAnnounced) {
      const [oldest] = this.#announced;
      this.#announced.delete(oldest as string);
    }
  }

  /** Forgets heads, history and what it said of methods: after a connection is lost nothing is known of what the node has. */
  forgetHeads(): void {
    this.best = undefined;
    this.finalized = undefined;
    this.safe = undefined;
    this.forked = false;
    this.pace = undefined;
    this.catchingUp = false;
    this.#announced.clear();
    this.disowned.clear();
    this.lowerBounds.block.forget();
    this.lowerBounds.state.forget();
    this.widestRange = undefined;
  }

  /** Does it have this block? */
  possesses(hash: string, index: BlockIndex): Possession {
    if (this.#announced.has(hash)) return 'yes';
    const number = index.numberOf(hash);
    if (number === undefined) return 'unknown';
    if (this.best === undefined || this.best.number < number) return 'no';
    if (index.isFinal(hash)) {
      // On the agreed chain height alone decides, unless this upstream contradicts that chain.
      return this.forked ? 'no' : 'yes';
    }
    return index.isAncestor(hash, this.best.hash) ? 'yes' : 'no';
  }
}
