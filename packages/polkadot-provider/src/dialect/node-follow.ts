import {
  type Clock,
  type RawJson,
  type Reply,
  type Transport,
  TransportError,
  type TransportSubscription,
} from '@dshackle/core';
import type { HeaderJson } from '../chain/header.ts';
import { Budget } from './budget.ts';
import { decodeHeader } from './decode.ts';
import { FollowOperations } from './follow-operations.ts';
import { Refusal } from './refusal.ts';

/** Finalized blocks that stay pinned: those that calls may still name. */
const keptFinalized = 16;
/** Blocks that we keep pinned at most; with more than that something is wrong with the node. */
const maxPinned = 256;
/** Events that may wait for the headers of those before. */
const maxWaiting = 256;

/** The heads that the older calls tell of. */
export type HeadFeed = 'all' | 'best' | 'finalized';

/** One that hears headers, as JSON. */
export interface HeadListener {
  readonly feed: HeadFeed;
  readonly onHeader: (header: RawJson) => void;
  readonly onEnd: (reason: string) => void;
}

/** A block that the node has reported and we have not unpinned. */
export interface PinnedBlock {
  readonly hash: string;
  readonly number: number;
  readonly header: HeaderJson;
}

type FollowEvent =
  | { readonly event: 'initialized'; readonly finalizedBlockHashes: readonly string[] }
  | { readonly event: 'newBlock'; readonly blockHash: string }
  | { readonly event: 'bestBlockChanged'; readonly bestBlockHash: string }
  | {
      readonly event: 'finalized';
      readonly finalizedBlockHashes: readonly string[];
      readonly prunedBlockHashes: readonly string[];
    }
  | { readonly event: 'stop' };

/**
 * A `chainHead_v1_follow` of our own at one node, by which its heads are known, and through which its
 * newest blocks are read. It keeps what is not final and the last finalized blocks pinned, and lets go
 * of all others. When the node stops it, or says what cannot be, it is over; whoever wants heads begins
 * another.
 */
export class NodeFollow {
  /** Resolves when the node has told where it stands; rejects when it is over before. */
  readonly ready: Promise<void>;
  readonly operations: FollowOperations;
  readonly #node: Transport;
  readonly #clock: Clock;
  readonly #blocks = new Map<string, PinnedBlock>();
  /** Hashes of the finalized ones among them, oldest first. */
  readonly #finalizedHashes: string[] = [];
  readonly #listeners = new Set<HeadListener>();
  readonly #onEnd: (follow: NodeFollow) => void;
  #settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  #subscription: TransportSubscription | undefined;
  #waiting = 0;
  #last = Promise.resolve();
  #over = false;
  #best: string | undefined;

  /** `onEnd` is called once, when it is over. */
  constructor(node: Transport, clock: Clock, onEnd: (follow: NodeFollow) => void) {
    this.#node = node;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.operations = new FollowOperations(node, () => this.#subscription?.id);
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever waits for it hears of a failure; nobody has to.
    this.ready.catch(() => {});
    void this.#start();
  }

  get best(): PinnedBlock | undefined {
    return this.#best === undefined ? undefined : this.#blocks.get(this.#best);
  }

  get finalized(): PinnedBlock | undefined {
    return this.#blocks.get(this.#finalizedHashes.at(-1) ?? '');
  }

  /** A block that is still pinned. */
  block(hash: string): PinnedBlock | undefined {
    return this.#blocks.get(hash);
  }

  /** The block of the best chain at that height, if it is still pinned. */
  blockAt(number: number): PinnedBlock | undefined {
    let block = this.best;
    while (block && block.number > number) block = this.#blocks.get(block.header.parentHash);
    return block?.number === number ? block : undefined;
  }

  /** Begins with the present head, as nodes do; gives the function that ends it. */
  listen(listener: HeadListener): () => void {
    const present = listener.feed === 'finalized' ? this.finalized : this.best;
    this.#listeners.add(listener);
    if (present && listener.feed !== 'all') listener.onHeader(JSON.stringify(present.header));
    return () => this.#listeners.delete(listener);
  }

  /** Ends it, at the node too. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#subscription?.unsubscribe();
    this.#settle?.reject(new TransportError(reason, { sent: false }));
    this.operations.close(reason);
    this.#blocks.clear();
    this.#onEnd(this);
    for (const { onEnd } of [...this.#listeners]) onEnd(reason);
    this.#listeners.clear();
  }

  async #start(): Promise<void> {
    try {
      const reply = await this.#node.subscribe(
        // Without the runtime no calls of it are allowed.
        { method: 'chainHead_v1_follow', params: '[true]', unsubscribe: 'chainHead_v1_unfollow' },
        {
          onSubscribed: (subscription) => {
            this.#subscription = subscription;
            if (this.#over) subscription.unsubscribe();
          },
          onNotification: (item) => this.#hear(item),
          onEnd: (reason) => this.end(reason),
        },
        new Budget(this.#clock).options,
      );
      if (reply.kind === 'error') {
        this.#settle?.reject(new Refusal(reply));
        this.end(`follow declined: ${reply.error.message}`);
      }
    } catch (error) {
      this.#settle?.reject(error);
      this.end(`cannot follow: ${error instanceof Error ? error.message : error}`);
    }
  }

  #hear(item: RawJson): void {
    if (this.#over) return;
    let event: FollowEvent;
    try {
      event = JSON.parse(item) as FollowEvent;
      if (this.operations.hear(event)) return;
    } catch (error) {
      this.end(`nonsense in a follow: ${error instanceof Error ? error.message : error}`);
      return;
    }
    if (event.event === 'stop') this.end('the node stopped the follow');
    else if (this.#waiting >= maxWaiting) this.end('heads come faster than their headers');
    else this.#queue(event);
  }

  /** One after the other: most take the header of a block, which has to be asked for. */
  #queue(event: FollowEvent): void {
    this.#waiting += 1;
    this.#last = this.#last
      .then(() => (this.#over ? undefined : this.#take(event)))
      .catch((error: unknown) => this.end(error instanceof Error ? error.message : String(error)))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  async #take(event: FollowEvent): Promise<void> {
    switch (event.event) {
      case 'initialized':
        if (this.#best !== undefined) return this.end('the node began the follow twice');
        for (const hash of event.finalizedBlockHashes.slice(-keptFinalized)) {
          this.#finalizedHashes.push((await this.#learn(hash)).hash);
        }
        this.#unpin(event.finalizedBlockHashes.slice(0, -keptFinalized));
        this.#best = this.#finalizedHashes.at(-1);
        this.#settle?.resolve();
        return;
      case 'newBlock':
        this.#tell('all', await this.#learn(event.blockHash));
        if (this.#blocks.size > maxPinned) this.end(`more than ${maxPinned} blocks are not final`);
        return;
      case 'bestBlockChanged': {
        const block = await this.#learn(event.bestBlockHash);
        this.#best = block.hash;
        this.#tell('best', block);
        return;
      }
      case 'finalized':
        await this.#finalize(event.finalizedBlockHashes, event.prunedBlockHashes);
        return;
      default:
      // What a later version of the interface tells is not for us.
    }
  }

  async #finalize(finalized: readonly string[], pruned: readonly string[]): Promise<void> {
    for (const hash of finalized) {
      const block = await this.#learn(hash);
      if (this.#finalizedHashes.includes(block.hash)) continue;
      this.#finalizedHashes.push(block.hash);
      this.#tell('finalized', block);
    }
    const old = this.#finalizedHashes.splice(
      0,
      Math.max(0, this.#finalizedHashes.length - keptFinalized),
    );
    this.#unpin([...pruned.map((hash) => hash.toLowerCase()), ...old]);
  }

  /** The header of a block; its first mention pins it. */
  async #learn(given: string): Promise<PinnedBlock> {
    const hash = given.toLowerCase();
    const known = this.#blocks.get(hash);
    if (known) return known;
    const id = JSON.parse(this.#subscription?.id ?? 'null') as unknown;
    const reply: Reply = await this.#node.request(
      'chainHead_v1_header',
      JSON.stringify([id, hash]),
      new Budget(this.#clock).options,
    );
    if (reply.kind === 'error') throw new Refusal(reply);
    const raw: unknown = JSON.parse(reply.result);
    if (typeof raw !== 'string') throw new Error(`the node gives no header of its block ${hash}`);
    const header = decodeHeader(raw);
    const block = { hash, number: Number(header.number), header };
    if (!this.#over) this.#blocks.set(hash, block);
    return block;
  }

  #unpin(hashes: readonly string[]): void {
    const id = this.#subscription?.id;
    if (hashes.length === 0 || id === undefined || this.#over) return;
    for (const hash of hashes) this.#blocks.delete(hash);
    // A node that keeps them pinned stops the follow in the end, and a new one is begun.
    this.#node.send('chainHead_v1_unpin', `[${id},${JSON.stringify(hashes)}]`, 10_000, unheard);
  }

  #tell(feed: HeadFeed, block: PinnedBlock): void {
    const header = JSON.stringify(block.header);
    for (const listener of [...this.#listeners]) {
      if (listener.feed === feed) listener.onHeader(header);
    }
  }
}

const unheard = { onReply: (): void => {}, onFail: (): void => {} };
