import type { BlockIndex } from '../chain/block-index.ts';
import type { Block, BlockId } from '../chain/chain.ts';
import { Emitter } from '../telemetry/emitter.ts';
import type { Clock } from '../time/clock.ts';
import type { UpstreamState } from '../upstream/state.ts';
import { BlockTree } from './block-tree.ts';
import { FinalHeights } from './final-heights.ts';
import { ReachedHeights } from './reached-heights.ts';
import { chooseSafe } from './safe-head.ts';
import { StallWatch } from './stall-watch.ts';

/** Options of {@link ChainHead}. */
export interface ChainHeadOptions {
  readonly clock: Clock;
  /** Expected time between blocks, in milliseconds. */
  readonly blockTimeMs: number;
  /**
   * How many upstreams must call a block final before the pool does; never more than there are
   * upstreams fit to vote, so a single upstream is believed. @default 2
   */
  readonly finalizedQuorum?: number;
  /**
   * How many blocks one upstream's best head may run ahead of every other's before the pool stops
   * following it; keep it below the lag at which an upstream leaves rotation. Does nothing with a
   * single voter. @default 3
   */
  readonly maxUnconfirmedLead?: number;
  /** Final blocks kept for ancestry questions and late subscribers. @default 256 */
  readonly historyBlocks?: number;
  /** No new best block for so long raises the alarm. @default 10 block times, at least 30 s */
  readonly stallAfterMs?: number;
}

/** A head that is more blocks than this behind, and runs too fast, is one that catches up. */
const catchUpBlocks = 10;

/** What a {@link ChainHead} tells. */
export interface ChainHeadEvents {
  /** A block nobody had told of before. */
  block: Block;
  /** The pool's best head moved. */
  best: Block;
  /** The pool's finalized head moved. */
  finalized: Block;
  /** Some upstream has a block it did not have before, whether or not the pool's head moved. */
  progress: undefined;
  /** The best head left blocks behind: what went, and what came. */
  reorg: { readonly retracted: readonly Block[]; readonly applied: readonly Block[] };
  /** Most upstreams contradict what the pool held for final; their chain is taken. */
  finalityViolation: { readonly held: BlockId; readonly taken: BlockId };
  /** No new best block for `stallAfterMs`. */
  stalled: { readonly best: BlockId; readonly forMs: number };
  /** A new best block after a stall. */
  resumed: { readonly best: BlockId };
}

/** What the head does not tell by events, for snapshots. */
export interface ChainHeadSnapshot {
  readonly best: BlockId | undefined;
  readonly finalized: BlockId | undefined;
  readonly stalled: boolean;
  readonly knownBlocks: number;
}

/**
 * The pool's one opinion of the chain, made of what every upstream says. It never believes an
 * upstream alone where another could confirm:
 *
 * 1. Best is the highest block that a voter has, but at most `maxUnconfirmedLead` above the second
 *    highest voter, and never off the finalized chain; a voter that has been alone on its fork for
 *    some blocks while two others share another is not followed. It is always some voter's: when
 *    the only upstream that has a block goes, best steps back to what is left. A single second
 *    voter that is far behind holds best where it is, but does not take it back.
 * 2. Finalized is the highest block that `finalizedQuorum` voters call final. It never goes back,
 *    with two exceptions, and both are reported: when two or more upstreams (or the only one there
 *    is) contradict it and outnumber those who agree, because the pool was first filled by a liar
 *    or a development chain began anew; and when the pool has stalled because as many, and most,
 *    say that they are on a chain that does not reach it, so that nobody can tell whether it is theirs.
 * 3. A voter is healthy, connected, not forked, has moved its head while others did, and is not
 *    working through old blocks far behind the others (a syncing node that does not say so). Those
 *    that do not reach the finalized block do not hold up the others, unless they are the most.
 */
export class ChainHead implements BlockIndex {
  readonly events = new Emitter<ChainHeadEvents>();
  readonly tree: BlockTree;
  /** Which heights final blocks have; goes back further than the tree. */
  readonly finalHeights = new FinalHeights();
  readonly #states = new Map<string, UpstreamState>();
  readonly #clock: Clock;
  readonly #blockTimeMs: number;
  readonly #finalizedQuorum: number;
  readonly #maxUnconfirmedLead: number;
  readonly #historyBlocks: number;
  readonly #reached: ReachedHeights;
  readonly #stall: StallWatch;
  #best: Block | undefined;
  #finalized: Block | undefined;
  #safe: Block | undefined;
  #highest = -1;
  #closed = false;

  constructor(options: ChainHeadOptions) {
    this.#clock = options.clock;
    this.#blockTimeMs = options.blockTimeMs;
    this.#finalizedQuorum = options.finalizedQuorum ?? 2;
    this.#maxUnconfirmedLead = options.maxUnconfirmedLead ?? 3;
    this.#historyBlocks = options.historyBlocks ?? 256;
    // Without finality nothing is pruned from below; the bound holds all the same.
    this.#reached = new ReachedHeights(4 * this.#historyBlocks);
    this.#stall = new StallWatch({
      clock: options.clock,
      stallAfterMs: options.stallAfterMs ?? Math.max(10 * options.blockTimeMs, 30_000),
      onStalled: (forMs) => {
        this.events.emit('stalled', { best: this.#best as Block, forMs });
        this.reconsider();
      },
      onResumed: () => this.events.emit('resumed', { best: this.#best as Block }),
    });
    this.tree = new BlockTree({ maxBlocks: Math.max(4096, 4 * this.#historyBlocks) });
  }

  get best(): Block | undefined {
    return this.#best;
  }

  get finalized(): Block | undefined {
    return this.#finalized;
  }

  /**
   * The highest block of the best chain that `finalizedQuorum` voters call safe, never below the
   * finalized one; that one where nobody knows a safe one.
   */
  get safe(): Block | undefined {
    const [safe, finalized] = [this.#safe, this.#finalized];
    return safe && safe.number > (finalized?.number ?? -1) ? safe : finalized;
  }

  /**
   * How far the word of one upstream is believed that its chain has reached a height: as far as its head
   * would be followed, `maxUnconfirmedLead` above the best block; -1 while there is none.
   */
  believable(height: number): number {
    return this.#best ? Math.min(height, this.#best.number + this.#maxUnconfirmedLead) : -1;
  }

  /** The greatest height that an upstream says it has reached; above the best while nobody confirms it. */
  get highestClaim(): number {
    let highest = -1;
    for (const { best } of this.#states.values()) highest = Math.max(highest, best?.number ?? -1);
    return highest;
  }

  /** Is this block on the chain that the upstream called its best last? Not as far as anybody knows, once pruned. */
  isOnBestOf(upstream: string, hash: string): boolean {
    const best = this.#states.get(upstream)?.best;
    return best !== undefined && this.tree.isAncestor(hash, best.hash);
  }

  get stalled(): boolean {
    return this.#stall.stalled;
  }

  /** Counts this upstream's word from now on. */
  join(id: string, state: UpstreamState): void {
    this.#states.set(id, state);
  }

  /** Forgets an upstream. */
  leave(id: string): void {
    this.#states.delete(id);
    this.reconsider();
  }

  /** The upstream has this block, which is its best one if `best`. */
  report(state: UpstreamState, block: Block, best: boolean): void {
    if (!this.#isSound(block)) return;
    state.announce(block.hash);
    if (best) {
      if (state.best?.hash !== block.hash) state.bestAtMs = this.#clock.now();
      state.best = { number: block.number, hash: block.hash };
      state.isBestInferred = false;
      this.#notePace(state, block.number);
    }
    const isNew = this.#admits(block) && this.tree.add(block, state);
    // Known before best is chosen, heard after: who listens to blocks must find parents first.
    if (isNew) this.events.emit('block', block);
    if (isNew || best) this.reconsider();
    this.events.emit('progress', undefined);
  }

  /** The upstream calls this block final. */
  reportFinalized(state: UpstreamState, block: Block): void {
    if (!this.#isSound(block)) return;
    state.announce(block.hash);
    if (this.#admits(block) && this.tree.add(block, state)) this.events.emit('block', block);
    // A node's own finalized head does not go back; an older notice is a late one.
    if (state.finalized && state.finalized.number > block.number) return;
    state.finalized = { number: block.number, hash: block.hash };
    if (!state.best || state.best.number < block.number) {
      state.best = state.finalized;
      state.isBestInferred = true;
      state.bestAtMs = this.#clock.now();
    }
    this.reconsider();
    this.events.emit('progress', undefined);
  }

  /** The upstream calls this block safe. */
  reportSafe(state: UpstreamState, block: Block): void {
    if (!this.#isSound(block)) return;
    state.announce(block.hash);
    if (this.#admits(block) && this.tree.add(block, state)) this.events.emit('block', block);
    state.safe = { number: block.number, hash: block.hash };
    this.reconsider();
  }

  /** Looks at all claims again; called after an upstream's health or connection changed. */
  reconsider(): void {
    if (this.#closed) return;
    this.#chooseFinalized(this.#voters());
    this.#markForks();
    // Chosen anew: a fork is known now, or has become the pool's own chain.
    const voters = this.#voters();
    this.#chooseBest(voters);
    const quorum = Math.max(1, Math.min(this.#finalizedQuorum, voters.length));
    this.#safe = chooseSafe(this.tree, voters, quorum, this.#best, this.#safe);
  }

  numberOf(hash: string): number | undefined {
    return this.tree.get(hash)?.number;
  }

  isAncestor(ancestor: string, descendant: string): boolean {
    return this.tree.isAncestor(ancestor, descendant);
  }

  isFinal(hash: string): boolean {
    return this.#finalized !== undefined && this.tree.isAncestor(hash, this.#finalized.hash);
  }

  /** How many blocks an upstream is behind the pool's best head; 0 when it is not. */
  lagBlocks(state: UpstreamState): number {
    if (!this.#best) return 0;
    return Math.max(0, this.#best.number - (state.best?.number ?? -1));
  }

  /** For how long, in milliseconds, the pool has had a block that this upstream still lacks. */
  lagMs(state: UpstreamState): number {
    if (!state.best || this.lagBlocks(state) === 0) return 0;
    // What lies below all that was noted has been there for longer than that.
    const since = this.#reached.at(state.best.number + 1) ?? this.#reached.oldestAtMs;
    return since === undefined ? 0 : this.#clock.now() - since;
  }

  snapshot(): ChainHeadSnapshot {
    const id = (block: Block | undefined): BlockId | undefined =>
      block && { number: block.number, hash: block.hash };
    return {
      best: id(this.#best),
      finalized: id(this.#finalized),
      stalled: this.#stall.stalled,
      knownBlocks: this.tree.size,
    };
  }

  close(): void {
    this.#closed = true;
    this.#stall.close();
    this.#states.clear();
  }

  /** Old history (a syncing node's heads) would only push the useful blocks out. */
  #admits(block: Block): boolean {
    return !this.#finalized || block.number > this.#finalized.number - this.#historyBlocks;
  }

  /** A height that does not follow from the parent's is a lie, and would bend every measure. */
  #isSound(block: Block): boolean {
    const parent = this.tree.get(block.parentHash);
    return parent === undefined || parent.number === block.number - 1;
  }

  /**
   * Two blocks for each block time are taken for the pace of a node at the head; a few at once may
   * be a reconnect.
   */
  #notePace(state: UpstreamState, number: number): void {
    const now = this.#clock.now();
    const { sinceMs, from } = state.pace ?? { sinceMs: now, from: number };
    const elapsedMs = now - sinceMs;
    const isFast = number - from > catchUpBlocks + (2 * elapsedMs) / this.#blockTimeMs;
    if (isFast) state.catchingUp = true;
    if (elapsedMs >= 3 * this.#blockTimeMs) {
      state.catchingUp = isFast;
      state.pace = { sinceMs: now, from: number };
    } else state.pace = { sinceMs, from };
  }

  #voters(): UpstreamState[] {
    const voters: UpstreamState[] = [];
    let highest = 0;
    for (const state of this.#states.values()) {
      if (state.voting && !state.forked && state.best && !this.#isLeftBehind(state)) {
        voters.push(state);
        highest = Math.max(highest, state.best.number);
      }
    }
    return this.#abreast(
      voters.filter(
        ({ catchingUp, best }) =>
          !catchingUp || highest - (best as BlockId).number <= catchUpBlocks,
      ),
    );
  }

  /** Leaves out those that do not reach the finalized block, unless they are the most. */
  #abreast(voters: UpstreamState[]): UpstreamState[] {
    const abreast = voters.filter((state) => !this.#fallsShort(state));
    return 2 * abreast.length >= voters.length ? abreast : voters;
  }

  /** Is its best block below the finalized one, or on another chain? */
  #fallsShort(state: UpstreamState): boolean {
    if (!this.#finalized || !state.best) return false;
    return state.best.number < this.#finalized.number || this.#contradicts(state.best);
  }

  /** Its head stood still while the pool's moved on: hung or cut off, its word is old. */
  #isLeftBehind(state: UpstreamState): boolean {
    const patienceMs = Math.max(3 * this.#blockTimeMs, 5000);
    return this.lagMs(state) > patienceMs && this.#clock.now() - state.bestAtMs > patienceMs;
  }

  #chooseFinalized(voters: readonly UpstreamState[]): void {
    const claims = voters.filter((state) => state.finalized !== undefined);
    const quorum = Math.max(1, Math.min(this.#finalizedQuorum, voters.length));
    const held = this.#finalized;
    let chosen: Block | undefined;
    for (const claim of claims) {
      const block = this.tree.get((claim.finalized as BlockId).hash);
      if (!block || block.number <= (chosen ?? held ?? { number: -1 }).number) continue;
      if (held && !this.#mayFollow(held, block)) continue;
      if (this.#support(claims, block) >= quorum) chosen = block;
    }
    if (chosen) this.#setFinalized(chosen);
    else if (held) this.#repairFinality(held, claims);
  }

  /** Is `block` on a chain that continues `held`? A gap too wide to fill is given the benefit. */
  #mayFollow(held: Block, block: Block): boolean {
    const at = this.tree.ancestorAt(block.hash, held.number);
    return at ? at.hash === held.hash : true;
  }

  #support(claims: readonly UpstreamState[], block: Block): number {
    let count = 0;
    for (const claim of claims) {
      if (this.tree.isAncestor(block.hash, (claim.finalized as BlockId).hash)) count += 1;
    }
    return count;
  }

  /** Rule 2's exceptions. Forked upstreams do not vote otherwise, so all are asked here. */
  #repairFinality(held: Block, claims: readonly UpstreamState[]): void {
    const fit = [...this.#states.values()].filter((state) => state.voting && state.finalized);
    const against = fit.filter((state) => this.#contradicts(state.finalized as BlockId));
    const agreeing = claims.filter((claim) => !against.includes(claim)).length;
    const needed = Math.min(2, this.#states.size);
    if (against.length >= needed && against.length > agreeing) {
      for (const state of against) {
        const block = this.tree.get((state.finalized as BlockId).hash);
        if (block && this.#support(against, block) > agreeing) {
          this.#letGo(held, block);
          this.#setFinalized(block);
          return;
        }
      }
    }
    const short = fit.filter(
      (state) =>
        !state.isBestInferred &&
        this.#fallsShort(state) &&
        (state.finalized as BlockId).number < held.number,
    );
    if (!this.#stall.stalled || short.length < needed || 2 * short.length <= fit.length) return;
    this.#letGo(held, (short[0] as UpstreamState).finalized as BlockId);
    this.#chooseFinalized(this.#voters());
  }

  /** Begins anew: what was measured on the old chain says nothing about the other. */
  #letGo(held: Block, taken: BlockId): void {
    this.#finalized = undefined;
    this.#safe = undefined;
    this.#best = undefined;
    this.#highest = -1;
    this.#reached.clear();
    this.finalHeights.clear();
    for (const state of this.#states.values()) state.forked = false;
    this.events.emit('finalityViolation', { held, taken });
  }

  #setFinalized(block: Block): void {
    this.#finalized = block;
    this.#noteFinal(block);
    this.events.emit('finalized', block);
    const oldest = block.number - this.#historyBlocks;
    this.tree.pruneBelow(oldest);
    this.#reached.forgetBelow(oldest);
  }

  /** The block and all below it that are known and were not final before. */
  #noteFinal(block: Block): void {
    const fresh: Block[] = [];
    let at: Block | undefined = block;
    while (at && !this.finalHeights.has(at.hash)) {
      fresh.push(at);
      at = this.tree.ancestorAt(at.hash, at.number - 1);
    }
    this.finalHeights.add(fresh.reverse());
  }

  /** Does calling this block final contradict what the pool holds for final? */
  #contradicts(claim: BlockId): boolean {
    const held = this.#finalized;
    if (!held || !this.tree.has(claim.hash)) return false;
    const [low, high] = claim.number <= held.number ? [claim, held] : [held, claim];
    const at = this.tree.ancestorAt(high.hash, low.number);
    return at !== undefined && at.hash !== low.hash;
  }

  #markForks(): void {
    for (const state of this.#states.values()) {
      const { best, finalized } = state;
      state.forked =
        (finalized !== undefined && this.#contradicts(finalized)) ||
        (best !== undefined && this.#contradicts(best));
    }
  }

  #chooseBest(voters: readonly UpstreamState[]): void {
    const heads: Block[] = [];
    for (const voter of voters) {
      const block = this.tree.get((voter.best as BlockId).hash);
      if (block && !voter.forked) heads.push(block);
    }
    heads.sort((a, b) => b.number - a.number);
    // Also of those whose blocks are too old to be kept.
    const [, second] = voters.map(({ best }) => (best as BlockId).number).sort((a, b) => b - a);
    const cap = second === undefined ? Number.POSITIVE_INFINITY : second + this.#maxUnconfirmedLead;
    let chosen: Block | undefined;
    // Against one other voter nobody can tell who is wrong: what was believed stays.
    const kept = voters.length === 2 ? (this.#best?.number ?? 0) : 0;
    for (const head of heads) {
      const limit = this.#isOnBest(head) ? Math.max(cap, kept) : cap;
      const block = head.number <= limit ? head : this.tree.ancestorAt(head.hash, limit);
      if (!block || !this.#extendsFinalized(block) || this.#isLoner(head, heads)) continue;
      // At equal height the block we are on, or the chain we are on, is kept: no needless reorg.
      if (!chosen || block.number > chosen.number) chosen = block;
      else if (block.number === chosen.number && this.#isOnBest(block)) chosen = block;
    }
    if (!chosen || chosen.hash === this.#best?.hash) return;
    this.#setBest(chosen);
  }

  /** Has this head been alone on its fork for several block times, against two or more others? */
  #isLoner(head: Block, heads: readonly Block[]): boolean {
    let against = 0;
    for (const other of heads) {
      const path = other === head ? undefined : this.tree.path(other.hash, head.hash);
      const [split, rival] = [path?.applied[0], path?.retracted.at(-1)];
      if (!split || !rival) continue;
      if (heads.some((each) => each !== head && this.tree.isAncestor(split.hash, each.hash))) {
        return false;
      }
      const sinceMs = this.#clock.now() - (this.#reached.at(split.number) ?? Infinity);
      if (sinceMs > 3 * this.#blockTimeMs) against += 1;
    }
    return against >= 2;
  }

  #isOnBest(block: Block): boolean {
    return this.#best !== undefined && this.tree.isAncestor(this.#best.hash, block.hash);
  }

  #extendsFinalized(block: Block): boolean {
    const finalized = this.#finalized;
    if (!finalized) return true;
    if (block.number < finalized.number) return false;
    return this.#mayFollow(finalized, block);
  }

  #setBest(block: Block): void {
    const previous = this.#best;
    this.#best = block;
    if (block.number > this.#highest) {
      this.#highest = block.number;
      const from = previous
        ? Math.max(previous.number + 1, block.number - this.#historyBlocks)
        : block.number;
      this.#reached.note(from, block.number, this.#clock.now());
      this.#stall.noteProgress();
    }
    if (previous) {
      const path = this.tree.path(previous.hash, block.hash);
      if (path && path.retracted.length > 0) this.events.emit('reorg', path);
    }
    this.events.emit('best', block);
  }
}
