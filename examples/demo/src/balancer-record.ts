import type { Balancer } from '@dshackle/core';

/** What a balancer did behind its callers' backs. */
export class BalancerRecord {
  /** Attempts at upstreams that came to an end. */
  attempts = 0;
  /** Those of them that failed: unseen by callers, or a promise is broken. */
  failed = 0;
  /** Those made because another took long. */
  hedges = 0;
  /** Times that an upstream left rotation. */
  departures = 0;
  /** Subscriptions that moved to another upstream. */
  moved = 0;
  reorgs = 0;
  /** Holes in head feeds, and final blocks that were contradicted: none is allowed. */
  readonly broken: string[] = [];

  /** Has it met with failures at all? */
  get hasSuffered(): boolean {
    return this.failed > 0 && this.departures > 0;
  }

  constructor(balancer: Balancer) {
    balancer.on('attempt', ({ outcome, hedge }) => {
      this.attempts += 1;
      if (outcome === 'failure') this.failed += 1;
      if (hedge) this.hedges += 1;
    });
    balancer.on('upstream', ({ serving }) => {
      if (!serving) this.departures += 1;
    });
    balancer.on('resubscribed', () => {
      this.moved += 1;
    });
    balancer.on('reorg', () => {
      this.reorgs += 1;
    });
    balancer.on('gap', (gap) => this.broken.push(`gap ${JSON.stringify(gap)}`));
    balancer.on('finalityViolation', (violation) =>
      this.broken.push(`finality ${JSON.stringify(violation)}`),
    );
  }
}
