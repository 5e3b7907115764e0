import type { SharePlan } from '../chain/chain.ts';
import type { RawJson } from '../json-rpc/message.ts';

/** Events remembered, so that the next upstream's repetitions are not told. */
const maxFingerprints = 64;

/** What was told of a subscription without a present value. */
export class ToldEvents {
  readonly #fingerprintOf: SharePlan['fingerprint'];
  readonly #fingerprints = new Set<string>();

  /** @param fingerprintOf what makes two events one. @default each is another */
  constructor(fingerprintOf: SharePlan['fingerprint']) {
    this.#fingerprintOf = fingerprintOf;
  }

  /** The event, unless it was told before. */
  news(item: RawJson): RawJson | undefined {
    const fingerprint = this.#fingerprintOf?.(item);
    if (fingerprint === undefined) return item;
    if (this.#fingerprints.has(fingerprint)) return undefined;
    this.#fingerprints.add(fingerprint);
    if (this.#fingerprints.size > maxFingerprints) {
      const [oldest] = this.#fingerprints;
      this.#fingerprints.delete(oldest as string);
    }
    return item;
  }
}
