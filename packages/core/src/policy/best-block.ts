import type { Block } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { Requirement } from '../selector/eligibility.ts';
import type { CallContext } from './call-context.ts';

/** How far below the best head a servable block is looked for. */
const maxStepsBack = 16;

/** Could as many upstreams answer such a call now? */
export type CanServe = (need: Requirement, nowMs: number, count: number) => boolean;

type Context = Pick<CallContext, 'need' | 'startedMs' | 'strategy'>;

/**
 * The block of a call that speaks of the best head: the highest one, best or just below, that an
 * eligible upstream has, or as many as must agree; never below what the session has seen. The only
 * upstream that has it may die or take it back before it has answered: then another one is chosen.
 */
export class BestBlock {
  readonly #head: ChainHead;
  readonly #canServe: CanServe;
  readonly #context: Context;
  readonly #fill: (block: Block) => void;
  #block: Block | undefined;
  #missed: Set<string> | undefined;

  /** @param fill puts a block into the call, and requires it */
  constructor(head: ChainHead, canServe: CanServe, context: Context, fill: (block: Block) => void) {
    this.#head = head;
    this.#canServe = canServe;
    this.#context = context;
    this.#fill = fill;
  }

  /** The block that the call is given now. */
  get block(): Block | undefined {
    return this.#block;
  }

  /** The first choice, best itself when nobody can serve right now; false without a fit head. */
  choose(): boolean {
    return this.#give(this.#servable(this.#context.startedMs) ?? this.#best());
  }

  /**
   * Chooses again, once nobody is left to ask for the block that was chosen.
   *
   * @param isMissed whoever was asked said that there is no such block
   * @returns false when there is no other
   */
  chooseAnother(isMissed: boolean, nowMs: number): boolean {
    const { hash } = this.#context.need;
    if (isMissed && hash !== undefined) {
      this.#missed ??= new Set();
      this.#missed.add(hash);
    }
    const block = this.#servable(nowMs);
    return block?.hash !== hash && this.#give(block);
  }

  /** Time has passed: what was missed may be there by now. */
  forgive(): void {
    this.#missed?.clear();
  }

  #give(block: Block | undefined): boolean {
    if (block === undefined) return false;
    this.#block = block;
    this.#fill(block);
    return true;
  }

  #best(): Block | undefined {
    const { best } = this.#head;
    return best === undefined || best.number < this.#context.need.seen ? undefined : best;
  }

  #servable(nowMs: number): Block | undefined {
    const { need, strategy } = this.#context;
    const { hash } = need;
    const count = strategy.kind === 'agree' ? strategy.count : 1;
    try {
      let block = this.#best();
      for (let step = 0; block && step < maxStepsBack && block.number >= need.seen; step += 1) {
        need.hash = block.hash;
        if (!this.#missed?.has(block.hash) && this.#canServe(need, nowMs, count)) return block;
        block = this.#head.tree.get(block.parentHash);
      }
      return undefined;
    } finally {
      need.hash = hash;
    }
  }
}
