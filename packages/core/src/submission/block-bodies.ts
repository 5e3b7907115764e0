import { LRUCache } from 'lru-cache';
import type { Answer, Call } from '../call.ts';
import type { Submissions } from '../chain/submissions.ts';

/** Blocks whose transactions are remembered: more than a reorganisation takes back. */
const maxBlocks = 32;

/**
 * The transactions of blocks, each block fetched once however many look for theirs in it. A fetch
 * that failed is made again for the next one who asks.
 */
export class BlockBodies {
  readonly #submissions: Submissions;
  readonly #forward: (call: Call) => Promise<Answer>;
  readonly #bodies = new LRUCache<string, Promise<readonly string[]>>({ max: maxBlocks });

  /** @param forward makes one call, with all the care that a caller's call gets */
  constructor(submissions: Submissions, forward: (call: Call) => Promise<Answer>) {
    this.#submissions = submissions;
    this.#forward = forward;
  }

  /**
   * The block's transactions in their order.
   * @throws Error when no upstream gives them
   */
  get(hash: string): Promise<readonly string[]> {
    const known = this.#bodies.get(hash);
    if (known) return known;
    const body = this.#fetch(hash);
    this.#bodies.set(hash, body);
    body.catch(() => {
      if (this.#bodies.peek(hash) === body) this.#bodies.delete(hash);
    });
    return body;
  }

  async #fetch(hash: string): Promise<readonly string[]> {
    const { reply } = await this.#forward(this.#submissions.block(hash));
    if (reply.kind === 'error') throw new Error(reply.error.message);
    return this.#submissions.listed(reply.result);
  }
}
