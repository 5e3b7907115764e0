import type { Block, Chain, ChainView, UpstreamHealth } from './chain/chain.ts';
import type { ChainHead } from './head/chain-head.ts';
import type { Rotation } from './rotation.ts';
import type { Upstream } from './upstream/upstream.ts';

/** What a chain package may know of the pool, seen by callers who may use what `chain` lets them. */
export class PoolView implements ChainView {
  readonly #chain: Chain;
  readonly #head: ChainHead;
  readonly #rotation: Rotation;

  constructor(chain: Chain, head: ChainHead, rotation: Rotation) {
    this.#chain = chain;
    this.#head = head;
    this.#rotation = rotation;
  }

  get genesisHash(): string | undefined {
    return this.#rotation.genesisHash;
  }

  get best(): Block | undefined {
    return this.#head.best;
  }

  get finalized(): Block | undefined {
    return this.#head.finalized;
  }

  get safe(): Block | undefined {
    return this.#head.safe;
  }

  isDenied(method: string): boolean {
    return this.#chain.traits(method).kind === 'denied';
  }

  methods(): ReadonlySet<string> | undefined {
    const serving = this.#rotation.upstreams().filter(({ isServing }) => isServing);
    if (serving.length === 0) return undefined;
    const names = new Set<string>();
    for (const { upstream } of serving) {
      for (const method of [...(upstream.state.methods ?? []), ...upstream.enabled]) {
        if (!names.has(method) && this.#isServedBy(upstream, method)) names.add(method);
      }
    }
    return names;
  }

  health(): readonly UpstreamHealth[] {
    return this.#rotation.upstreams().flatMap(({ upstream, isServing }) => {
      const report = upstream.state.health;
      return report === undefined ? [] : [{ serving: isServing, report }];
    });
  }

  #isServedBy(upstream: Upstream, method: string): boolean {
    const { kind, subscription } = this.#chain.traits(method);
    if (kind === 'denied' || !upstream.offers(method)) return false;
    if (upstream.state.disowned.has(method)) return false;
    if (subscription?.source !== 'upstream' || subscription.isReadable) return true;
    return upstream.transport.canSubscribe;
  }
}
