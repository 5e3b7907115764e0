import type { BlockId } from '../chain/chain.ts';

/** What a balancer tells to those who listen with `on`. No payload holds a URL or a credential. */
export interface BalancerEvents {
  /** One try at one upstream came to an end. */
  attempt: {
    readonly method: string;
    readonly upstream: string;
    readonly durationMs: number;
    readonly outcome: 'answer' | 'missing' | 'failure';
    readonly hedge: boolean;
    /** Its answer is the one the caller got. */
    readonly won: boolean;
  };
  /** An upstream entered or left rotation. */
  upstream: {
    readonly upstream: string;
    readonly serving: boolean;
    /** Why not, when it does not serve. */
    readonly reason: string | undefined;
  };
  /**
   * An upstream could not be connected to, or is of another chain. Each reason is told once until the
   * upstream is connected again (of very many, the last 16 are remembered).
   */
  unreachable: { readonly upstream: string; readonly reason: string };
  /**
   * A function of the application's has thrown: a listener, a subscriber's handler, or the receiver of
   * an answer. Nothing else is hurt by it. While nobody listens it goes to the console.
   */
  thrown: { readonly where: string; readonly error: unknown };
  /** The first upstream became able to serve, or the last one ceased to. */
  availability: { readonly available: boolean };
  /** The pool's best head moved. */
  best: BlockId;
  /** The pool's finalized head moved. */
  finalized: BlockId;
  /** Blocks left the best chain. */
  reorg: { readonly depth: number; readonly from: BlockId; readonly to: BlockId };
  /** Several upstreams contradict what was held for final. */
  finalityViolation: { readonly held: BlockId; readonly taken: BlockId };
  /** No new best block for a long time. */
  stalled: { readonly best: BlockId; readonly forMs: number };
  /** New blocks again after a stall. */
  resumed: { readonly best: BlockId };
  /** A head subscription could not be filled without a hole. */
  gap: { readonly feed: string; readonly from: BlockId; readonly to: BlockId };
  /** A subscription moved to another upstream. */
  resubscribed: { readonly method: string; readonly upstream: string };
  /** The balancer began to shut down. */
  closed: undefined;
}
