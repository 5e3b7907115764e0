import type { Block, ServiceHost, ServiceSink, ServiceSubscription, Session } from '@dshackle/core';
import type { FollowClient } from './follow-client.ts';
import { Operations } from './operations.ts';
import type { Runtimes, RuntimeText } from './runtimes.ts';

/** What a {@link Follow} is made of. */
export interface FollowOptions {
  readonly id: string;
  readonly withRuntime: boolean;
  readonly host: ServiceHost;
  readonly runtimes: Runtimes;
  readonly client: FollowClient;
  readonly session: Session;
  readonly sink: ServiceSink;
  /** Called once, when it is over. */
  readonly onEnd: (follow: Follow) => void;
}

/** A block that the client was told of and that is not known to be final or abandoned. */
interface Told {
  readonly block: Block;
  /** With `withRuntime` alone. */
  readonly runtime: RuntimeText | undefined;
}

/** Finalized blocks told at the beginning: enough for a client to find where it left off. */
const maxInitial = 16;

/** What became of looking for a block's place in what was told. */
type Place = Block | 'elsewhere' | 'unknown';

/**
 * One `chainHead_v1_follow`. It tells the pool's own head, as one node would, and keeps what the
 * client has pinned; which upstreams there are behind it, and whether one dies, makes no difference.
 *
 * It is told that something may have changed, and then looks for what there is to tell:
 *
 * 1. Blocks whose parent was told, that an upstream can answer for, and, with `withRuntime`, whose
 *    runtime is known.
 * 2. The best block: the pool's, or its highest ancestor that was told; but none that is lower than the
 *    best block told last, for the pool's steps back with the only upstream that has a block, and a
 *    node's does not. Finality alone takes it back.
 * 3. Finality: every block up to the pool's finalized one, or its highest ancestor that was told.
 *
 * It stops by itself only where going on would be a lie: when the finalized chain does not continue
 * the one that was told, or the pool no longer knows what lies between, and when pins exceed limits.
 */
export class Follow implements ServiceSubscription {
  readonly id: string;
  readonly withRuntime: boolean;
  readonly operations: Operations;
  readonly #options: FollowOptions;
  readonly #told = new Map<string, Told>();
  readonly #pins = new Map<string, Block>();
  #finalized: Told | undefined;
  #best: Block | undefined;
  /** The lowest height at which a block may wait to be told; infinite when none does. */
  #waitingFrom = Number.POSITIVE_INFINITY;
  #started = false;
  #over = false;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.id = options.id;
    this.withRuntime = options.withRuntime;
    const { maxOperations, maxWaitingOperations } = options.client.limits;
    this.operations = new Operations({
      maxRunning: maxOperations,
      maxWaiting: maxWaitingOperations,
      emit: (event) => this.#emit(event),
    });
  }

  /** Blocks that the client has pinned. */
  get pinned(): number {
    return this.#pins.size;
  }

  start(): void {
    this.#started = true;
    this.advance();
  }

  /** A pinned block. */
  pin(hash: string): Block | undefined {
    return this.#pins.get(hash);
  }

  /** Unpins all of these, each of which must be pinned. */
  unpin(hashes: readonly string[]): void {
    for (const hash of hashes) this.#pins.delete(hash);
  }

  /** Tells what there is to tell. `lowestNew`: where new blocks may be. */
  advance(lowestNew: number = Number.POSITIVE_INFINITY): void {
    if (lowestNew < this.#waitingFrom) this.#waitingFrom = lowestNew;
    if (!this.#started || this.#over) return;
    if (!this.#finalized && !this.#initialize()) return;
    if (this.#waitingFrom !== Number.POSITIVE_INFINITY) this.#tellBlocks();
    if (!this.#over) this.#tellHeads();
  }

  /** Tells `stop`, and nothing afterwards. */
  stop(): void {
    if (this.#over) return;
    this.#end();
    const { client, sink } = this.#options;
    client.stopped(this.id, () => {
      sink.onItem('{"event":"stop"}');
      sink.onDone();
    });
  }

  close(): void {
    this.#options.client.remove(this.id);
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.operations.close();
    this.#told.clear();
    this.#pins.clear();
    this.#options.onEnd(this);
  }

  /** Tells where it begins; false while that cannot be told. */
  #initialize(): boolean {
    const { host, runtimes, session } = this.#options;
    const block = host.finalized;
    if (!block || !host.hasBlock(block.hash)) return false;
    const runtime = this.withRuntime ? runtimes.of(block) : undefined;
    if (this.withRuntime && runtime === undefined) return false;
    const initial: Block[] = [];
    for (let at: Block | undefined = block; at && initial.length < maxInitial; ) {
      initial.unshift(at);
      at = at.number > 0 ? host.block(at.parentHash) : undefined;
    }
    for (const each of initial) if (!this.#pin(each)) return false;
    this.#finalized = { block, runtime };
    session.observe(block.number);
    this.#waitingFrom = block.number + 1;
    const finalizedBlockHashes = initial.map(({ hash }) => hash);
    this.#emit(
      { event: 'initialized', finalizedBlockHashes },
      this.withRuntime ? `"finalizedBlockRuntime":${runtime}` : undefined,
    );
    return true;
  }

  #tellBlocks(): void {
    const { host } = this.#options;
    const floor = (this.#finalized as Told).block.number;
    let waitingFrom = Number.POSITIVE_INFINITY;
    for (let height = Math.max(this.#waitingFrom, floor + 1); ; height += 1) {
      const blocks = host.blocksAt(height);
      if (blocks.length === 0) break;
      for (const block of blocks) {
        const parent = this.#toldOf(block.parentHash);
        if (!parent || this.#told.has(block.hash)) continue;
        if (!this.#tellBlock(block, parent)) waitingFrom = Math.min(waitingFrom, height);
        if (this.#over) return;
      }
    }
    this.#waitingFrom = waitingFrom;
  }

  /** False while it cannot be told yet. */
  #tellBlock(block: Block, parent: Told): boolean {
    const { host, runtimes } = this.#options;
    if (!host.hasBlock(block.hash)) return false;
    const runtime = this.withRuntime ? runtimes.of(block) : undefined;
    if (this.withRuntime && runtime === undefined) return false;
    if (!this.#pin(block)) return true;
    this.#told.set(block.hash, { block, runtime });
    const news = runtime === parent.runtime ? 'null' : runtime;
    this.#emit(
      { event: 'newBlock', blockHash: block.hash, parentBlockHash: block.parentHash },
      this.withRuntime ? `"newRuntime":${news}` : undefined,
    );
    return true;
  }

  #tellHeads(): void {
    const { host } = this.#options;
    const held = (this.#finalized as Told).block;
    const { finalized, best } = host;
    const bestPlace = best ? this.#place(best) : 'unknown';
    // Of a best block that nothing connects to what was told yet there is nothing to say.
    let bestTold = this.#best ?? held;
    if (typeof bestPlace === 'object' && bestPlace.number >= bestTold.number) bestTold = bestPlace;
    if (finalized && finalized.hash !== held.hash) {
      const place = this.#place(finalized);
      if (place === 'elsewhere' || (place === 'unknown' && finalized.number > held.number)) {
        this.stop();
        return;
      }
      if (typeof place === 'object' && place.hash !== held.hash) {
        // The best block may not be one that finality passes by.
        if (!this.#isAncestor(place, bestTold)) bestTold = place;
        this.#tellBest(bestTold);
        this.#tellFinalized(place);
        return;
      }
    }
    this.#tellBest(bestTold);
  }

  #tellBest(block: Block): void {
    if (block.hash === this.#best?.hash) return;
    this.#best = block;
    this.#options.session.observe(block.number);
    this.#emit({ event: 'bestBlockChanged', bestBlockHash: block.hash });
  }

  #tellFinalized(block: Block): void {
    const path: string[] = [];
    let at: Told | undefined = this.#told.get(block.hash);
    const finalized = at as Told;
    while (at) {
      path.unshift(at.block.hash);
      at = this.#told.get(at.block.parentHash);
    }
    const pruned = this.#prune(block, new Set(path));
    this.#finalized = finalized;
    this.#emit({ event: 'finalized', finalizedBlockHashes: path, prunedBlockHashes: pruned });
    const [oldest] = this.#pins.values();
    const { maxPinnedDepth } = this.#options.client.limits;
    if (oldest && oldest.number < block.number - maxPinnedDepth) this.stop();
  }

  /** Forgets what is final or cannot become so; gives the latter. */
  #prune(finalized: Block, path: ReadonlySet<string>): string[] {
    const pruned: string[] = [];
    const kept = new Set([finalized.hash]);
    // Told parents first, so that a parent's fate is known before its children's.
    for (const [hash, { block }] of this.#told) {
      if (path.has(hash)) continue;
      if (block.number > finalized.number && kept.has(block.parentHash)) kept.add(hash);
      else pruned.push(hash);
    }
    for (const hash of [...path, ...pruned]) this.#told.delete(hash);
    return pruned;
  }

  /**
   * The highest block that was told on the way down from this one; `elsewhere` when the way passes
   * the finalized block by, `unknown` when it is not known that far.
   */
  #place(block: Block): Place {
    const { host } = this.#options;
    const held = (this.#finalized as Told).block;
    if (block.number < held.number) return this.#placeBelow(block);
    let at: Block | undefined = block;
    while (at && at.number > held.number) {
      if (this.#told.has(at.hash)) return at;
      at = this.#told.get(at.parentHash)?.block ?? host.block(at.parentHash);
    }
    if (!at) return 'unknown';
    return at.hash === held.hash ? held : 'elsewhere';
  }

  /** A block below the finalized one: it is on the chain that was told, or that chain is abandoned. */
  #placeBelow(block: Block): Place {
    const { host } = this.#options;
    let at: Block | undefined = (this.#finalized as Told).block;
    while (at && at.number > block.number) at = host.block(at.parentHash);
    if (!at) return 'unknown';
    return at.hash === block.hash ? (this.#finalized as Told).block : 'elsewhere';
  }

  #isAncestor(ancestor: Block, block: Block): boolean {
    let at: Block | undefined = block;
    while (at && at.number > ancestor.number) at = this.#told.get(at.parentHash)?.block;
    return at?.hash === ancestor.hash;
  }

  #toldOf(hash: string): Told | undefined {
    const finalized = this.#finalized as Told;
    return this.#told.get(hash) ?? (finalized.block.hash === hash ? finalized : undefined);
  }

  /** False when there was no room for it: then the follow is over. */
  #pin(block: Block): boolean {
    this.#options.client.makeRoom();
    if (this.#over) return false;
    this.#pins.set(block.hash, block);
    return true;
  }

  /** `raw`: one more member, already JSON. */
  #emit(event: object, raw?: string): void {
    if (this.#over) return;
    const text = JSON.stringify(event);
    this.#options.sink.onItem(raw === undefined ? text : `${text.slice(0, -1)},${raw}}`);
  }
}
