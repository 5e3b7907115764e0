import { BalancerError } from '../errors.ts';
import type { Upstream } from './upstream.ts';

/** The upstreams of one chain; they come and go at run time. */
export class UpstreamPool implements Iterable<Upstream> {
  readonly #upstreams = new Map<string, Upstream>();

  get size(): number {
    return this.#upstreams.size;
  }

  get(id: string): Upstream | undefined {
    return this.#upstreams.get(id);
  }

  [Symbol.iterator](): Iterator<Upstream> {
    return this.#upstreams.values();
  }

  /** @throws BalancerError `invalid request` when the id is taken */
  add(upstream: Upstream): void {
    if (this.#upstreams.has(upstream.id)) {
      throw new BalancerError('invalid request', `there is an upstream ${upstream.id} already`);
    }
    this.#upstreams.set(upstream.id, upstream);
  }

  remove(id: string): Upstream | undefined {
    const upstream = this.#upstreams.get(id);
    this.#upstreams.delete(id);
    return upstream;
  }
}
