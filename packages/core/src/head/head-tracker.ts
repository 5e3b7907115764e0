import type { Block, Chain, HeadObserver, UpstreamClient } from '../chain/chain.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { UpstreamState } from '../upstream/state.ts';
import type { ChainHead } from './chain-head.ts';

/** Options of {@link HeadTracker}. */
export interface HeadTrackerOptions {
  readonly chain: Chain;
  readonly client: UpstreamClient;
  readonly state: UpstreamState;
  readonly head: ChainHead;
  readonly clock: Clock;
  /** Time between polls, in milliseconds. @default half a block time, 500 ms to 6 s */
  readonly pollIntervalMs?: number;
  /**
   * A subscription that brings no new best block for so long is taken down and made again: nodes drop
   * slow subscribers without a word. When it brings no finalized one for four times as long, the
   * upstream is asked, as finality may stand still by itself. @default 5 block times, at least 15 s
   */
  readonly silenceMs?: number;
  /**
   * How many missing ancestors are fetched to connect a block to the known ones; past it the chain
   * has a hole there. @default 128
   */
  readonly maxBackfill?: number;
  /** Told when following failed or ended, with the reason. @default nobody */
  readonly onTrouble?: (reason: string) => void;
}

/** Silence of finality is looked into after so many times the silence of heads. */
const finalityPatience = 4;
/** Polls are no closer than this, in milliseconds, whoever waits. */
const minPollMs = 500;
/** How many notices may wait for a backfill; past it the tracker starts again. */
const maxQueued = 1024;
/** How often a parent is asked for: behind one URL there may be nodes that lack it for a moment. */
const fetchTries = 3;
const fetchPauseMs = 500;
/** Holes that are remembered, so that nobody tries to fill them again with every block. */
const maxHoles = 64;

type Notice =
  | { readonly kind: 'block'; readonly block: Block; readonly best: boolean }
  | { readonly kind: 'finalized' | 'safe'; readonly block: Block }
  /** A known block whose ancestors are wanted. */
  | { readonly kind: 'loose'; readonly block: Block };

/**
 * Follows the head of one upstream, by subscription where it can and by polling otherwise, and
 * reports connected blocks: a block's missing ancestors are fetched and reported before it.
 */
export class HeadTracker {
  readonly #options: Required<Omit<HeadTrackerOptions, 'onTrouble'>>;
  readonly #onTrouble: (reason: string) => void;
  readonly #stop = new AbortController();
  readonly #queue: Notice[] = [];
  /** Ancestors of a block that could not be connected yet: a failed backfill goes on from them. */
  readonly #fetched = new Map<string, Block>();
  /** Known blocks whose parents cannot be had. */
  readonly #holes = new Set<string>();
  #working = false;
  /** Ends the pause before the next try. */
  #endPause: (() => void) | undefined;
  /** When it was polled last; `undefined` while it is followed. */
  #polledAtMs: number | undefined;
  #wake: (() => void) | undefined;

  constructor(options: HeadTrackerOptions) {
    const blockTimeMs = options.chain.blockTimeMs;
    this.#options = {
      pollIntervalMs: Math.min(6000, Math.max(minPollMs, blockTimeMs / 2)),
      silenceMs: Math.max(5 * blockTimeMs, 15_000),
      maxBackfill: 128,
      ...options,
    };
    this.#onTrouble = options.onTrouble ?? (() => {});
  }

  /** Follows until {@link stop}. Never rejects: trouble is told and tried again. */
  async run(): Promise<void> {
    const { client, clock, pollIntervalMs } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        this.#polledAtMs = client.canSubscribe ? undefined : clock.now();
        if (client.canSubscribe) await this.#follow();
        else await this.#poll();
      } catch (error) {
        if (!signal.aborted)
          this.#onTrouble(error instanceof Error ? error.message : String(error));
      }
      // Also after a success: an ended subscription must not turn into a tight loop.
      await this.#pause(pollIntervalMs);
    }
  }

  /**
   * Somebody waits for a newer block: an upstream that is polled is so now, at most twice a second. Does
   * nothing while it is followed.
   */
  hurry(): void {
    const sinceMs = this.#options.clock.now() - (this.#polledAtMs ?? Number.POSITIVE_INFINITY);
    if (sinceMs >= minPollMs) this.#endPause?.();
  }

  /** Ends for good; nothing is reported afterwards. */
  stop(): void {
    this.#stop.abort();
    this.#queue.length = 0;
    this.#wake?.();
    this.#endPause?.();
  }

  #pause(ms: number): Promise<void> {
    const { clock } = this.#options;
    if (this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clock.clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
      const timer = clock.setTimeout(end, ms);
      this.#endPause = end;
    });
  }

  async #poll(): Promise<void> {
    const { best, finalized, safe } = await this.#options.chain.heads.poll(this.#options.client);
    this.#enqueue({ kind: 'finalized', block: finalized });
    this.#enqueue({ kind: 'block', block: best, best: true });
    if (safe) this.#enqueue({ kind: 'safe', block: safe });
  }

  /** Resolves when the subscription ended, by whatever cause. */
  async #follow(): Promise<void> {
    const { chain, client, clock, silenceMs } = this.#options;
    let bestAtMs = clock.now();
    let finalizedAtMs = bestAtMs;
    let finalized = -1;
    let ended: string | undefined;
    const end = (reason: string): void => {
      ended ??= reason;
      this.#wake?.();
    };
    const observer: HeadObserver = {
      onBlock: (block, best) => {
        // Of a node that dropped one feed silently the others go on.
        if (best) bestAtMs = clock.now();
        if (ended === undefined && !this.#enqueue({ kind: 'block', block, best })) {
          end('too many heads at once');
        }
      },
      onFinalized: (block) => {
        finalizedAtMs = clock.now();
        finalized = block.number;
        if (ended === undefined && !this.#enqueue({ kind: 'finalized', block })) {
          end('too many heads at once');
        }
      },
      onSafe: (block) => {
        if (ended === undefined && !this.#enqueue({ kind: 'safe', block })) {
          end('too many heads at once');
        }
      },
      onEnd: end,
    };
    let unfollow: () => void;
    try {
      unfollow = await chain.heads.follow(client, observer);
    } catch (error) {
      // A part of it may have started.
      ended = 'not started';
      throw error;
    }
    try {
      while (ended === undefined && !this.#stop.signal.aborted) {
        const now = clock.now();
        const leftMs = bestAtMs + silenceMs - now;
        const leftToFinalizeMs = finalizedAtMs + finalityPatience * silenceMs - now;
        if (leftMs <= 0) {
          ended = `no new head for ${silenceMs} ms`;
        } else if (leftToFinalizeMs <= 0) {
          finalizedAtMs = now;
          if (await this.#hasFinalized(finalized)) ended ??= 'its finalized heads fell silent';
        } else {
          await this.#sleep(Math.min(leftMs, leftToFinalizeMs));
        }
      }
    } finally {
      unfollow();
    }
    if (ended !== undefined && !this.#stop.signal.aborted) this.#onTrouble(ended);
  }

  /** Finality may stand still by itself: has the upstream finalized more than it told? */
  async #hasFinalized(told: number): Promise<boolean> {
    const { chain, client } = this.#options;
    try {
      return (await chain.heads.poll(client)).finalized.number > told;
    } catch (error) {
      this.#onTrouble(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** Waits until woken or for so long. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimeout(resolve, ms);
      this.#wake = () => {
        this.#options.clock.clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** False when the queue is full. */
  #enqueue(notice: Notice): boolean {
    if (this.#stop.signal.aborted) return true;
    // The common case is a block whose ancestors are known: reported in the same turn.
    if (!this.#working && this.#isConnected(notice)) {
      this.#report(notice);
      return true;
    }
    return this.#push(notice);
  }

  #push(notice: Notice): boolean {
    if (this.#queue.length >= maxQueued) return false;
    this.#queue.push(notice);
    if (!this.#working) void this.#work();
    return true;
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      for (;;) {
        const notice = this.#queue.shift();
        if (!notice || this.#stop.signal.aborted) return;
        if (!this.#isConnected(notice)) await this.#connect(notice.block);
        if (!this.#stop.signal.aborted) this.#report(notice);
      }
    } catch (error) {
      this.#queue.length = 0;
      this.#onTrouble(error instanceof Error ? error.message : String(error));
    } finally {
      this.#working = false;
    }
  }

  #report(notice: Notice): void {
    const { head, state } = this.#options;
    if (notice.kind === 'block') head.report(state, notice.block, notice.best);
    if (notice.kind === 'safe') head.reportSafe(state, notice.block);
    if (notice.kind !== 'finalized') return;
    head.reportFinalized(state, notice.block);
    // The first best block was told before there was a finalized one to connect it to.
    const best = state.best && head.tree.get(state.best.hash);
    if (best && !this.#mayEndAt(this.#lowestKnown(best))) {
      this.#push({ kind: 'loose', block: best });
    }
  }

  /** Is nothing missing between the block and the finalized one? */
  #isConnected({ kind, block }: Notice): boolean {
    // Whoever told of a block first has seen to its ancestors.
    if (kind === 'block' && this.#options.head.tree.has(block.hash)) return true;
    return this.#mayEndAt(this.#lowestKnown(block));
  }

  /** The end of the known chain below a block: itself when its parent is not known. */
  #lowestKnown(block: Block): Block {
    const { tree } = this.#options.head;
    const floor = this.#floor();
    let lowest = block;
    while (lowest.number > floor) {
      const parent = tree.get(lowest.parentHash);
      if (!parent || parent.number >= lowest.number) break;
      lowest = parent;
    }
    return lowest;
  }

  #mayEndAt(lowest: Block): boolean {
    return lowest.number <= this.#floor() || this.#holes.has(lowest.hash);
  }

  /** Nothing below the finalized block matters; before there is one, nothing below all blocks. */
  #floor(): number {
    const { tree, finalized } = this.#options.head;
    return Math.max(0, finalized?.number ?? tree.lowest);
  }

  /** Fetches and reports the missing ancestors, oldest first. */
  async #connect(block: Block): Promise<void> {
    const { head, state, maxBackfill } = this.#options;
    const missing: Block[] = [];
    const root = this.#lowestKnown(block);
    let lowest = root;
    while (!this.#mayEndAt(lowest)) {
      const parent = missing.length < maxBackfill ? await this.#parentOf(lowest) : undefined;
      if (this.#stop.signal.aborted) return;
      if (!parent) {
        // Too far, or nowhere: what is known stays below the hole until it is pruned.
        this.#noteHole(root);
        return;
      }
      missing.push(parent);
      lowest = this.#lowestKnown(parent);
    }
    this.#fetched.clear();
    for (const ancestor of missing.reverse()) head.report(state, ancestor, false);
  }

  /** `undefined` when the upstream does not give it, or gives another block. */
  async #parentOf({ number, parentHash }: Block): Promise<Block | undefined> {
    const { chain, client, clock, maxBackfill } = this.#options;
    let parent = this.#fetched.get(parentHash);
    for (let tries = 1; !parent; tries += 1) {
      parent = await chain.heads.fetch(client, parentHash);
      if (parent || tries === fetchTries) break;
      await delay(clock, fetchPauseMs, this.#stop.signal);
    }
    if (parent?.hash !== parentHash || parent.number !== number - 1) return undefined;
    if (this.#fetched.size >= 2 * maxBackfill) this.#fetched.clear();
    this.#fetched.set(parentHash, parent);
    return parent;
  }

  #noteHole(root: Block): void {
    this.#fetched.clear();
    if (this.#holes.size >= maxHoles) this.#holes.clear();
    this.#holes.add(root.hash);
  }
}
