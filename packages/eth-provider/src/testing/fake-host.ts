import type { Block, BlockPath, ForwardOptions, Reply, ServiceHost } from '@dshackle/core';
import { FakeClock } from '@dshackle/core/testing';

/** A pool for services under test: its chain is what it is told, and its upstreams are a function. */
export class FakeHost implements ServiceHost {
  readonly clock = new FakeClock();
  readonly genesisHash = hashOf('genesis');
  /** Every call it got, in order. */
  readonly calls: { readonly method: string; readonly params: readonly unknown[] }[] = [];
  /** What the client of each call had seen. */
  readonly seen: number[] = [];
  best: Block | undefined;
  safe: Block | undefined;
  finalized: Block | undefined;
  widestRange = Number.POSITIVE_INFINITY;
  /** How calls are answered. @default nothing is there */
  answer: (method: string, params: readonly unknown[]) => Reply | Promise<Reply> = () => ({
    kind: 'result',
    result: '[]',
  });
  readonly #blocks = new Map<string, Block>();
  #isHung = false;
  readonly #listeners = new Set<() => void>();

  /** Makes a block known; a child of `parent`, of the first block at height 1 when left out. */
  add(name: string, parent?: Block, bloom = 'ff'): Block {
    const block: Block = {
      number: (parent?.number ?? 0) + 1,
      hash: hashOf(name),
      parentHash: parent?.hash ?? this.genesisHash,
      header: JSON.stringify({ logsBloom: `0x${bloom.repeat(256)}` }),
    };
    this.#blocks.set(block.hash, block);
    return block;
  }

  /** Forgets a block, so that no way leads over it. */
  forget(block: Block): void {
    this.#blocks.delete(block.hash);
  }

  /** Makes a block the best one and tells of it; resolves when all that follows at once has. */
  async show(block: Block): Promise<void> {
    this.best = block;
    for (const listener of [...this.#listeners]) listener();
    await this.clock.advance(0);
  }

  block(hash: string): Block | undefined {
    return this.#blocks.get(hash);
  }

  blocksAt(number: number): readonly Block[] {
    return [...this.#blocks.values()].filter((block) => block.number === number);
  }

  path(from: string, to: string): BlockPath | undefined {
    let [old, next] = [this.block(from), this.block(to)];
    const retracted: Block[] = [];
    const applied: Block[] = [];
    while (old && next && old !== next) {
      const [a, b]: [Block, Block] = [old, next];
      if (b.number >= a.number) {
        applied.unshift(b);
        next = this.block(b.parentHash);
      }
      if (a.number >= b.number) {
        retracted.push(a);
        old = this.block(a.parentHash);
      }
    }
    return old && next ? { retracted, applied } : undefined;
  }

  hasBlock(hash: string): boolean {
    return this.#blocks.has(hash);
  }

  offers(): boolean {
    return true;
  }

  onBlock(): () => void {
    return () => {};
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Answers nothing from now on; calls end only by their signal. */
  hang(): void {
    this.#isHung = true;
  }

  async forward(
    method: string,
    params: readonly unknown[],
    { session, signal }: ForwardOptions = {},
  ): Promise<Reply> {
    this.calls.push({ method, params });
    this.seen.push(session?.seen ?? -1);
    if (!this.#isHung) return this.answer(method, params);
    return new Promise((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason)),
    );
  }

  /** How subscriptions are accepted. @default nobody does */
  subscribe: ServiceHost['subscribe'] = () => Promise.reject(new Error('nobody can subscribe'));
}

/** A hash that can be told from others. */
export function hashOf(name: string): string {
  return `0x${Buffer.from(name).toString('hex').padStart(64, '0')}`;
}
