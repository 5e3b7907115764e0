import type { BlockData, BlockId } from '../chain/chain.ts';
import type { ChainHeadSnapshot } from '../head/chain-head.ts';
import type { Ineligibility } from '../selector/eligibility.ts';
import type { CircuitBreakerState } from '../upstream/circuit-breaker.ts';
import type { Role } from '../upstream/role.ts';

/** One upstream as it stands. No URL, no credential. */
export interface UpstreamSnapshot {
  readonly id: string;
  readonly role: Role;
  readonly labels: Readonly<Record<string, string>>;
  /** Transport kind and where its connection stands. */
  readonly transport: string;
  readonly connection: string;
  /** False also for one with a WebSocket that is down while its HTTP serves. */
  readonly canSubscribe: boolean;
  /** Why it would not be chosen for an ordinary call; absent when it would. */
  readonly reason: Ineligibility | undefined;
  /** What the reason rests on, in words. */
  readonly detail: string | undefined;
  /** What program it says it is, 200 characters at most; `undefined` when nobody knows. */
  readonly version: string | undefined;
  readonly best: BlockId | undefined;
  readonly finalized: BlockId | undefined;
  /**
   * Height of the oldest block of which it has each sort of data; 0 when it has all, `undefined`
   * while that is not known.
   */
  readonly lowerBounds: Readonly<Record<BlockData, number | undefined>>;
  /** The most blocks from which it reads one answer (logs); `undefined` when no bound is known. */
  readonly widestRange: number | undefined;
  readonly lagBlocks: number;
  readonly lagMs: number;
  /** Average round trip in milliseconds, peaks weighing more. */
  readonly latencyMs: number;
  readonly pending: number;
  readonly breaker: CircuitBreakerState['status'];
  /** Attempts answered and failed since the start. */
  readonly answered: number;
  readonly failed: number;
}

/** The balancer as it stands. */
export interface BalancerSnapshot {
  readonly chain: string;
  readonly available: boolean;
  readonly head: ChainHeadSnapshot;
  readonly upstreams: readonly UpstreamSnapshot[];
  /** Calls under way, those that wait for an upstream, and live subscriptions. */
  readonly calls: { readonly running: number; readonly waiting: number };
  readonly subscriptions: number;
}
